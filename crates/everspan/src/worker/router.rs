//! The way to the workers: which partition, is there room, is there disk.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use everspan_durable::record::{Message, Progress, Submission};
use everspan_durable::view::{EntryView, InvocationView};
use everspan_protocol::ids::{InvocationId, partition_of};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::cut::Cut;
use super::input::{Accepted, AttachReply, Ended, Input, Query, Reply};
use super::limits::Limits;
use crate::invoker::ProgressSink;

/// Why a request is not answered. Nothing of it was stored, but for the last: it may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too many requests wait.
    Overloaded,
    /// The disk is full.
    DiskFull,
    /// The server is going down.
    Stopping,
    /// The server went down under it: perhaps it was accepted.
    Cut,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overloaded => "too many requests wait, try again later; this one was not accepted",
            Self::DiskFull => "the disk of the server is full; this request was not accepted",
            Self::Stopping => "the server is stopping; this request was not accepted",
            Self::Cut => {
                "the server is stopping; send the request again with the same idempotency key, or attach"
            }
        })
    }
}

impl std::error::Error for Refusal {}

/// Longest wait of an operator's question: a worker does not answer while the log waits for space.
const QUESTION: Duration = Duration::from_secs(10);

/// Memory for the body of a request, given back when the request is a record of the log.
#[derive(Debug)]
pub struct Room(OwnedSemaphorePermit);

impl Room {
    /// Joins two pieces.
    pub fn merge(&mut self, more: Self) {
        self.0.merge(more.0);
    }
}

/// The mailboxes of all workers.
pub struct Router {
    pub(super) mailboxes: Vec<Mailbox>,
    pub(super) partitions: u16,
    pub(super) limits: Limits,
    pub(super) disk_full: AtomicBool,
    pub(super) stopping: AtomicBool,
    pub(super) progress_room: Arc<Semaphore>,
    pub(super) request_room: Arc<Semaphore>,
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
    pub async fn call(&self, submission: Box<Submission>, room: Room) -> Result<Ended, Refusal> {
        let (reply, result) = oneshot::channel();
        self.submit(submission, Reply::Result(reply), room)?;
        result.await.map_err(|_| Refusal::Cut)
    }

    /// Submits and waits until it is stored.
    pub async fn send(&self, submission: Box<Submission>, room: Room) -> Result<Accepted, Refusal> {
        let (reply, accepted) = oneshot::channel();
        self.submit(submission, Reply::Accepted(reply), room)?;
        accepted.await.map_err(|_| Refusal::Cut)
    }

    /// Sends a message to an invocation and waits until it is stored.
    pub async fn ask(&self, message: Message) -> Result<(), Refusal> {
        self.ready()?;
        let partition = self.partition(message.recipient());
        let (done, stored) = oneshot::channel();
        self.request(partition, Input::Ask { message, done })?;
        stored.await.map_err(|_| Refusal::Cut)
    }

    /// The result of an invocation, at once or when there is one. It needs no disk: results are handed out while
    /// requests are refused.
    pub async fn attach(&self, id: InvocationId, wait: bool) -> Result<AttachReply, Refusal> {
        let (reply, result) = oneshot::channel();
        self.request(self.partition(&id), Input::Attach { id, wait, reply })?;
        result.await.map_err(|_| Refusal::Stopping)
    }

    /// One invocation.
    pub async fn view(&self, id: InvocationId) -> Result<Option<InvocationView>, Refusal> {
        let (reply, answer) = oneshot::channel();
        let query = Query::Invocation(id, reply);
        self.query(self.partition(&id), query, answer).await
    }

