//! A sink that keeps its records in memory, for tests and small results.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::sink::{Sink, SinkWriter};
use crate::failure::Result;
use crate::runtime_context::RuntimeContext;

/// The records that have reached a `collect()`, of all subtasks and runs, in the order in which they came.
pub struct Collected<T> {
    records: Arc<Mutex<Vec<T>>>,
}

impl<T> Collected<T> {
    /// Takes out what is there now.
    pub fn take(&self) -> Vec<T> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *records)
    }
}

impl<T> Default for Collected<T> {
    fn default() -> Self {
        Self {
            records: Arc::default(),
        }
    }
}

impl<T> Clone for Collected<T> {
    fn clone(&self) -> Self {
        Self {
            records: self.records.clone(),
        }
    }
}

impl<T> fmt::Debug for Collected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collected").finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Sink<T> for Collected<T> {
    type Writer = Self;

    fn writer(&self, _context: &RuntimeContext) -> Result<Self> {
        Ok(self.clone())
    }
}

impl<T: Send + 'static> SinkWriter<T> for Collected<T> {
    type Committable = ();

    fn write(&mut self, record: T, _timestamp: Option<i64>) -> Result {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.push(record);
        Ok(())
    }
}
