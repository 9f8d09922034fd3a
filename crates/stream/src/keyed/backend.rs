//! The tables of one keyed operator of one subtask.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use everspan_state::heap::{HeapCheckpoints, HeapError, HeapReader, HeapSnapshots, HeapTable};
use everspan_state::{
    Compaction, Durability, FetchedPart, KeyGroupRange, LsmMap, LsmSnapshot, RowsInMemory, StateError,
};

use super::KeyOf;
use super::descriptor::ValueStateDescriptor;
use super::lsm::{LsmSettings, LsmState};
use super::table::ValueTable;
use super::value::ValueState;
use crate::data::{Key, StateValue};
use crate::failure::{BoxError, Result, SuppressRestarts};
use crate::graph::{Operator, OwnState, Setup};
use crate::task::TaskContext;
use crate::task::snapshot::{BarrierPass, KeyedSnapshot, OperatorState, StateType, TablesSnapshot};

/// Tables of more bytes than this are looked at ahead.
const CACHED_BYTES: usize = 512 << 10;

/// Where a run keeps keyed state.
#[derive(Clone)]
pub(crate) enum StateSettings {
    /// In memory; checkpoints hold what changed, or everything.
    Heap { incremental: bool },
    /// On disk.
    Lsm(LsmSettings),
}

/// All state of one keyed operator: one table per state.
pub(crate) struct KeyedBackend<K> {
    range: KeyGroupRange,
    tables: Vec<Named<K>>,
    place: Place,
    /// The operator's uid.
    uid: Arc<str>,
    /// What the checkpoint holds from which the run goes on, until the operator opens.
    own: Option<OwnState>,
    /// The same, while the operator opens.
    earlier: Option<Earlier>,
}

/// Where the tables are.
enum Place {
    Heap(HeapCheckpoints),
    Lsm(Box<LsmState>),
}

struct Named<K> {
    state: StateType,
    /// Whether it is larger than a processor's near caches, when that was looked at last.
    is_large: bool,
    table: Box<dyn Table<K>>,
}

struct Earlier {
    states: Vec<StateType>,
    /// Of state in memory.
    reader: Option<HeapReader>,
    /// Of state on disk, if it goes on.
    compaction: Option<Compaction>,
    drops_unclaimed: bool,
    began: Instant,
}

/// A table whose value type is not known here.
trait Table<K>: Any + Send {
    /// Adds what it holds now to a snapshot, if it is in memory.
    fn add_to(&mut self, snapshot: &mut HeapSnapshots, name: &str);

    /// The rows of a table on disk that are in memory.
    fn on_disk(&mut self) -> Option<&mut dyn RowsInMemory>;

    /// Looks at the rows of these keys, so that they are in the processor's cache; returns how many there are.
    fn touch(&self, keys: &[KeyOf<K>]) -> usize;

    /// What its rows in memory take, without what they point at.
    fn bytes(&self) -> usize;
}

impl<K: Key, V: StateValue> Table<K> for ValueTable<K, V> {
    fn add_to(&mut self, snapshot: &mut HeapSnapshots, name: &str) {
        if let Self::Heap(rows) = self {
            snapshot.add(name, rows);
        }
    }

    fn on_disk(&mut self) -> Option<&mut dyn RowsInMemory> {
        match self {
            Self::Heap(_) => None,
            Self::Lsm(rows) => Some(rows),
        }
    }

    fn touch(&self, keys: &[KeyOf<K>]) -> usize {
        ValueTable::touch(self, keys)
    }

    fn bytes(&self) -> usize {
        ValueTable::len(self) * size_of::<(K, V)>()
    }
}

impl<K: Key, UK: StateValue, UV: StateValue> Table<K> for LsmMap<K, UK, UV> {
    fn add_to(&mut self, _snapshot: &mut HeapSnapshots, _name: &str) {}

    fn on_disk(&mut self) -> Option<&mut dyn RowsInMemory> {
        Some(self)
    }

    /// Which entries a function will look at is not known.
    fn touch(&self, _keys: &[KeyOf<K>]) -> usize {
        0
    }