    /// The journal of an invocation.
    pub async fn journal(&self, id: InvocationId) -> Result<Vec<EntryView>, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.query(self.partition(&id), Query::Journal(id, reply), answer)
            .await
    }

    /// Invocations of all partitions, the newest first, at most `limit`.
    pub async fn list(&self, limit: usize) -> Result<Vec<InvocationView>, Refusal> {
        let mut all = Vec::new();
        for partition in 0..self.partitions {
            let (reply, answer) = oneshot::channel();
            all.extend(self.query(partition, Query::List(limit, reply), answer).await?);
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

    /// Asks something of every worker for a checkpoint.
    pub fn cut(&self, cut: impl Fn() -> Cut) {
        for mailbox in &self.mailboxes {
            // Sending fails only while the process stops; then the checkpoint is given up.
            drop(mailbox.sender.send(Input::Cut(cut())));
        }
    }

    fn partition(&self, id: &InvocationId) -> u16 {
        partition_of(id.partition_key(), self.partitions)
    }

    pub(super) fn mailbox(&self, partition: u16) -> &Mailbox {
        &self.mailboxes[usize::from(partition) % self.mailboxes.len()]
    }

    /// Takes memory for `bytes` more of a request's body.
    pub fn room(&self, bytes: usize) -> Result<Room, Refusal> {
        let bytes = u32::try_from(bytes).map_err(|_| Refusal::Overloaded)?;
        let taken = Arc::clone(&self.request_room).try_acquire_many_owned(bytes);
        taken.map(Room).map_err(|_| Refusal::Overloaded)
    }

    fn submit(&self, submission: Box<Submission>, reply: Reply, room: Room) -> Result<(), Refusal> {
        self.ready()?;
        let partition = self.partition(&submission.id);
        let input = Input::Submit {
            submission,
            reply,
            room,
        };
        self.request(partition, input)
    }

    /// A request of a client: refused when there is no room.
    fn request(&self, partition: u16, input: Input) -> Result<(), Refusal> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(Refusal::Stopping);
        }
        let mailbox = self.mailbox(partition);
        let waiting = mailbox.requests.fetch_add(1, Ordering::Relaxed);
        if waiting >= self.limits.mailbox_max {
            mailbox.requests.fetch_sub(1, Ordering::Relaxed);
            return Err(Refusal::Overloaded);
        }
        mailbox.sender.send(input).map_err(|_| Refusal::Stopping)
    }

    async fn query<A>(
        &self,
        partition: u16,
        query: Query,
        answer: oneshot::Receiver<A>,
    ) -> Result<A, Refusal> {
        let input = Input::Query { partition, query };
        let sent = self.mailbox(partition).sender.send(input);
        sent.map_err(|_| Refusal::Stopping)?;
        match tokio::time::timeout(QUESTION, answer).await {
            Ok(answer) => answer.map_err(|_| Refusal::Stopping),
            Err(_) if self.is_disk_full() => Err(Refusal::DiskFull),
            Err(_) => Err(Refusal::Overloaded),
        }
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn router(limits: Limits) -> (Router, std::sync::mpsc::Receiver<Input>) {
        let (sender, inputs) = channel();
        let router = Router {
            mailboxes: vec![Mailbox {
                sender,
                requests: Arc::new(AtomicUsize::new(0)),
            }],
            partitions: 1,
            disk_full: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            progress_room: Arc::new(Semaphore::new(limits.progress_bytes_max)),
            request_room: Arc::new(Semaphore::new(limits.request_bytes_max)),
            limits,
        };
        (router, inputs)
    }

    fn cancel() -> Message {
        Message::Cancel(InvocationId::from_parts(1, [2; 16]))
    }

    #[tokio::test]
    async fn one_request_more_than_the_mailbox_holds_is_refused_and_leaves_nothing() {
        let (router, inputs) = router(Limits {
            mailbox_max: 1,
            ..Limits::default()
        });
        let router = Arc::new(router);
        let first = tokio::spawn({
            let router = Arc::clone(&router);
            async move { router.ask(cancel()).await }
        });
        let input = tokio::task::spawn_blocking(move || (inputs.recv().unwrap(), inputs));
        let (input, _inputs) = input.await.unwrap();
        assert_eq!(router.ask(cancel()).await, Err(Refusal::Overloaded));
        assert_eq!(router.waiting_requests(), 1);
        drop(input);
        assert_eq!(first.await.unwrap(), Err(Refusal::Cut), "the worker has gone");
    }

    #[tokio::test]
    async fn a_full_disk_refuses_what_makes_a_record_and_still_hands_out_results() {
        let (router, inputs) = router(Limits::default());
        router.note_disk(true);
        assert_eq!(router.ask(cancel()).await, Err(Refusal::DiskFull));
        let id = InvocationId::from_parts(1, [2; 16]);
        let worker = std::thread::spawn(move || match inputs.recv().unwrap() {
            Input::Attach { reply, .. } => drop(reply.send(AttachReply::Unknown)),
            _ => panic!("not an attach"),
        });
        assert!(matches!(router.attach(id, true).await, Ok(AttachReply::Unknown)));
        worker.join().unwrap();
    }

    #[test]
    fn bodies_beyond_the_memory_for_them_are_refused_until_some_is_given_back() {
        let (router, _inputs) = router(Limits {
            request_bytes_max: 100,
            ..Limits::default()
        });
        let mut first = router.room(60).unwrap();
        assert_eq!(router.room(60).unwrap_err(), Refusal::Overloaded);
        first.merge(router.room(40).unwrap());
        assert_eq!(router.room(1).unwrap_err(), Refusal::Overloaded);
        drop(first);
        assert!(router.room(100).is_ok());
    }
}
