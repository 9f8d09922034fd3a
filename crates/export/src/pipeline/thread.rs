//! A thread whose end can be waited for, from async code and from plain threads, but never for ever. Its log goes where
//! that of its maker goes.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::ExportError;

/// A running thread. Nothing is ever sent: the channels close when it ends, however it ends.
#[derive(Debug)]
pub(super) struct Thread {
    ended: watch::Receiver<()>,
    waited: Mutex<Receiver<()>>,
}

impl Thread {
    pub(super) fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<Self, ExportError> {
        let (until_end, ended) = watch::channel(());
        let (while_running, waited) = channel();
        let thread = std::thread::Builder::new().name(name.to_owned());
        let log = tracing::dispatcher::get_default(Clone::clone);
        let started = thread.spawn(move || {
            let _held: (watch::Sender<()>, std::sync::mpsc::Sender<()>) = (until_end, while_running);
            tracing::dispatcher::with_default(&log, work);
        });
        started.map_err(|error| ExportError::NoThread {
            name: name.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            ended,
            waited: Mutex::new(waited),
        })
    }

    /// Whether it ends in time.
    pub(super) async fn ended(&self, within: Duration) -> bool {
        let mut ended = self.ended.clone();
        let closed = async { while ended.changed().await.is_ok() {} };
        tokio::time::timeout(within, closed).await.is_ok()
    }

    /// As [`ended`](Thread::ended), blocking.
    pub(super) fn wait(&self, within: Duration) -> bool {
        let waited = self.waited.lock().unwrap_or_else(PoisonError::into_inner);
        waited.recv_timeout(within) == Err(RecvTimeoutError::Disconnected)
    }
}
