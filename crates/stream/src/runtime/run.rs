//! One run of a job: its threads, from their start to their end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use everspan_checkpoint::{
    AbortReason, Coordinator, Counts, Initialization, Job, Kind, Now, Report, Resumed, Run, SubtaskId, Ticket,
};
use everspan_state::store::CheckpointStore;

use super::clock::Clock;
use super::error::JobError;
use super::master::{Effect, Event, Master, Shape};
use super::monitor::{JobState, Monitor};
use super::options::JobOptions;
use super::part_writer::PartWriter;
use super::restore::{Known, subtask_id};
use super::subtask_thread::{Fittings, Said, SubtaskThread};
use super::working_state::WorkingState;
use crate::failure::Failure;
use crate::graph::{Graph, Wiring};
use crate::panicked::caught;

/// Who awaits the answer to a request for a checkpoint.
pub(crate) type Asker = Sender<Result<u64, AbortReason>>;

/// What comes to a run from outside of the thread that leads it.
pub(crate) enum Message {
    /// From a subtask.
    Said(SubtaskId, Said),
    /// From a writer.
    Event(Event),
    /// From whoever has the job's handle: a checkpoint.
    Ask(Kind, Asker),
    /// From whoever has the job's handle: end now, without a savepoint.
    Cancel,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The input ended, or a savepoint was taken with which the job was to end.
    Finished,
    /// Someone cancelled it.
    Cancelled,
    /// It failed.
    Failed(JobError),
}

/// What is left of a run.
pub(crate) struct Ended {
    pub(crate) end: End,
    /// The highest number that a checkpoint has had.
    pub(crate) last_id: u64,
    /// Whether any checkpoint has completed.
    pub(crate) has_completed: bool,
}

/// Why a job without a place for checkpoints makes none.
pub(crate) fn no_store() -> AbortReason {
    AbortReason::Store("execution.checkpointing.dir is unset".to_owned())
}

/// What all runs of a job share.
pub(crate) struct Place {
    pub(crate) job: Job,
    pub(crate) options: JobOptions,
    pub(crate) clock: Arc<Clock>,
    pub(crate) monitor: Monitor,
    pub(crate) store: Option<Arc<CheckpointStore>>,
    /// Files on their way to the store.
    pub(crate) local_dir: PathBuf,
    pub(crate) state: WorkingState,
    pub(crate) runtime: tokio::runtime::Runtime,
    /// Messages to the run that is under way; from one run to the next only those of handles survive.
    pub(crate) messages: Receiver<Addressed>,
    pub(crate) sender: Sender<Addressed>,
}

/// A message with the number of the run it is for.
pub(crate) type Addressed = (u64, Message);

/// Messages of handles belong to whichever run is under way.
pub(crate) const ANY_RUN: u64 = 0;

/// One run.
pub(crate) struct Running<'a> {
    place: &'a Place,
    /// From 1.
    number: u64,
    master: Master,
    writer: Option<PartWriter>,
    threads: BTreeMap<SubtaskId, SubtaskThread>,
    sources: Vec<SubtaskId>,
    alive: usize,
    askers: BTreeMap<Ticket, Asker>,
    next_ticket: u64,
    /// What others could see last: whether the run has begun, and how its checkpoints went.
    shown: (bool, Counts),
    end: Option<End>,
    /// What is under way at the store. The next run looks there when all of it is done: a checkpoint that is given up
    /// must not vanish after it was restored.
    at_store: RefCell<Vec<tokio::task::JoinHandle<()>>>,
}

/// What a run begins with.
pub(crate) struct Start {
    pub(crate) number: u64,
    pub(crate) run: Run,
    pub(crate) run_name: String,
    pub(crate) initialization: Initialization,
    pub(crate) known: Known,
    pub(crate) reports: BTreeMap<SubtaskId, Report>,
}

impl<'a> Running<'a> {
    /// Starts every subtask; a run of which not all can be started ends at once.
    pub(crate) fn start(place: &'a Place, graph: &Graph, wiring: &mut Wiring, start: Start) -> Self {
        let resumed = Resumed {
            last_id: start.known.last_id,
            retained: start.known.retained,
        };
        let checkpoints = place.options.checkpoints.clone();
        let coordinator = Coordinator::new(place.job.clone(), start.run, checkpoints, resumed);
        let shape = Shape {
            job: place.job.clone(),
            run_name: start.run_name,
            key_groups: graph.max_parallelism(),
            mode: place.options.mode,
            aligned_timeout: place.options.aligned_timeout,
            is_checkpointed: place.store.is_some(),
        };
        // In a directory of this run: writers of the one before may still be at work.
        let dir = place.local_dir.join(format!("snapshots-{}", start.number));
        let writer = place.store.as_ref();
        let runtime = place.runtime.handle();
        let mut running = Self {
            place,
            writer: writer.map(|store| PartWriter::new(store.clone(), dir, runtime.clone())),
            number: start.number,
            master: Master::new(shape, coordinator, start.initialization),
            threads: BTreeMap::new(),
            sources: Vec::new(),
            alive: 0,
            askers: BTreeMap::new(),
            next_ticket: 1,
            shown: (false, Counts::default()),
            end: None,
            at_store: RefCell::default(),
        };
        if let Err(error) = running.start_threads(graph, wiring, start.reports) {
            let reason = error.to_string();
            running.stop(End::Failed(error), &reason);
        }
        running
    }

