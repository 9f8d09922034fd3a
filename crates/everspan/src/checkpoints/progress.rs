//! Says how far a long restore is, every few seconds.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use everspan_state::Progress;

const SAY_EVERY: Duration = Duration::from_secs(2);

/// Until it is dropped, the log tells of the progress.
pub(super) struct Said {
    pub(super) progress: Arc<Progress>,
    /// Its end stops the thread.
    _stop: Sender<()>,
}

impl Said {
    pub(super) fn start(progress: Arc<Progress>) -> Self {
        let (stop, stopped) = channel::<()>();
        let shown = Arc::clone(&progress);
        let thread = std::thread::Builder::new().name("everspan-progress".to_owned());
        let spawned = thread.spawn(move || {
            while stopped.recv_timeout(SAY_EVERY) == Err(RecvTimeoutError::Timeout) {
                let (done, of) = (shown.done_bytes(), shown.wanted_bytes());
                let percent = (done * 100).checked_div(of).unwrap_or(100);
                tracing::info!(bytes = done, of, percent, "restoring from a checkpoint");
            }
        });
        if let Err(error) = spawned {
            tracing::debug!(%error, "no thread to tell the progress in");
        }
        Self {
            progress,
            _stop: stop,
        }
    }
}
