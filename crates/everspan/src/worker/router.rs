//! The way to the workers: which partition, is there room, is there disk.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;

use everspan_durable::record::{Message, Progress, Submission};
use everspan_durable::view::{EntryView, InvocationView};
use everspan_protocol::ids::{InvocationId, partition_of};
use tokio::sync::{Semaphore, oneshot};

use super::input::{Accepted, AttachReply, Ended, Input, Query, Reply};
use super::limits::Limits;
use crate::invoker::ProgressSink;

/// Why a request is not taken. Nothing of it was stored: it may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too many requests wait.
    Overloaded,
    /// The disk is full.
    DiskFull,
    /// The server is going down.
    Stopping,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overloaded => "too many requests wait, try again later; this one was not accepted",
            Self::DiskFull => "the disk of the server is full; this request was not accepted",
            Self::Stopping => {
                "the server is stopping; send the request again with the same idempotency key, or attach"
            }
        })
    }
}

impl std::error::Error for Refusal {}

/// The mailboxes of all workers.
pub struct Router {
    pub(super) mailboxes: Vec<Mailbox>,
    pub(super) partitions: u16,
    pub(super) limits: Limits,
    pub(super) disk_full: AtomicBool,
    pub(super) stopping: AtomicBool,
    pub(super) progress_room: Arc<Semaphore>,
}

/// One worker's mailbox.
pub(super) struct Mailbox {
    pub(super) sender: Sender<Input>,
    /// Requests of clients in it.
    pub(super) requests: Arc<AtomicUsize>,
}

impl Router {
    /// How many partitions there are.
    pub fn partitions(&self) -> u16 {
        self.partitions
    }

    /// Submits and waits for the result.
    pub async fn call(&self, submission: Box<Submission>) -> Result<Ended, Refusal> {
        let (reply, result) = oneshot::channel();
        self.submit(submission, Reply::Result(reply))?;
        result.await.map_err(|_| Refusal::Stopping)
    }

    /// Submits and waits until it is stored.
    pub async fn send(&self, submission: Box<Submission>) -> Result<Accepted, Refusal> {
        let (reply, accepted) = oneshot::channel();
        self.submit(submission, Reply::Accepted(reply))?;
        accepted.await.map_err(|_| Refusal::Stopping)
    }

    /// Sends a message to an invocation and waits until it is stored.
    pub async fn ask(&self, message: Message) -> Result<(), Refusal> {
        let partition = self.partition(message.recipient());
        let (done, stored) = oneshot::channel();
        self.request(partition, Input::Ask { message, done })?;
        stored.await.map_err(|_| Refusal::Stopping)
    }

    /// The result of an invocation, at once or when there is one.
    pub async fn attach(&self, id: InvocationId, wait: bool) -> Result<AttachReply, Refusal> {
        let (reply, result) = oneshot::channel();
        self.request(self.partition(&id), Input::Attach { id, wait, reply })?;
        result.await.map_err(|_| Refusal::Stopping)
    }

    /// One invocation.
    pub async fn view(&self, id: InvocationId) -> Result<Option<InvocationView>, Refusal> {
        let (reply, answer) = oneshot::channel();
        let query = Query::Invocation(id, reply);
        self.query(self.partition(&id), query)?;
        answer.await.map_err(|_| Refusal::Stopping)
    }

    /// The journal of an invocation.
    pub async fn journal(&self, id: InvocationId) -> Result<Vec<EntryView>, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.query(self.partition(&id), Query::Journal(id, reply))?;
        answer.await.map_err(|_| Refusal::Stopping)
    }

    /// Invocations of all partitions, the newest first, at most `limit`.
    pub async fn list(&self, limit: usize) -> Result<Vec<InvocationView>, Refusal> {
        let mut all = Vec::new();
        for partition in 0..self.partitions {
            let (reply, answer) = oneshot::channel();
            self.query(partition, Query::List(limit, reply))?;
            all.extend(answer.await.map_err(|_| Refusal::Stopping)?);
        }
        all.sort_by_key(|view| std::cmp::Reverse(view.created_ns));
        all.truncate(limit);
        Ok(all)
    }

    /// Whether new requests are taken; the reason if not.
    pub fn ready(&self) -> Result<(), Refusal> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(Refusal::Stopping);
        }
        if self.disk_full.load(Ordering::Relaxed) {
            return Err(Refusal::DiskFull);
        }
        Ok(())
    }

    /// Notes whether the disk is full; returns what was noted before.
    pub fn note_disk(&self, full: bool) -> bool {
        self.disk_full.swap(full, Ordering::Relaxed)
    }

    /// Whether requests are refused for lack of disk.
    pub fn is_disk_full(&self) -> bool {
        self.disk_full.load(Ordering::Relaxed)
    }

    /// Requests of clients that wait for a worker.
    pub fn waiting_requests(&self) -> usize {
        self.mailboxes
            .iter()
            .map(|mailbox| mailbox.requests.load(Ordering::Relaxed))
            .sum()
    }

    fn partition(&self, id: &InvocationId) -> u16 {
        partition_of(id.partition_key(), self.partitions)
    }

    pub(super) fn mailbox(&self, partition: u16) -> &Mailbox {
        &self.mailboxes[usize::from(partition) % self.mailboxes.len()]
    }

    fn submit(&self, submission: Box<Submission>, reply: Reply) -> Result<(), Refusal> {
        let partition = self.partition(&submission.id);
        self.request(partition, Input::Submit { submission, reply })
    }

    /// A request that makes a record: refused when there is no room or no disk.
    fn request(&self, partition: u16, input: Input) -> Result<(), Refusal> {
        self.ready()?;
        let mailbox = self.mailbox(partition);
        let waiting = mailbox.requests.fetch_add(1, Ordering::Relaxed);
        if waiting >= self.limits.mailbox_max {
            mailbox.requests.fetch_sub(1, Ordering::Relaxed);
            return Err(Refusal::Overloaded);
        }
        mailbox.sender.send(input).map_err(|_| Refusal::Stopping)
    }

    fn query(&self, partition: u16, query: Query) -> Result<(), Refusal> {
        let input = Input::Query { partition, query };
        self.mailbox(partition)
            .sender
            .send(input)
            .map_err(|_| Refusal::Stopping)
    }
}

impl ProgressSink for Router {
    async fn store(&self, progress: Box<Progress>) -> bool {
        let bytes: usize = progress.frames.iter().map(|frame| frame.body.len() + 64).sum();
        let bytes = u32::try_from(bytes.clamp(64, self.limits.progress_bytes_max)).unwrap_or(u32::MAX);
        let Ok(permit) = Arc::clone(&self.progress_room).acquire_many_owned(bytes).await else {
            return false;
        };
        let partition = self.partition(&progress.id);
        self.mailbox(partition)
            .sender
            .send(Input::Progress { progress, permit })
            .is_ok()
    }
}
