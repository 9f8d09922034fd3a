//! Destinations whose work blocks: files, logs, code of users. Each has a plain thread, so that neither the runtime nor
//! another reporter waits for it; and since that thread is part of no runtime, code of users may bring its own.
//!
//! The pipeline may give up on a delivery that takes long, and then hands the same batch over again. The thread is not
//! told: the work goes on, and its answer is that of the second call. So a slow destination gets no batch twice.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::{Batch, Delivery, Destination, ExportError};

/// The longest wait for a destination that closes.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(5);
/// How often an idle destination is called.
const IDLE_INTERVAL: Duration = Duration::from_secs(60);

/// As [`Destination`], for code that blocks.
pub trait BlockingDestination: Send + 'static {
    /// Hands over one batch. Always runs to its end.
    fn deliver(&mut self, batch: &Batch) -> Delivery;

    /// Address or path, for the log.
    fn place(&self) -> String;

    /// Nothing came for a minute.
    fn idle(&mut self) {}

    /// Nothing more will come.
    fn close(&mut self) {}
}

/// Runs `work` on a thread called `name`, of which 15 bytes are kept. Its log goes where that of the caller goes.
pub fn on_own_thread(
    name: &str,
    work: impl BlockingDestination,
) -> Result<Box<dyn Destination>, ExportError> {
    let place = work.place();
    // One job is under way at a time, and one may wait to close.
    let (jobs, inbox) = mpsc::sync_channel(1);
    let log = tracing::dispatcher::get_default(Clone::clone);
    thread::Builder::new()
        .name(name.replace('\0', ""))
        .spawn(move || tracing::dispatcher::with_default(&log, || serve(work, &inbox)))
        .map_err(|error| ExportError::NoThread {
            name: name.to_owned(),
            reason: error.to_string(),
        })?;
    Ok(Box::new(OwnThread {
        jobs,
        place,
        under_way: None,
    }))
}

enum Job {
    Deliver(Batch, oneshot::Sender<Delivery>),
    Close(SyncSender<()>),
}

fn serve(mut work: impl BlockingDestination, inbox: &mpsc::Receiver<Job>) {
    loop {
        match inbox.recv_timeout(IDLE_INTERVAL) {
            Ok(Job::Deliver(batch, answer)) => {
                let delivery = work.deliver(&batch);
                // The pipeline may be gone; then nobody wants to know.
                drop(answer.send(delivery));
            }
            Ok(Job::Close(done)) => {
                work.close();
                // As above.
                let _ = done.send(());
                return;
            }
            Err(RecvTimeoutError::Timeout) => work.idle(),
            Err(RecvTimeoutError::Disconnected) => return work.close(),
        }
    }
}

/// The pipeline's side of the thread.
struct OwnThread {
    jobs: SyncSender<Job>,
    place: String,
    /// What the thread works on, and where its answer comes.
    under_way: Option<(Batch, oneshot::Receiver<Delivery>)>,
}

impl OwnThread {
    async fn hand_over(&mut self, batch: &Batch) -> Delivery {
        if self.under_way.as_ref().is_some_and(|(other, _)| other != batch) {
            self.answer().await;
        }
        if self.under_way.is_none() {
            let (answer, receiver) = oneshot::channel();
            if self.jobs.try_send(Job::Deliver(batch.clone(), answer)).is_err() {
                return ended();
            }
            self.under_way = Some((batch.clone(), receiver));
        }
        self.answer().await
    }

    /// Waits for the answer; if this is cancelled, the next call waits for the same one.
    async fn answer(&mut self) -> Delivery {
        let Some((_, receiver)) = &mut self.under_way else {
            return ended();
        };
        let delivery = receiver.await.unwrap_or_else(|_| ended());
        self.under_way = None;
        delivery
    }
}

impl Destination for OwnThread {
    fn deliver<'a>(&'a mut self, batch: &'a Batch) -> Pin<Box<dyn Future<Output = Delivery> + Send + 'a>> {
        Box::pin(self.hand_over(batch))
    }

    fn place(&self) -> String {
        self.place.clone()
    }

    fn close(&mut self) {
        let (done, is_done) = mpsc::sync_channel(1);
        if self.jobs.try_send(Job::Close(done)).is_ok() && is_done.recv_timeout(CLOSE_WAIT_MAX).is_err() {
            tracing::warn!(place = self.place, "a trace reporter did not close in time");
        }
    }
}

fn ended() -> Delivery {
    Delivery::Refused {
        why: "the thread of this reporter has ended".to_owned(),
    }
}

#[cfg(test)]
mod tests;
