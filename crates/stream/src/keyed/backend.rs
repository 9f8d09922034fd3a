//! The tables of one keyed operator of one subtask.

use std::any::Any;

use everspan_state::KeyGroupRange;
use everspan_state::heap::HeapTable;

use super::descriptor::ValueStateDescriptor;
use super::value::ValueState;
use crate::data::{Key, StateValue};
use crate::failure::{BoxError, Result};

/// All state of one keyed operator: one table per state.
pub(crate) struct KeyedBackend<K> {
    range: KeyGroupRange,
    tables: Vec<Named<K>>,
}

struct Named<K> {
    name: String,
    table: Box<dyn Table<K>>,
}

/// A table whose value type is not known here.
trait Table<K>: Any + Send {}

/// The values of one state, in memory.
pub(crate) struct ValueTable<K, V> {
    pub(crate) rows: HeapTable<K, V>,
}

impl<K: Key, V: StateValue> Table<K> for ValueTable<K, V> {}

impl<K: Key> KeyedBackend<K> {
    /// Empty, for the key groups of `range`.
    pub(crate) fn new(range: KeyGroupRange) -> Self {
        Self {
            range,
            tables: Vec::new(),
        }
    }

    /// Makes the table of a state.
    pub(crate) fn value_state<V: StateValue>(
        &mut self,
        descriptor: ValueStateDescriptor<V>,
    ) -> Result<ValueState<V>> {
        if self.tables.iter().any(|table| table.name == descriptor.name) {
            return Err(BoxError::from(format!(
                "the state `{}` exists twice in one operator",
                descriptor.name
            )));
        }
        self.tables.push(Named {
            name: descriptor.name,
            table: Box::new(ValueTable::<K, V> {
                rows: HeapTable::new(self.range),
            }),
        });
        Ok(ValueState::in_slot(self.tables.len() - 1))
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