    fn start_threads(
        &mut self,
        graph: &Graph,
        wiring: &mut Wiring,
        mut reports: BTreeMap<SubtaskId, Report>,
    ) -> Result<(), JobError> {
        // All are made before the first runs: they find each other's channels.
        let mut fittings = Vec::new();
        for (task, of) in graph.tasks().iter().enumerate() {
            for index in 0..of.parallelism {
                let id = subtask_id(task, index);
                if of.description.is_source {
                    self.sources.push(id);
                }
                let report = reports.remove(&id).unwrap_or_default();
                fittings.push(self.fittings(graph, wiring, (task, index), report)?);
            }
        }
        for of in fittings {
            let id = of.id;
            self.threads.insert(id, SubtaskThread::spawn(of)?);
            self.alive += 1;
        }
        Ok(())
    }

    fn fittings(
        &self,
        graph: &Graph,
        wiring: &mut Wiring,
        (task, index): (usize, usize),
        report: Report,
    ) -> Result<Fittings, JobError> {
        let (number, sender) = (self.number, self.place.sender.clone());
        let id = subtask_id(task, index);
        let of_task = graph.tasks()[task].description.as_operator();
        let made = caught(&of_task, || graph.make(wiring, task, index));
        let subtask = made.map_err(|failure| JobError::Failed {
            subtask: self.subtask_name(id),
            failure,
        })?;
        Ok(Fittings {
            id,
            task: of_task,
            subtask,
            waker: wiring.waker(task, index),
            figures: wiring.figures(task, index),
            clock: self.place.clock.clone(),
            report,
            // The job may have ended without waiting for this.
            tell: Box::new(move |id, said| drop(sender.send((number, Message::Said(id, said))))),
        })
    }

    /// Leads the run to its end.
    pub(crate) fn lead(mut self) -> Ended {
        while self.alive > 0 {
            match self.next_message() {
                Ok(message) => self.handle(message),
                Err(RecvTimeoutError::Timeout) => self.event(Event::Tick),
                Err(RecvTimeoutError::Disconnected) => unreachable!("the place keeps a sender"),
            }
        }
        for thread in std::mem::take(&mut self.threads).into_values() {
            thread.join();
        }
        for task in self.at_store.take() {
            self.place
                .runtime
                .block_on(task)
                .expect("work at the store does not panic");
        }
        let ended = Ended {
            last_id: self.master.last_id(),
            has_completed: self.master.statistics().counts().completed > 0,
            end: self.end.unwrap_or(End::Finished),
        };
        for asker in self.askers.into_values() {
            // Nobody may be waiting any more.
            drop(asker.send(Err(AbortReason::Stopping)));
        }
        ended
    }

    fn next_message(&self) -> Result<Message, RecvTimeoutError> {
        loop {
            let now = self.now().monotonic_ns;
            let due = self.master.next_wakeup();
            let wait = due.map_or(Duration::from_secs(3600), |due| {
                Duration::from_nanos(due.saturating_sub(now))
            });
            let (number, message) = self.place.messages.recv_timeout(wait)?;
            // What an earlier run's threads and writers still say means nothing.
            if number == self.number || number == ANY_RUN {
                return Ok(message);
            }
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Said(id, said) => self.said(id, said),
            Message::Event(event) => self.event(event),
            Message::Ask(kind, asker) => self.asked(kind, asker),
            Message::Cancel => self.stop(End::Cancelled, "the job was cancelled"),
        }
    }

