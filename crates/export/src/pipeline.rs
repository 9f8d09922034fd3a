//! One reporter's way out as its owner sees it: start, hand out sinks, flush, shut down.

mod options;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::queue::{Limits, Queue};
use crate::sender::Sender;
use crate::{Counters, Destination, ExportError, Mark, SpanSink};

pub use options::{PipelineOptions, SpoolOptions};

/// Takes spans from any thread to one destination, in a task of its own. Dropping it gives up what still waits: call
/// [`shutdown`](Pipeline::shutdown) first.
#[derive(Debug)]
pub struct Pipeline {
    name: String,
    queue: Arc<Queue>,
    task: AbortHandle,
}

impl Pipeline {
    /// Starts the task on `runtime`. `baseline` says how far the records of each source reach that a new reporter
    /// knows nothing of.
    pub fn start(
        options: PipelineOptions,
        destination: Box<dyn Destination>,
        baseline: &[Mark],
        runtime: &Handle,
    ) -> Result<Self, ExportError> {
        let _ = baseline;
        let queue = Arc::new(Queue::new(Limits {
            batch_delay: options.batch_delay,
            batch_spans_max: options.batch_spans_max.max(1),
            queue_bytes_max: options.queue_bytes_max,
        }));
        let sender = Sender::new(
            Arc::clone(&queue),
            destination,
            options.name.clone(),
            options.delivery_timeout,
        );
        let task = runtime.spawn(sender.run());
        Ok(Self {
            name: options.name,
            queue,
            task: task.abort_handle(),
        })
    }

    /// The name of its reporter.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A place to push spans to, for any thread.
    pub fn sink(&self) -> SpanSink {
        SpanSink::new(Arc::clone(&self.queue))
    }

    /// What became of the spans so far.
    pub fn counters(&self) -> Counters {
        self.queue.counters()
    }

    /// Up to which record of `source` every span was safe when the pipeline started; `None` when it keeps no position.
    pub fn position(&self, source: u16) -> Option<u64> {
        let _ = source;
        None
    }

    /// Sends all that was pushed before this call, without delay. `true` when the destination took every one of them,
    /// `false` when it refused some or did not take all within `deadline`.
    pub async fn flush(&self, deadline: Duration) -> bool {
        self.queue.begin_flush();
        self.all_taken(deadline).await
    }

    /// Takes no more spans, sends what waits, and ends the task. `true` when the destination took every span that
    /// waited; what it did not take within `deadline` is dropped and counted.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        self.queue.close();
        let all_taken = self.all_taken(deadline).await;
        self.stop();
        all_taken
    }

    async fn all_taken(&self, deadline: Duration) -> bool {
        let before = self.queue.counters();
        let target = done(&before) + before.queued;
        let wait = async {
            loop {
                let progress = self.queue.progress.notified();
                if done(&self.queue.counters()) >= target {
                    return;
                }
                progress.await;
            }
        };
        let in_time = tokio::time::timeout(deadline, wait).await.is_ok();
        in_time && self.queue.counters().dropped.rejected == before.dropped.rejected
    }

    fn stop(&self) {
        self.task.abort();
        self.queue.abandon();
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Spans that left the queue, for one reason or another.
fn done(counters: &Counters) -> u64 {
    counters.exported + counters.dropped.rejected
}
