//! One reporter's way out as its owner sees it: start, hand out sinks, flush, shut down.

mod options;
mod thread;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::keeper::Keeper;
use crate::marks::Marks;
use crate::notices::Notices;
use crate::queue::{Flush, Limits, Queue};
use crate::sender::Sender;
use crate::storage::{Start, Storage};
use crate::{Counters, Destination, ExportError, Mark, SpanSink};
use thread::Thread;

pub use options::{PipelineOptions, SpoolOptions};

/// The longest wait for a destination that does not let go.
const LET_GO_MAX: Duration = Duration::from_secs(1);
/// The longest wait for the disk at the end.
const SAVE_MAX: Duration = Duration::from_secs(10);

/// Takes spans from any thread to one destination, in a thread of its own; a second thread writes to disk what cannot
/// wait in memory. Dropping it stops it as [`shutdown`](Pipeline::shutdown) without any time does.
#[derive(Debug)]
pub struct Pipeline {
    name: String,
    queue: Arc<Queue>,
    storage: Option<Arc<Storage>>,
    /// Up to which records spans were safe at the start.
    recovered: Marks,
    sender: Thread,
    keeper: Option<Thread>,
}

impl Pipeline {
    /// Starts the threads; deliveries use `runtime` for sockets and timers. What waits on disk from before is sent
    /// first. `baseline` says how far the records of each source reach that a new reporter knows nothing of.
    ///
    /// The error names the directory that cannot be used, or that another process uses.
    pub fn start(
        options: PipelineOptions,
        destination: Box<dyn Destination>,
        baseline: &[Mark],
        runtime: &Handle,
    ) -> Result<Self, ExportError> {
        let (storage, start) = match &options.spool {
            Some(spool) => {
                let (storage, start) = Storage::open(spool, baseline, options.sender_wait_max)?;
                (Some(Arc::new(storage)), start)
            }
            None => (None, Start::without_disk(baseline)),
        };
        let has_spool = options.spool.as_ref().is_some_and(|spool| spool.bytes_max > 0);
        let limits = Limits {
            batch_delay: options.batch_delay,
            batch_spans_max: options.batch_spans_max.max(1),
            queue_bytes_max: options.queue_bytes_max,
            has_spool,
        };
        let queue = Arc::new(Queue::new(limits, &start.found, start.next_number));
        let notices = Arc::new(Notices::new(options.name.clone(), destination.place()));
        let keeper = storage.as_ref().filter(|_| has_spool).map(|storage| Keeper {
            queue: Arc::clone(&queue),
            storage: Arc::clone(storage),
            notices: Arc::clone(&notices),
        });
        let keeper = keeper.map(|keeper| Thread::start("everspan-spool", || keeper.run()));
        let sender = Sender {
            queue: Arc::clone(&queue),
            destination,
            storage: storage.clone(),
            notices,
            delivery_timeout: options.delivery_timeout,
        };
        let runtime = runtime.clone();
        let sender = Thread::start("everspan-spans", move || runtime.block_on(sender.run()))?;
        Ok(Self {
            name: options.name,
            queue,
            storage,
            recovered: start.marks,
            sender,
            keeper: keeper.transpose()?,
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
        let spool_bytes = self.storage.as_ref().map_or(0, |storage| storage.spool.bytes());
        Counters {
            spool_bytes,
            ..self.queue.counters()
        }
    }

    /// Up to which record of `source` every span was safe when the pipeline started: its own memory of it if it has a
    /// directory, else the baseline. `None` for a source it never heard of.
    pub fn position(&self, source: u16) -> Option<u64> {
        self.recovered.of(source)
    }

    /// As [`position`](Pipeline::position), for all sources, sorted.
    pub(crate) fn recovered(&self) -> &[Mark] {
        self.recovered.as_slice()
    }

    /// Sends all that waits, without delay. `true` when the destination took every span of it, `false` when it refused
    /// some or did not take all within `deadline`.
    pub async fn flush(&self, deadline: Duration) -> bool {
        let flush = self.queue.begin_flush();
        self.is_taken(flush, deadline).await
    }

    /// Takes no more spans, sends what waits, and ends the threads. `true` when the destination took every span that
    /// waited. With a spool one delivery that fails is enough: what the destination did not take until then, or within
    /// `deadline`, goes there for the next start. Without one, it is asked again until the deadline, then the rest is
    /// dropped and counted.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        let flush = self.queue.close();
        let all_taken = self.is_taken(flush, deadline).await;
        self.queue.stop();
        if !self.sender.ended(LET_GO_MAX).await {
            tracing::warn!(reporter = self.name, "a destination of spans does not let go");
        }
        match &self.keeper {
            Some(keeper) if !keeper.ended(SAVE_MAX).await => {
                tracing::error!(reporter = self.name, "the disk does not take the spans that wait");
            }
            Some(_) => {}
            None => self.sync_position(),
        }
        all_taken
    }

    async fn is_taken(&self, flush: Flush, deadline: Duration) -> bool {
        let taken = tokio::time::timeout(deadline, self.queue.flushed(flush)).await;
        taken.unwrap_or(false)
    }

    fn sync_position(&self) {
        if let Some(storage) = &self.storage
            && let Err(error) = storage.position.sync(0)
        {
            tracing::warn!(reporter = self.name, %error, "the position of a trace reporter could not be synced");
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.queue.stop();
        self.sender.wait(LET_GO_MAX);
        if let Some(keeper) = &self.keeper {
            keeper.wait(SAVE_MAX);
        }
    }
}
