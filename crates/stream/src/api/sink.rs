//! Where records go to.

use crate::data::Data;
use crate::failure::Result;
use crate::runtime_context::RuntimeContext;

/// A sink, as a program describes it: makes a writer for each subtask.
pub trait Sink<T>: Clone + Send + 'static {
    /// Writes records.
    type Writer: SinkWriter<T>;

    /// A writer for one subtask.
    ///
    /// # Errors
    ///
    /// The subtask fails.
    fn writer(&self, context: &RuntimeContext) -> Result<Self::Writer>;
}

/// Writes the records of one subtask. (The shape is that of Flink's two-phase sinks.)
///
/// What is written may become visible at once, or, exactly once, in two phases: [`prepare_commit`](Self::prepare_commit)
/// at a barrier says what is to become visible, [`commit`](Self::commit) makes it so when the checkpoint has completed.
/// What was prepared is part of the checkpoint, and is committed again after a restore.
///
/// One of your own, whose records a shared table gets in batches, each exactly once because its rows are replaced by
/// their number:
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::{Arc, Mutex};
///
/// use everspan_stream::{Result, RuntimeContext, Sink, SinkWriter};
///
/// #[derive(Clone, Default)]
/// struct Table(Arc<Mutex<BTreeMap<u64, String>>>);
///
/// impl Sink<(u64, String)> for Table {
///     type Writer = Batch;
///
///     fn writer(&self, _context: &RuntimeContext) -> Result<Batch> {
///         Ok(Batch { table: self.clone(), rows: Vec::new() })
///     }
/// }
///
/// struct Batch {
///     table: Table,
///     rows: Vec<(u64, String)>,
/// }
///
/// impl SinkWriter<(u64, String)> for Batch {
///     type Committable = (u64, String);
///
///     fn write(&mut self, row: (u64, String), _timestamp: Option<i64>) -> Result {
///         self.rows.push(row);
///         Ok(())
///     }
///
///     fn prepare_commit(&mut self) -> Result<Vec<(u64, String)>> {
///         Ok(std::mem::take(&mut self.rows))
///     }
///
///     fn commit(&mut self, rows: Vec<(u64, String)>) -> Result {
///         let mut table = self.table.0.lock().map_err(|_| "the table is broken")?;
///         table.extend(rows);
///         Ok(())
///     }
/// }
/// ```
pub trait SinkWriter<T>: Send + 'static {
    /// What is prepared but not visible yet, such as a file under a hidden name.
    type Committable: Data + Clone;

    /// Takes one record with its time, ms since the Unix epoch.
    ///
    /// # Errors
    ///
    /// The subtask fails.
    fn write(&mut self, record: T, timestamp: Option<i64>) -> Result;

    /// A barrier, or the end of the input: closes what was written since the last one.
    ///
    /// # Errors
    ///
    /// The subtask fails.
    fn prepare_commit(&mut self) -> Result<Vec<Self::Committable>> {
        Ok(Vec::new())
    }

    /// Makes visible what was prepared. May be told twice of the same: the second time it does nothing.
    ///
    /// # Errors
    ///
    /// The subtask fails, and commits again when it is restored.
    fn commit(&mut self, _prepared: Vec<Self::Committable>) -> Result {
        Ok(())
    }

    /// The writer is not used any more.
    ///
    /// # Errors
    ///
    /// The subtask fails.
    fn close(&mut self) -> Result {
        Ok(())
    }
}
