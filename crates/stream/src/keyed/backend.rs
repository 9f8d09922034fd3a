//! The tables of one keyed operator of one subtask.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use everspan_state::KeyGroupRange;
use everspan_state::heap::{HeapCheckpoints, HeapError, HeapReader, HeapSnapshots, HeapTable};

use super::KeyOf;
use super::descriptor::ValueStateDescriptor;
use super::value::ValueState;
use crate::data::{Key, StateValue};
use crate::failure::{BoxError, Result, SuppressRestarts};
use crate::graph::{Operator, OwnState, Setup};
use crate::task::TaskContext;
use crate::task::snapshot::{BarrierPass, KeyedSnapshot, OperatorState, StateType};

/// Tables of more rows than this are looked at ahead.
const CACHED_ROWS: usize = 32 << 10;

/// All state of one keyed operator: one table per state.
pub(crate) struct KeyedBackend<K> {
    range: KeyGroupRange,
    tables: Vec<Named<K>>,
    checkpoints: HeapCheckpoints,
    /// The operator's uid.
    uid: Arc<str>,
    /// What the checkpoint holds from which the run goes on, until the operator opens.
    own: Option<OwnState>,
    /// The same, while the operator opens.
    earlier: Option<Earlier>,
}

struct Named<K> {
    state: StateType,
    table: Box<dyn Table<K>>,
}

struct Earlier {
    states: Vec<StateType>,
    reader: HeapReader,
    drops_unclaimed: bool,
    began: Instant,
}

/// A table whose value type is not known here.
trait Table<K>: Any + Send {
    /// Adds what it holds now to a snapshot.
    fn add_to(&self, snapshot: &mut HeapSnapshots, name: &str);

    /// Looks at the rows of these keys, so that they are in the processor's cache; returns how many there are.
    fn touch(&self, keys: &[KeyOf<K>]) -> usize;

    fn len(&self) -> usize;
}

/// The values of one state, in memory.
pub(crate) struct ValueTable<K, V> {
    pub(crate) rows: HeapTable<K, V>,
}

impl<K: Key, V: StateValue> Table<K> for ValueTable<K, V> {
    fn add_to(&self, snapshot: &mut HeapSnapshots, name: &str) {
        snapshot.add(name, self.rows.snapshot());
    }

    fn touch(&self, keys: &[KeyOf<K>]) -> usize {
        let rows = keys
            .iter()
            .map(|of| self.rows.get_hashed(of.group, of.hash, &of.key));
        rows.filter(Option::is_some).count()
    }

    fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Only what the disk said may be otherwise after a restart.
fn unreadable(told: String, error: &HeapError) -> BoxError {
    match error {
        HeapError::Io { .. } => told.into(),
        _ => SuppressRestarts::new(told).into(),
    }
}

impl<K: Key> KeyedBackend<K> {
    /// Empty, for the key groups of this subtask of `operator`.
    pub(crate) fn new(operator: &Operator, setup: &Setup<'_>) -> Self {
        Self {
            range: setup.key_groups().0,
            tables: Vec::new(),
            checkpoints: HeapCheckpoints::new(true),
            uid: operator.uid.clone(),
            own: setup.restored(operator),
            earlier: None,
        }
    }

    /// The operator opens: from now on states are made with what a checkpoint holds of them, until
    /// [`opened`](Self::opened).
    pub(crate) fn open(&mut self) -> Result {
        if let Some(own) = self.own.take() {
            let began = Instant::now();
            let reader = HeapReader::open(&own.tables);
            self.earlier = Some(Earlier {
                began,
                states: own.states,
                reader: reader.map_err(|error| unreadable(error.to_string(), &error))?,
                drops_unclaimed: own.drops_unclaimed,
            });
        }
        Ok(())
    }

    /// Every state is made: what a checkpoint holds beyond them is refused.
    pub(crate) fn opened(&mut self, task: &mut TaskContext) -> Result {
        let Some(earlier) = self.earlier.take() else {
            return Ok(());
        };
        task.restored(earlier.began.elapsed());
        let is_claimed = |state: &StateType| self.tables.iter().any(|table| table.state.name == state.name);
        match earlier.states.iter().find(|state| !is_claimed(state)) {
            Some(state) if !earlier.drops_unclaimed => Err(SuppressRestarts::new(format!(
                "the checkpoint holds the state `{}`, which the operator does not make any more: \
                 execution.state-recovery.ignore-unclaimed-state drops it",
                state.name
            ))
            .into()),
            _ => Ok(()),
        }
    }

    /// Whether the tables are larger than a processor's near caches.
    pub(crate) fn is_large(&self) -> bool {
        self.tables.iter().any(|named| named.table.len() > CACHED_ROWS)
    }

    /// Brings the rows of these keys near the processor: looks that do not wait for one another cost a fraction of as
    /// many that do.
    pub(crate) fn touch(&self, keys: &[KeyOf<K>]) {
        let found: usize = self.tables.iter().map(|named| named.table.touch(keys)).sum();
        std::hint::black_box(found);
    }

    /// Adds all tables, as they are now, to a checkpoint.
    pub(crate) fn barrier(&self, pass: &mut BarrierPass) {
        let mut tables = self.checkpoints.begin(pass.barrier.checkpoint);
        for named in &self.tables {
            named.table.add_to(&mut tables, &named.state.name);
        }
        let keyed = KeyedSnapshot {
            range: self.range,
            tables,
            states: self.tables.iter().map(|named| named.state.clone()).collect(),
        };
        pass.parts.push(OperatorState {
            uid: self.uid.clone(),
            list: Vec::new(),
            keyed: Some(keyed),
        });
    }

    /// Makes the table of a state.
    pub(crate) fn value_state<V: StateValue>(
        &mut self,
        descriptor: ValueStateDescriptor<V>,
    ) -> Result<ValueState<V>> {
        let state = StateType {
            name: descriptor.name,
            key_type: std::any::type_name::<K>().to_owned(),
            type_name: std::any::type_name::<V>().to_owned(),
            version: descriptor.version,
        };
        if self.tables.iter().any(|table| table.state.name == state.name) {
            let twice = format!("the state `{}` is made twice in one operator", state.name);
            return Err(SuppressRestarts::new(twice).into());
        }
        let rows = self.earlier_rows(&state)?;
        self.tables.push(Named {
            state,
            table: Box::new(ValueTable::<K, V> { rows }),
        });
        Ok(ValueState::in_slot(self.tables.len() - 1))
    }

    fn earlier_rows<V: StateValue>(&self, state: &StateType) -> Result<HeapTable<K, V>> {
        let Some(earlier) = &self.earlier else {
            return Ok(HeapTable::new(self.range));
        };
        if let Some(written) = earlier.states.iter().find(|written| written.name == state.name)
            && written != state
        {
            return Err(SuppressRestarts::new(format!(
                "the state `{}` holds {written} in the checkpoint, the program says {state}",
                state.name
            ))
            .into());
        }
        let rows = earlier.reader.load(&state.name, self.range);
        rows.map_err(|error| {
            let told = format!("the state `{}` cannot be read as {state}: {error}", state.name);
            unreadable(told, &error)
        })
    }

    /// The table that a handle means.
    #[inline]
    pub(crate) fn table<V: StateValue>(&mut self, slot: usize) -> &mut ValueTable<K, V> {
        let table: &mut dyn Any = &mut *self.tables[slot].table;
        table
            .downcast_mut()
            .expect("a handle is used in the operator that made it")
    }
}
