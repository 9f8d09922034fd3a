//! The exporter as its owner sees it: start, hand out sinks, flush, shut down.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::grpc::Client;
use crate::queue::{Limits, Queue};
use crate::sender::Sender;
use crate::{Counters, ExportError, OtlpOptions, SpanSink};

/// Sends spans to one OTLP/gRPC collector, in a task of its own. Dropping it gives up what still waits: call
/// [`shutdown`](Exporter::shutdown) first.
#[derive(Debug)]
pub struct Exporter {
    queue: Arc<Queue>,
    task: AbortHandle,
}

impl Exporter {
    /// Starts the task on `runtime`. The collector need not be there: a wrong option is an error, an absent collector
    /// is not.
    pub fn start(options: OtlpOptions, runtime: &Handle) -> Result<Self, ExportError> {
        let endpoint = options.checked_endpoint()?;
        let headers = options.checked_headers()?;
        let queue = Arc::new(Queue::new(Limits {
            batch_delay: options.batch_delay,
            batch_spans_max: options.batch_spans_max.max(1),
            queue_bytes_max: options.queue_bytes_max,
        }));
        let task = runtime.spawn({
            let queue = Arc::clone(&queue);
            async move {
                let client = Client::new(endpoint, headers, options.timeout);
                Sender::new(queue, client, options.resource, options.endpoint)
                    .run()
                    .await;
            }
        });
        Ok(Self {
            queue,
            task: task.abort_handle(),
        })
    }

    /// A place to push spans to, for any thread.
    pub fn handle(&self) -> SpanSink {
        SpanSink::new(Arc::clone(&self.queue))
    }

    /// What became of the spans so far.
    pub fn counters(&self) -> Counters {
        self.queue.counters()
    }

    /// Sends all that was pushed before this call, without delay. `true` when the collector took every one of them,
    /// `false` when it refused some or did not take all within `deadline`.
    pub async fn flush(&self, deadline: Duration) -> bool {
        self.queue.begin_flush();
        self.all_taken(deadline).await
    }

    /// Takes no more spans, sends what waits, and ends the task. `true` when the collector took every span that
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

impl Drop for Exporter {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Spans that left the queue, for one reason or another.
fn done(counters: &Counters) -> u64 {
    counters.exported + counters.dropped.rejected
}
