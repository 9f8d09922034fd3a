//! The task that takes batches from the queue and sends them.

use std::sync::Arc;

use bytes::Bytes;
use everspan_trace::{KeyValue, otlp};
use tokio::time::Instant;
use tonic::Status;

use crate::grpc::{Accepted, Client};
use crate::log_limit::LogLimit;
use crate::queue::{Batch, Queue, Step};
use crate::retry::{Verdict, verdict};

/// Owns the connection; one request is under way at a time, so spans arrive in order.
pub(crate) struct Sender {
    queue: Arc<Queue>,
    client: Client,
    resource: Vec<KeyValue>,
    endpoint: String,
    log_limit: LogLimit,
    /// Spans dropped at a full queue, as far as the log knows.
    reported_full: u64,
}

impl Sender {
    pub(crate) fn new(queue: Arc<Queue>, client: Client, resource: Vec<KeyValue>, endpoint: String) -> Self {
        Self {
            queue,
            client,
            resource,
            endpoint,
            log_limit: LogLimit::default(),
            reported_full: 0,
        }
    }

    /// Runs until the queue is closed and empty.
    pub(crate) async fn run(mut self) {
        loop {
            match self.queue.next_step(Instant::now()) {
                Step::Send(batch) => self.deliver(batch).await,
                Step::SleepUntil(until) => self.sleep_until(until).await,
                Step::Sleep => self.queue.wake.notified().await,
                Step::Stop => return,
            }
        }
    }

    /// Until the time comes, or someone wakes the task.
    async fn sleep_until(&self, until: Instant) {
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = self.queue.wake.notified() => {}
        }
    }

    /// Sends a batch again and again until it is accepted or refused for good.
    async fn deliver(&mut self, batch: Batch) {
        let request = self.request(&batch);
        let mut attempt = 1;
        let rejected = loop {
            match self.client.export(request.clone()).await {
                Ok(accepted) => {
                    self.report_partial_success(&accepted);
                    break accepted.rejected_spans;
                }
                Err(status) => {
                    self.queue.count_failure();
                    match verdict(&status, attempt) {
                        Verdict::RetryAfter(wait) => {
                            self.report_failure(&status, "spans wait for the trace collector");
                            self.sleep_until(Instant::now() + wait).await;
                        }
                        Verdict::GiveUp => {
                            self.report_failure(&status, "the trace collector refused spans");
                            break batch.spans as u64;
                        }
                    }
                }
            }
            attempt += 1;
        };
        self.queue.settle(batch, rejected, Instant::now());
        self.report_full_queue();
    }

    fn request(&self, batch: &Batch) -> Bytes {
        let scopes: Vec<(&str, &[u8])> = batch
            .scopes
            .iter()
            .map(|(scope, bytes)| (*scope, &bytes[..]))
            .collect();
        let mut request = Vec::with_capacity(batch.bytes + 1024);
        otlp::export_request_of_scopes(&self.resource, &scopes, &mut request);
        Bytes::from(request)
    }

    fn report_failure(&mut self, status: &Status, what: &str) {
        if !self.log_limit.allows(Instant::now()) {
            return;
        }
        let counters = self.queue.counters();
        tracing::warn!(
            endpoint = self.endpoint,
            error = status.message(),
            code = ?status.code(),
            queued = counters.queued,
            dropped = counters.dropped.total(),
            "{what}"
        );
    }

    fn report_partial_success(&mut self, accepted: &Accepted) {
        let is_silent = accepted.rejected_spans == 0 && accepted.message.is_empty();
        if is_silent || !self.log_limit.allows(Instant::now()) {
            return;
        }
        tracing::warn!(
            endpoint = self.endpoint,
            rejected = accepted.rejected_spans,
            reason = accepted.message,
            "the trace collector took a batch in part"
        );
    }

    fn report_full_queue(&mut self) {
        let dropped = self.queue.counters().dropped.queue_full;
        if dropped > self.reported_full && self.log_limit.allows(Instant::now()) {
            self.reported_full = dropped;
            tracing::warn!(
                endpoint = self.endpoint,
                dropped,
                "spans were dropped: the trace queue was full"
            );
        }
    }
}
