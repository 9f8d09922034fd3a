//! What a pipeline says in the log: at most one line a minute, with counts.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::Counters;
use crate::log_limit::LogLimit;

/// The voice of one pipeline, for all its threads.
#[derive(Debug)]
pub(crate) struct Notices {
    reporter: String,
    place: String,
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    limit: LogLimit,
    /// Spans dropped so far, as far as the log knows.
    dropped: u64,
}

impl Notices {
    pub(crate) fn new(reporter: String, place: String) -> Self {
        Self {
            reporter,
            place,
            said: Mutex::default(),
        }
    }

    /// Trouble, with its reason.
    pub(crate) fn warn(&self, what: &str, why: &str, counters: &Counters) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.limit.allows(Instant::now()) {
            said.dropped = counters.dropped.total();
            self.write(what, why, counters);
        }
    }

    /// Says that spans were dropped, if they were and nothing has said so yet.
    pub(crate) fn drops(&self, counters: &Counters) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.dropped.total() > said.dropped && said.limit.allows(Instant::now()) {
            said.dropped = counters.dropped.total();
            self.write("spans were dropped", "see the counts", counters);
        }
    }

    fn write(&self, what: &str, why: &str, counters: &Counters) {
        let dropped = counters.dropped.reasons();
        let dropped: Vec<String> = dropped
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| format!("{reason}={count}"))
            .collect();
        tracing::warn!(
            reporter = self.reporter,
            place = self.place,
            reason = why,
            queued = counters.queued,
            spooled = counters.spooled,
            exported = counters.exported,
            failed_deliveries = counters.failed_deliveries,
            dropped = if dropped.is_empty() {
                "none".to_owned()
            } else {
                dropped.join(" ")
            },
            "{what}"
        );
    }
}