    fn bytes(&self) -> usize {
        self.rows_in_memory() * size_of::<((K, UK), UV)>()
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
            place: match setup.state_settings() {
                StateSettings::Heap { incremental } => Place::Heap(
                    // What is written goes into a store, which sees to it that it lasts.
                    HeapCheckpoints::new(incremental).durability(Durability::Scratch),
                ),
                StateSettings::Lsm(settings) => Place::Lsm(Box::new(LsmState::new(settings))),
            },
            uid: operator.uid.clone(),
            own: setup.restored(operator),
            earlier: None,
        }
    }

    /// The operator opens: from now on states are made with what a checkpoint holds of them, until
    /// [`opened`](Self::opened).
    pub(crate) fn open(&mut self) -> Result {
        let (began, own) = (Instant::now(), self.own.take());
        let parts = own.as_ref().map_or(&[][..], |own| &own.tables);
        self.place.check_format(parts)?;
        let mut compaction = None;
        let reader = match &mut self.place {
            Place::Heap(_) => {
                let reader = HeapReader::open(parts);
                Some(reader.map_err(|error| unreadable(error.to_string(), &error))?)
            }
            Place::Lsm(lsm) => {
                compaction = lsm.open(self.range, parts)?;
                None
            }
        };
        self.earlier = own.map(|own| Earlier {
            states: own.states,
            reader,
            compaction,
            drops_unclaimed: own.drops_unclaimed,
            began,
        });
        Ok(())
    }

    /// Every state is made: what a checkpoint holds beyond them is refused, or dropped.
    pub(crate) fn opened(&mut self, task: &mut TaskContext) -> Result {
        let Some(earlier) = self.earlier.take() else {
            return Ok(());
        };
        task.restored(earlier.began.elapsed());
        if let Some(compaction) = earlier.compaction {
            task.compacts(compaction);
        }
        let is_claimed = |state: &&StateType| self.tables.iter().any(|table| table.state.name == state.name);
        for state in earlier.states.iter().filter(|state| !is_claimed(state)) {
            if !earlier.drops_unclaimed {
                return Err(SuppressRestarts::new(format!(
                    "the checkpoint holds the state `{}`, which the operator does not make any more: \
                     execution.state-recovery.ignore-unclaimed-state drops it",
                    state.name
                ))
                .into());
            }
            if let Place::Lsm(lsm) = &mut self.place {
                lsm.tables()?.remove_table(&state.name)?;
            }
        }
        Ok(())
    }

    /// Finds out whether there are tables that are larger than a processor's near caches.
    pub(crate) fn has_large(&mut self) -> bool {
        for named in &mut self.tables {
            named.is_large = named.table.bytes() > CACHED_BYTES;
        }
        self.tables.iter().any(|named| named.is_large)
    }

    /// Brings the rows of these keys in large tables near the processor: looks that do not wait for one another cost a fraction of as
    /// many that do.
    pub(crate) fn touch(&self, keys: &[KeyOf<K>]) {
        let large = self.tables.iter().filter(|named| named.is_large);
        let found: usize = large.map(|named| named.table.touch(keys)).sum();
        std::hint::black_box(found);
    }

    /// A step has ended: the memory of state on disk is looked after.
    pub(crate) fn step_ends(&mut self) -> Result {
        if let Place::Lsm(lsm) = &mut self.place {
            lsm.keep_within(&mut on_disk(&mut self.tables))?;
        }
        Ok(())
    }

    /// Adds all tables, as they are now, to a checkpoint.
    pub(crate) fn barrier(&mut self, pass: &mut BarrierPass) -> Result {
        let tables = match &mut self.place {
            Place::Heap(checkpoints) => {
                let mut tables = checkpoints.begin(pass.barrier.checkpoint);
                for named in &mut self.tables {
                    named.table.add_to(&mut tables, &named.state.name);
                }
                TablesSnapshot::Heap(tables)
            }
            Place::Lsm(lsm) => of_lsm(lsm.snapshot(&mut on_disk(&mut self.tables)))?,
        };
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
        Ok(())
    }

    /// Makes the table of a state.
    pub(crate) fn value_state<V: StateValue>(
        &mut self,
        descriptor: ValueStateDescriptor<V>,
    ) -> Result<ValueState<V>> {
        let state = state_type(&self.tables, self.earlier.as_ref(), descriptor)?;
        let table = match &mut self.place {
            Place::Heap(_) => ValueTable::<K, V>::Heap(self.earlier_rows(&state)?),
            Place::Lsm(lsm) => {
                ValueTable::Lsm(lsm.tables()?.table(&state.name).map_err(SuppressRestarts::new)?)
            }
        };
        Ok(self.in_new_slot(state, Box::new(table)))
    }

    /// Makes the table of a state with maps: on disk their entries are rows.
    pub(crate) fn map_state<UK: StateValue + Ord, UV: StateValue>(
        &mut self,
        descriptor: ValueStateDescriptor<BTreeMap<UK, UV>>,
    ) -> Result<ValueState<BTreeMap<UK, UV>>> {
        let (state, maps) = match &mut self.place {
            Place::Heap(_) => return self.value_state(descriptor),
            Place::Lsm(lsm) => {
                let state = state_type(&self.tables, self.earlier.as_ref(), descriptor)?;
                let maps: LsmMap<K, UK, UV> =
                    lsm.tables()?.map(&state.name).map_err(SuppressRestarts::new)?;
                (state, maps)
            }
        };
        Ok(self.in_new_slot(state, Box::new(maps)))
    }

    fn in_new_slot<V: StateValue>(&mut self, state: StateType, table: Box<dyn Table<K>>) -> ValueState<V> {
        self.tables.push(Named {
            state,
            is_large: false,
            table,
        });
        ValueState::in_slot(self.tables.len() - 1)
    }

    fn earlier_rows<V: StateValue>(&self, state: &StateType) -> Result<HeapTable<K, V>> {
        let reader = self.earlier.as_ref().and_then(|earlier| earlier.reader.as_ref());
        let Some(reader) = reader else {
            return Ok(HeapTable::new(self.range));
        };
        reader.load(&state.name, self.range).map_err(|error| {
            let told = format!("the state `{}` cannot be read as {state}: {error}", state.name);
            unreadable(told, &error)
        })
    }

    /// The maps that a handle means, if they are on disk.
    pub(crate) fn maps_on_disk<UK: StateValue, UV: StateValue>(
        &mut self,
        slot: usize,
    ) -> Option<&mut LsmMap<K, UK, UV>> {
        let table: &mut dyn Any = &mut *self.tables[slot].table;
        table.downcast_mut()
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

impl Place {
    /// Refuses what was written from elsewhere.
    fn check_format(&self, parts: &[FetchedPart]) -> Result {
        let (own, format) = match self {
            Self::Heap(_) => ("hashmap", HeapCheckpoints::FORMAT),
            Self::Lsm(_) => ("lsm", LsmSnapshot::FORMAT),
        };
        let written_by = |format: &str| match format {
            HeapCheckpoints::FORMAT => "hashmap".to_owned(),
            LsmSnapshot::FORMAT => "lsm".to_owned(),
            other => format!("one that writes `{other}`"),
        };
        match parts.iter().find(|part| part.format != format) {
            None => Ok(()),
            Some(other) => Err(SuppressRestarts::new(format!(
                "the checkpoint was written with state.backend.type {}, the job has {own}: set the same one",
                written_by(&other.format)
            ))
            .into()),
        }
    }
}

/// What the program says of a state. Refuses a name that is taken, and another type than the checkpoint holds.
fn state_type<K, V>(
    tables: &[Named<K>],
    earlier: Option<&Earlier>,
    descriptor: ValueStateDescriptor<V>,
) -> Result<StateType> {
    let state = StateType {
        name: descriptor.name,
        key_type: std::any::type_name::<K>().to_owned(),
        type_name: std::any::type_name::<V>().to_owned(),
        version: descriptor.version,
    };
    if tables.iter().any(|table| table.state.name == state.name) {
        let twice = format!("the state `{}` is made twice in one operator", state.name);
        return Err(SuppressRestarts::new(twice).into());
    }
    let mut earlier = earlier.into_iter().flat_map(|earlier| &earlier.states);
    match earlier.find(|written| written.name == state.name) {
        Some(written) if *written != state => Err(SuppressRestarts::new(format!(
            "the state `{}` holds {written} in the checkpoint, the program says {state}",
            state.name
        ))
        .into()),
        _ => Ok(state),
    }
}

fn on_disk<K: 'static>(tables: &mut [Named<K>]) -> Vec<&mut dyn RowsInMemory> {
    let tables = tables.iter_mut();
    tables.filter_map(|named| named.table.on_disk()).collect()
}

/// Without room for it there is no snapshot, but the operator may go on.
fn of_lsm(snapshot: Result<LsmSnapshot, StateError>) -> Result<TablesSnapshot> {
    match snapshot {
        Ok(snapshot) => Ok(TablesSnapshot::Lsm(snapshot)),
        Err(error @ (StateError::DiskFull { .. } | StateError::FreeSpaceUnknown { .. })) => {
            Ok(TablesSnapshot::Refused(error))
        }
        Err(error) => Err(error.into()),
    }
}
