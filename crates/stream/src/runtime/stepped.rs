//! A job without threads, clock and disk of its own: whoever holds it decides what happens next, and when.

mod waiting;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::task::{Context, Poll, Wake, Waker};

use everspan_checkpoint::{AbortReason, Kind, Now, SubtaskId};
use everspan_state::store::CheckpointStore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::JobExecutionResult;
use super::clock::Clock;
use super::crew::{Crew, Left, Work};
use super::error::JobError;
use super::handle::JobControl;
use super::inbox::Addressed;
use super::job::{Means, ReadyJob};
use super::monitor::JobStatus;
use super::options::JobOptions;
use super::stores::Stores;
use super::subtask_driver::{Driver, Turn};
use crate::api::environment::StreamExecutionEnvironment;
use crate::exchange::Pressure;

const NS_PER_MS: u64 = 1_000_000;

/// A job that runs in the caller's thread, one [`Move`] after the other, on a time that the caller sets: for
/// simulations, in which every order of events that threads could bring about can be had again from a seed.
///
/// It is the same job: its subtasks, the run that leads them, restarts, checkpoints and restores are those of
/// [`start`](StreamExecutionEnvironment::start). What threads and clocks do there is left to the caller here:
///
/// ```
/// use everspan_checkpoint::Now;
/// use everspan_stream::{JobOptions, SteppedJob, StreamExecutionEnvironment};
///
/// let env = StreamExecutionEnvironment::new();
/// let doubled = env.from_sequence(1, 3).rebalance().map(|number| 2 * number).collect();
/// let now = Now { wall_ns: 0, monotonic_ns: 0 };
/// let mut job = SteppedJob::start(&env, "double", JobOptions::default(), None, now)?;
/// let result = loop {
///     let next = *job.moves().first().expect("nothing in this job waits for a time");
///     if let Some(result) = job.make(next) {
///         break result;
///     }
/// };
/// assert!(!result?.cancelled);
/// assert_eq!(doubled.take(), [2, 4, 6]);
/// # Ok::<(), everspan_stream::JobError>(())
/// ```
///
/// Dropping it is what the end of a process is to a job: nothing is closed, nothing is said.
pub struct SteppedJob {
    /// `None` once it has ended.
    job: Option<Pin<Box<dyn Future<Output = Outcome>>>>,
    /// Whether the job itself has something to do.
    awake: Arc<Awake>,
    clock: Arc<Clock>,
    left: Arc<Left>,
    subtasks: Vec<Driven>,
    works: Vec<UnderWay>,
    works_begun: u64,
    said: UnboundedReceiver<Addressed>,
    on_the_way: VecDeque<Addressed>,
    inbox: UnboundedSender<Addressed>,
    control: JobControl,
}

/// Where a stepped job has its checkpoints.
pub struct GivenStores {
    /// And its savepoints, unless they have their own.
    pub checkpoints: Arc<CheckpointStore>,
    /// Of savepoints alone.
    pub savepoints: Option<Arc<CheckpointStore>>,
}

/// How a job ends.
type Outcome = Result<JobExecutionResult, JobError>;

/// One thing that may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Move {
    /// The job itself goes on: its time has come, or what it waited for.
    Lead,
    /// The oldest message on its way to the job arrives.
    Deliver,
    /// A subtask takes its orders and does a step.
    Subtask(SubtaskId),
    /// A piece of work at the store goes on to where it waits next. They are counted from the beginning of the job.
    Work(u64),
}

struct Driven {
    driver: Driver,
    turn: Turn,
}

struct UnderWay {
    number: u64,
    work: Work,
    awake: Arc<Awake>,
}

/// Remembers that it was woken.
struct Awake(AtomicBool);

impl Wake for Awake {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Awake {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn poll<T>(self: &Arc<Self>, future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
        self.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(self.clone());
        future.poll(&mut Context::from_waker(&waker))
    }
}

impl SteppedJob {
    /// Begins the job that `env` holds. Its checkpoints go to `stores`, whatever the options say.
    ///
    /// # Errors
    ///
    /// When the job cannot be run.
    pub fn start(
        env: &StreamExecutionEnvironment,
        name: &str,
        options: JobOptions,
        stores: Option<GivenStores>,
        now: Now,
    ) -> Result<Self, JobError> {
        let (sender, said) = unbounded_channel();
        let (inbox, receiver) = unbounded_channel();
        let (clock, left) = (Clock::given(now), Arc::<Left>::default());
        let means = Means {
            clock: clock.clone(),
            crew: Crew::Stepped(left.clone()),
            stores: stores.map(|stores| Stores::given(stores.checkpoints, stores.savepoints)),
            sender,
            receiver,
        };
        let mut job = ReadyJob::with(means, name, env.take_graph(), options)?;
        Ok(Self {
            control: JobControl::of(&job),
            job: Some(Box::pin(async move { job.lead().await })),
            awake: Awake::new(),
            clock,
            left,
            subtasks: Vec::new(),
            works: Vec::new(),
            works_begun: 0,
            said,
            on_the_way: VecDeque::new(),
            inbox,
        })
    }

