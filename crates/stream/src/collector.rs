//! Where functions put their results.

use crate::stage::Stage;
use crate::task::TaskContext;

/// Takes the results of a function. Passed by its type, so that collecting is a plain call into the next operator.
pub trait Collector<T> {
    /// Emits a record with the time of the record that is being processed.
    fn collect(&mut self, record: T);

    /// Emits a record with a time of its own, in ms since the Unix epoch.
    fn collect_with_timestamp(&mut self, record: T, timestamp: i64);
}

/// The next stage as a collector.
pub(crate) struct Next<'a, S> {
    pub(crate) stage: &'a mut S,
    pub(crate) task: &'a mut TaskContext,
}

impl<T, S: Stage<T>> Collector<T> for Next<'_, S> {
    #[inline(always)]
    fn collect(&mut self, record: T) {
        self.stage.record(record, self.task);
    }

    #[inline]
    fn collect_with_timestamp(&mut self, record: T, timestamp: i64) {
        let before = std::mem::replace(&mut self.task.timestamp, timestamp);
        self.stage.record(record, self.task);
        self.task.timestamp = before;
    }
}
