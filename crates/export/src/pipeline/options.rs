//! How a pipeline is set up.

use std::path::PathBuf;
use std::time::Duration;

/// How much may wait for a destination, how long, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineOptions {
    /// The reporter's name, for logs and metrics.
    pub name: String,
    /// The longest time from the first span of a batch until the batch leaves.
    pub batch_delay: Duration,
    /// A batch with this many spans leaves at once.
    pub batch_spans_max: usize,
    /// The most bytes of encoded spans that wait in memory.
    pub queue_bytes_max: usize,
    /// A delivery that takes longer is given up and begun again. Destinations have shorter limits of their own; this
    /// one is for those that hang.
    pub delivery_timeout: Duration,
    /// So long the start waits for a delivery that a sender process has under way from before.
    pub sender_wait_max: Duration,
    /// What keeps spans across a crash; without it they wait in memory only.
    pub spool: Option<SpoolOptions>,
}

/// Where a pipeline keeps its position, and the spans that cannot wait in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolOptions {
    /// A directory of the pipeline's own; made when it is missing.
    pub dir: PathBuf,
    /// The most bytes of its spool files; with 0 only the position is kept.
    pub bytes_max: u64,
}

impl PipelineOptions {
    /// The defaults: 200 ms, 1024 spans, 16 MiB, 60 s, 3 s, nothing on disk.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            batch_delay: Duration::from_millis(200),
            batch_spans_max: 1024,
            queue_bytes_max: 16 * 1024 * 1024,
            delivery_timeout: Duration::from_secs(60),
            sender_wait_max: Duration::from_secs(3),
            spool: None,
        }
    }
}
