//! The task that takes batches from the queue and hands them to the destination.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::backoff;
use crate::log_limit::LogLimit;
use crate::queue::{Queue, Step};
use crate::{Batch, Delivery, Destination};

/// Owns the destination; one delivery is under way at a time, so spans arrive in order.
pub(crate) struct Sender {
    queue: Arc<Queue>,
    destination: Box<dyn Destination>,
    reporter: String,
    delivery_timeout: Duration,
    log_limit: LogLimit,
    /// Spans dropped at a full queue, as far as the log knows.
    reported_full: u64,
}

impl Sender {
    pub(crate) fn new(
        queue: Arc<Queue>,
        destination: Box<dyn Destination>,
        reporter: String,
        delivery_timeout: Duration,
    ) -> Self {
        Self {
            queue,
            destination,
            reporter,
            delivery_timeout,
            log_limit: LogLimit::default(),
            reported_full: 0,
        }
    }

    /// Runs until the queue is closed and empty.
    pub(crate) async fn run(mut self) {
        loop {
            match self.queue.next_step(Instant::now()) {
                Step::Send(batch) => self.deliver(batch).await,
                Step::SleepUntil(until) => sleep_until(until, &self.queue).await,
                Step::Sleep => self.queue.wake.notified().await,
                Step::Stop => break,
            }
        }
        self.destination.close();
    }

    /// Hands over a batch again and again until it is taken or refused for good.
    async fn deliver(&mut self, batch: Batch) {
        let mut attempt = 1;
        let rejected = loop {
            match self.attempt(&batch).await {
                Delivery::Taken { rejected, message } => {
                    self.report_partial_success(rejected, message.as_deref());
                    break rejected;
                }
                Delivery::Later { wait, why } => {
                    self.queue.count_failure();
                    self.report_failure(&why, "spans wait for their destination");
                    sleep_until(Instant::now() + backoff(attempt, wait), &self.queue).await;
                }
                Delivery::Refused { why } => {
                    self.queue.count_failure();
                    self.report_failure(&why, "spans were refused for good");
                    break batch.spans() as u64;
                }
            }
            attempt += 1;
        };
        self.queue.settle(batch, rejected, Instant::now());
        self.report_full_queue();
    }

    async fn attempt(&mut self, batch: &Batch) -> Delivery {
        let delivery = self.destination.deliver(batch);
        match tokio::time::timeout(self.delivery_timeout, delivery).await {
            Ok(delivery) => delivery,
            Err(_) => Delivery::Later {
                wait: None,
                why: format!("no end after {} ms", self.delivery_timeout.as_millis()),
            },
        }
    }

    fn report_failure(&mut self, why: &str, what: &str) {
        if !self.log_limit.allows(Instant::now()) {
            return;
        }
        let counters = self.queue.counters();
        tracing::warn!(
            reporter = self.reporter,
            place = self.destination.place(),
            error = why,
            queued = counters.queued,
            dropped = counters.dropped.total(),
            "{what}"
        );
    }

    fn report_partial_success(&mut self, rejected: u64, message: Option<&str>) {
        if (rejected == 0 && message.is_none()) || !self.log_limit.allows(Instant::now()) {
            return;
        }
        tracing::warn!(
            reporter = self.reporter,
            place = self.destination.place(),
            rejected,
            reason = message.unwrap_or_default(),
            "a batch of spans was taken in part"
        );
    }

    fn report_full_queue(&mut self) {
        let dropped = self.queue.counters().dropped.queue_full;
        if dropped > self.reported_full && self.log_limit.allows(Instant::now()) {
            self.reported_full = dropped;
            tracing::warn!(
                reporter = self.reporter,
                place = self.destination.place(),
                dropped,
                "spans were dropped: the trace queue was full"
            );
        }
    }
}

/// Until the time comes, or someone wakes the task.
async fn sleep_until(until: Instant, queue: &Queue) {
    tokio::select! {
        () = tokio::time::sleep_until(until) => {}
        () = queue.wake.notified() => {}
    }
}
