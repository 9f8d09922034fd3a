//! The far end of a pipeline: what takes its batches.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Batch;

/// Where a pipeline's batches go. One delivery is under way at a time, oldest batch first.
pub trait Destination: Send + 'static {
    /// Hands over one batch. The future may be dropped half-way, when the pipeline stops or the delivery takes too
    /// long; then the batch comes again.
    fn deliver<'a>(&'a mut self, batch: &'a Batch) -> Pin<Box<dyn Future<Output = Delivery> + Send + 'a>>;

    /// Address or path, for the log.
    fn place(&self) -> String;

    /// How often the process that it delivers by had to be started again.
    fn restarts(&self) -> u64 {
        0
    }

    /// Nothing more will come.
    fn close(&mut self) {}
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delivery {
    /// The destination has it, but for the spans it rejected for good.
    Taken {
        /// How many spans of the batch it will never take.
        rejected: u64,
        /// What it said about it, or a warning.
        message: Option<String>,
    },
    /// Not now: the same batch comes again.
    Later {
        /// When it asked to be tried again; `None` leaves it to the pipeline.
        wait: Option<Duration>,
        /// The reason, for the log.
        why: String,
    },
    /// It will never take this batch.
    Refused {
        /// The reason, for the log.
        why: String,
    },
}

impl Delivery {
    /// All of it was taken, without a remark.
    pub fn taken() -> Self {
        Self::Taken {
            rejected: 0,
            message: None,
        }
    }

    /// With something more to say.
    pub(crate) fn with_remark(mut self, remark: &str) -> Self {
        match &mut self {
            Self::Taken { message, .. } => {
                let said = message.take().map(|said| format!("{said}; {remark}"));
                *message = Some(said.unwrap_or_else(|| remark.to_owned()));
            }
            Self::Later { why, .. } | Self::Refused { why } => *why = format!("{why}; {remark}"),
        }
        self
    }
}