    fn asked(&mut self, kind: Kind, asker: Asker) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.askers.insert(ticket, asker);
        let refused = if self.place.store.is_none() {
            Some(no_store())
        } else if self.is_over() {
            Some(AbortReason::NotAllTasksRunning)
        } else {
            None
        };
        match refused {
            None => self.event(Event::Ask(kind, ticket)),
            Some(reason) => {
                let effects = self.master.refuse(kind, ticket, reason, self.now());
                self.show();
                self.carry_out(effects);
            }
        }
    }

    /// Whether the run has failed or was cancelled, and only waits for its threads.
    fn is_over(&self) -> bool {
        matches!(self.end, Some(End::Failed(_) | End::Cancelled))
    }

    fn said(&mut self, id: SubtaskId, said: Said) {
        match said {
            Said::Opened(report) => self.event(Event::Opened(id, report)),
            Said::Snapshot(snapshot) => {
                let (number, sender) = (self.number, self.place.sender.clone());
                let checkpoint = snapshot.checkpoint;
                let writer = self.writer.as_ref().expect("barriers come with a store");
                writer.spawn(id, snapshot, move |written| {
                    let event = Event::Written(id, checkpoint, written);
                    drop(sender.send((number, Message::Event(event))));
                });
            }
            Said::Ended => self.event(Event::Ended(id)),
            Said::Exited(exited) => {
                self.alive -= 1;
                if let Err(failure) = exited {
                    self.failed(id, failure);
                }
            }
        }
    }

    fn subtask_name(&self, id: SubtaskId) -> String {
        let task = &self.place.job.tasks[id.task as usize];
        format!("{} ({}/{})", task.name, id.index + 1, task.hosts.len())
    }

    fn failed(&mut self, id: SubtaskId, failure: Failure) {
        let subtask = self.subtask_name(id);
        let reason = format!("subtask {subtask} failed: {failure}");
        self.stop(End::Failed(JobError::Failed { subtask, failure }), &reason);
    }

    /// Every thread ends now; the first reason counts.
    fn stop(&mut self, end: End, reason: &str) {
        if self.is_over() {
            return;
        }
        self.end = Some(end);
        self.threads.values().for_each(SubtaskThread::cancel);
        let effects = self.master.abandon(reason, self.now());
        self.carry_out(effects);
    }

    fn event(&mut self, event: Event) {
        if self.is_over() {
            return;
        }
        let effects = self.master.handle(event, self.now());
        // First, so that who is answered finds what it is told.
        self.show();
        self.carry_out(effects);
    }

    /// Lets others see what is new.
    fn show(&mut self) {
        let now = (self.master.has_begun(), self.master.statistics().counts());
        if std::mem::replace(&mut self.shown, now) == now {
            return;
        }
        self.place.monitor.checkpoints(self.master.statistics());
        if now.0 && self.end.is_none() {
            self.place.monitor.is(JobState::Running);
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::OrderSources(order) => {
                    let sources = self.sources.iter().filter_map(|id| self.threads.get(id));
                    sources.for_each(|thread| thread.order(order.clone()));
                }
                Effect::OrderAll(order) => {
                    if let (crate::task::Order::Completed(checkpoint), Some(writer)) = (&order, &self.writer)
                    {
                        writer.forget_before(*checkpoint);
                    }
                    self.threads
                        .values()
                        .for_each(|thread| thread.order(order.clone()));
                }
                Effect::Publish(manifest) => self.publish(*manifest),
                Effect::Remove(checkpoint) => self.with_store(move |store| async move {
                    // What stays is removed by a later cleaning.
                    drop(store.abort(checkpoint).await);
                }),
                Effect::Forget(checkpoints) => self.with_store(move |store| async move {
                    for checkpoint in checkpoints {
                        drop(store.forget(checkpoint).await);
                    }
                }),
                Effect::Answer(ticket, result) => {
                    if let Some(asker) = self.askers.remove(&ticket) {
                        drop(asker.send(result));
                    }
                }
                Effect::Span(span) => {
                    if let Some(spans) = &self.place.options.spans {
                        spans.add(*span);
                    }
                }
                Effect::Fail(reason) => {
                    let end = End::Failed(JobError::Checkpoints(reason.clone()));
                    self.stop(end, &reason);
                }
                Effect::Finish => {
                    self.end.get_or_insert(End::Finished);
                    self.threads.values().for_each(SubtaskThread::finish);
                }
            }
        }
    }

    fn publish(&self, manifest: everspan_state::store::Manifest) {
        let (number, sender) = (self.number, self.place.sender.clone());
        self.with_store(move |store| async move {
            let checkpoint = manifest.checkpoint;
            let published = store.publish(&manifest).await.map_err(|error| error.to_string());
            drop(sender.send((number, Message::Event(Event::Published(checkpoint, published)))));
        });
    }

    fn with_store<F>(&self, work: impl FnOnce(Arc<CheckpointStore>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let Some(store) = &self.place.store {
            let mut at_store = self.at_store.borrow_mut();
            at_store.retain(|task| !task.is_finished());
            at_store.push(self.place.runtime.spawn(work(store.clone())));
        }
    }

    fn now(&self) -> Now {
        self.place.clock.now()
    }
}
