//! The thread that takes batches from the queue and hands them to the destination.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::backoff;
use crate::notices::Notices;
use crate::queue::{Queue, Step};
use crate::spool::{Place, Reader};
use crate::storage::Storage;
use crate::{Batch, Delivery, Destination};

/// Owns the destination; one delivery is under way at a time, so spans arrive in order. It has a thread of its own: a
/// destination may block, and the disk may be slow.
pub(crate) struct Sender {
    pub(crate) queue: Arc<Queue>,
    pub(crate) destination: Box<dyn Destination>,
    pub(crate) storage: Option<Arc<Storage>>,
    pub(crate) notices: Arc<Notices>,
    pub(crate) delivery_timeout: Duration,
}

impl Sender {
    /// Runs until the queue is closed and empty, or stopped.
    pub(crate) async fn run(mut self) {
        let mut reader = self.storage.as_ref().map(|storage| storage.reader());
        loop {
            match self.queue.next_step(Instant::now()) {
                Step::Deliver(number, batch) => self.deliver(number, batch).await,
                Step::Read(number, place) => match read(&mut reader, place) {
                    Ok(batch) => self.deliver(number, Arc::new(batch)).await,
                    Err(why) => self.lose(number, &why),
                },
                Step::SleepUntil(until) => sleep_until(until, &self.queue).await,
                Step::Sleep => self.queue.wake.notified().await,
                Step::Stop => break,
            }
        }
        if catch_unwind(AssertUnwindSafe(|| self.destination.close())).is_err() {
            tracing::error!("a destination of spans failed when it was closed");
        }
    }

    /// Hands over a batch again and again until it is taken or refused for good, or nobody wants it any more.
    async fn deliver(&mut self, number: u64, batch: Arc<Batch>) {
        let mut attempt = 1;
        let rejected = loop {
            let Some(delivery) = self.attempt(&batch).await else {
                return; // cut off: the batch stays in the queue
            };
            match delivery {
                Delivery::Taken { rejected, message } => {
                    self.note(number, &batch);
                    if rejected > 0 || message.is_some() {
                        let why = message.unwrap_or_default();
                        self.warn("a batch of spans was taken, with a remark", &why);
                    }
                    break rejected;
                }
                Delivery::Later { wait, why } => {
                    self.queue.count_failure();
                    self.warn("spans wait for their destination", &why);
                    self.queue.leave_rest_if_closed();
                    sleep_until(Instant::now() + backoff(attempt, wait), &self.queue).await;
                    if !self.queue.is_wanted(number) {
                        return;
                    }
                }
                Delivery::Refused { why } => {
                    self.note(number, &batch);
                    self.queue.count_failure();
                    self.warn("spans were refused for good", &why);
                    break batch.spans() as u64;
                }
            }
            attempt += 1;
        };
        let place = self.queue.settle(number, batch, rejected, Instant::now());
        self.release(place);
        self.notices.drops(&self.queue.counters());
    }

    /// One delivery; `None` when it was cut off. Marks without spans need none.
    async fn attempt(&mut self, batch: &Batch) -> Option<Delivery> {
        if batch.spans() == 0 {
            return Some(Delivery::taken());
        }
        let delivery = guarded(self.destination.as_mut(), batch);
        let delivery = tokio::select! {
            biased;
            delivery = tokio::time::timeout(self.delivery_timeout, delivery) => {
                Some(delivery.unwrap_or_else(|_| Delivery::Later {
                    wait: None,
                    why: format!("no end after {} ms", self.delivery_timeout.as_millis()),
                }))
            }
            () = self.queue.cut.notified() => None,
        };
        self.queue.note_restarts(self.destination.restarts());
        delivery
    }

    /// What was answered is written down at once: a crash from here on repeats nothing.
    fn note(&self, number: u64, batch: &Batch) {
        let Some(storage) = &self.storage else { return };
        if let Err(error) = storage.position.take(number, batch.marks()) {
            self.warn(
                "the position of a trace reporter cannot be written",
                &error.to_string(),
            );
        }
    }

    /// A batch that cannot be read back must not hold up the others.
    fn lose(&self, number: u64, why: &str) {
        let place = self.queue.lose_damaged(number, Instant::now());
        self.release(place);
        self.warn("a batch of spooled spans is damaged", why);
    }

    fn release(&self, place: Option<Place>) {
        if let (Some(storage), Some(place)) = (&self.storage, place)
            && storage.spool.release(place)
        {
            self.queue.room_came_back();
        }
    }

    fn warn(&self, what: &str, why: &str) {
        self.notices.warn(what, why, &self.queue.counters());
    }
}

fn read(reader: &mut Option<Reader>, place: Place) -> Result<Batch, String> {
    let reader = reader.as_mut().ok_or("there is no spool")?;
    reader.read(place)
}

/// A delivery whose panic is a refusal: one batch that a destination cannot bear must not keep the rest.
pub(crate) async fn guarded(destination: &mut dyn Destination, batch: &Batch) -> Delivery {
    let begin = move || {
        let destination = destination; // the delivery borrows it for as long as it lasts
        destination.deliver(batch)
    };
    let begun = catch_unwind(AssertUnwindSafe(begin));
    let Ok(mut delivery) = begun else {
        return panicked();
    };
    poll_fn(|context| {
        let delivery: Pin<&mut (dyn Future<Output = Delivery> + Send)> = delivery.as_mut();
        catch_unwind(AssertUnwindSafe(|| delivery.poll(context))).unwrap_or_else(|_| Poll::Ready(panicked()))
    })
    .await
}

fn panicked() -> Delivery {
    Delivery::Refused {
        why: "the destination panicked".to_owned(),
    }
}

/// Until the time comes, or someone wakes the sender.
async fn sleep_until(until: Instant, queue: &Queue) {
    tokio::select! {
        () = tokio::time::sleep_until(until) => {}
        () = queue.wake.notified() => {}
    }
}