    /// Everything that has something to do now; when there is nothing, time has to pass.
    pub fn moves(&self) -> Vec<Move> {
        let now_ms = self.now_ms();
        let mut moves = Vec::new();
        if self.awake.is() {
            moves.push(Move::Lead);
        }
        if !self.on_the_way.is_empty() {
            moves.push(Move::Deliver);
        }
        let ready = self.subtasks.iter().filter(|of| of.is_ready(now_ms));
        moves.extend(ready.map(|of| Move::Subtask(of.driver.id())));
        let ready = self.works.iter().filter(|work| work.awake.is());
        moves.extend(ready.map(|work| Move::Work(work.number)));
        moves
    }

    /// Every subtask that is driven at the moment. Any of them may do a turn at any time: threads wake for nothing, too.
    pub fn subtasks(&self) -> impl Iterator<Item = SubtaskId> {
        self.subtasks.iter().map(|of| of.driver.id())
    }

    /// The next moment of the monotonic clock at which there is something to do, if nothing happens before.
    pub fn next_due(&self) -> Option<u64> {
        let now = self.clock.now();
        let until = |of: &Driven| match of.turn {
            Turn::Wait { until_ms, .. } => until_ms,
            Turn::Again | Turn::Over => None,
        };
        let due = |until_ms: i64| {
            let until_ns = u64::try_from(until_ms).unwrap_or(0).saturating_mul(NS_PER_MS);
            let left = until_ns.saturating_sub(now.wall_ns);
            now.monotonic_ns.saturating_add(left)
        };
        let subtasks = self.subtasks.iter().filter_map(until).map(due);
        subtasks.chain(self.clock.awaited()).min()
    }

    /// It is this time now. The monotonic clock never goes back.
    pub fn set_time(&mut self, now: Now) {
        self.clock.set(now);
    }

    /// Makes a move; returns how the job has ended once it has.
    ///
    /// # Panics
    ///
    /// When the move is of a subtask or of work that there is not.
    pub fn make(&mut self, next: Move) -> Option<Result<JobExecutionResult, JobError>> {
        let mut ended = None;
        match next {
            Move::Lead => ended = self.lead(),
            Move::Deliver => {
                let message = self.on_the_way.pop_front();
                if let Some(message) = message {
                    // A job that has ended hears nothing.
                    drop(self.inbox.send(message));
                }
                ended = self.lead();
            }
            Move::Subtask(id) => self.turn(id),
            Move::Work(number) => self.work(number),
        }
        self.gather();
        ended
    }

    /// Asks for a checkpoint. The answer comes when its time has come, unless the job ends first.
    pub fn ask(&mut self, kind: Kind) -> Receiver<Result<u64, AbortReason>> {
        let answer = self.control.request(kind);
        self.gather();
        answer
    }

    /// Asks the job to end now, without a savepoint.
    pub fn cancel(&mut self) {
        self.control.cancel();
        self.gather();
    }

    /// What can be seen of the job now.
    pub fn status(&self) -> JobStatus {
        self.control.status()
    }

    /// How full the channels of the run under way are.
    pub fn pressure(&self) -> Vec<Pressure> {
        self.left.pressure()
    }

    fn lead(&mut self) -> Option<Outcome> {
        let job = self.job.as_mut()?;
        match self.awake.poll(job.as_mut()) {
            Poll::Ready(result) => {
                self.job = None;
                Some(result)
            }
            Poll::Pending => None,
        }
    }

    fn turn(&mut self, id: SubtaskId) {
        let place = self.subtasks.iter().position(|of| of.driver.id() == id);
        let place = place.expect("a turn is done by a subtask that is driven");
        let turn = self.subtasks[place].driver.turn();
        self.subtasks[place].turn = turn;
        if turn == Turn::Over {
            self.subtasks.remove(place);
        }
    }

    fn work(&mut self, number: u64) {
        let place = self.works.iter().position(|work| work.number == number);
        let place = place.expect("what goes on has begun and not ended");
        let UnderWay { work, awake, .. } = &mut self.works[place];
        if awake.poll(work.as_mut()).is_ready() {
            self.works.remove(place);
        }
    }

    /// Takes over what is left to be done by the last move.
    fn gather(&mut self) {
        while let Ok(message) = self.said.try_recv() {
            self.on_the_way.push_back(message);
        }
        let drivers = self.left.take_drivers().into_iter();
        self.subtasks.extend(drivers.map(|driver| Driven {
            driver,
            turn: Turn::Again,
        }));
        for work in self.left.take_works() {
            self.works.push(UnderWay {
                number: self.works_begun,
                work,
                awake: Awake::new(),
            });
            self.works_begun += 1;
        }
    }

    fn now_ms(&self) -> i64 {
        i64::try_from(self.clock.now().wall_ns / NS_PER_MS).unwrap_or(i64::MAX)
    }
}

impl Driven {
    fn is_ready(&self, now_ms: i64) -> bool {
        match self.turn {
            Turn::Again => true,
            Turn::Wait { until_ms, .. } => {
                self.driver.waker().is_woken() || until_ms.is_some_and(|until| until <= now_ms)
            }
            Turn::Over => false,
        }
    }
}
