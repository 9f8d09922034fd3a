//! One run of a job: its threads, from their start to their end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;

use everspan_checkpoint::{
    AbortReason, Coordinator, Counts, Initialization, Job, Kind, Now, Report, Resumed, Run, SubtaskId, Ticket,
};
use everspan_state::LocalCopies;
use everspan_state::store::Manifest;

use super::at_stores::AtStores;
use super::clock::Clock;
use super::crew::Crew;
use super::error::JobError;
use super::inbox::{ANY_RUN, Inbox, Sender};
use super::master::{Effect, Event, Master, Shape};
use super::monitor::{JobState, Monitor};
use super::options::JobOptions;
use super::own_dir::OwnDir;
use super::part_writer::PartWriter;
use super::restore::{Known, subtask_id};
use super::seat::Seat;
use super::stores::Stores;
use super::subtask_driver::{Fittings, Said};
use super::working_state::WorkingState;
use crate::failure::Failure;
use crate::graph::{Graph, Wiring};
use crate::panicked::caught;
use crate::task::Order;

/// Who awaits the answer to a request for a checkpoint.
pub(crate) type Asker = mpsc::Sender<Result<u64, AbortReason>>;

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
    /// Whether any checkpoint or savepoint has completed.
    pub(crate) has_completed: bool,
    /// The newest of those that no user removes.
    pub(crate) newest_checkpoint: Option<u64>,
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
    /// When the job had put nothing into a store yet.
    pub(crate) began: Now,
    /// Whether what others left in the stores before that was removed, or is about to be.
    pub(crate) is_clean: AtomicBool,
    pub(crate) monitor: Monitor,
    pub(crate) stores: Option<Stores>,
    /// Of its checkpoints on this host, if they are to be kept.
    pub(crate) copies: Option<LocalCopies>,
    /// Files on their way to the store.
    pub(crate) local_dir: PathBuf,
    pub(crate) state: WorkingState,
    pub(crate) crew: Crew,
    /// Messages to the run that is under way; from one run to the next only those of handles survive.
    pub(crate) inbox: Inbox,
    pub(crate) sender: Sender,
    /// Has `local_dir`, if anything is to be there. The last field: it is removed when nobody works there any more.
    pub(crate) _own_dir: Option<OwnDir>,
}

/// One run.
pub(crate) struct Running<'a> {
    place: &'a Place,
    /// From 1.
    number: u64,
    master: Master,
    writer: Option<PartWriter>,
    seats: BTreeMap<SubtaskId, Seat>,
    sources: Vec<SubtaskId>,
    alive: usize,
    askers: BTreeMap<Ticket, Asker>,
    next_ticket: u64,
    /// What others could see last: whether the run has begun, and how its checkpoints went.
    shown: (bool, Counts),
    /// Where the files of the checkpoint are that the run begins with.
    restored: Option<PathBuf>,
    end: Option<End>,
    at_stores: AtStores,
}

/// What a run begins with.
pub(crate) struct Start {
    pub(crate) number: u64,
    pub(crate) run: Run,
    pub(crate) run_name: String,
    pub(crate) initialization: Initialization,
    pub(crate) known: Known,
    pub(crate) reports: BTreeMap<SubtaskId, Report>,
    /// Where the files of the checkpoint are, if there is one.
    pub(crate) restored_to: PathBuf,
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
            is_checkpointed: place.stores.is_some(),
        };
        // In a directory of this run: writers of the one before may still be at work.
        let dir = place.local_dir.join(format!("snapshots-{}", start.number));
        let mut running = Self {
            place,
            writer: place.stores.as_ref().map(|stores| {
                PartWriter::new(stores.clone(), dir)
                    .with_copies(place.copies.clone())
                    .incremental(place.options.state.incremental)
            }),
            number: start.number,
            master: Master::new(shape, coordinator, start.initialization),
            seats: BTreeMap::new(),
            sources: Vec::new(),
            alive: 0,
            askers: BTreeMap::new(),
            next_ticket: 1,
            shown: (false, Counts::default()),
            restored: Some(start.restored_to),
            end: None,
            at_stores: AtStores::new(place.stores.clone(), place.copies.clone()),
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
        self.place.crew.watch(wiring.take_gauges());
        for of in fittings {
            let id = of.id;
            self.seats.insert(id, self.place.crew.seat(of)?);
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
    pub(crate) async fn lead(mut self) -> Ended {
        while self.alive > 0 {
            match self.next_message().await {
                Some(message) => self.handle(message),
                None => self.event(Event::Tick),
            }
        }
        std::mem::take(&mut self.seats).into_values().for_each(Seat::join);
        self.at_stores.join().await;
        self.writer.iter().for_each(PartWriter::remove);
        let ended = Ended {
            last_id: self.master.last_id(),
            has_completed: self.master.statistics().counts().completed > 0,
            newest_checkpoint: self.master.statistics().latest_retained(),
            end: self.end.unwrap_or(End::Finished),
        };
        for asker in self.askers.into_values() {
            // Nobody may be waiting any more.
            drop(asker.send(Err(AbortReason::Stopping)));
        }
        ended
    }

    /// `None`: the master is to look at the time.
    async fn next_message(&self) -> Option<Message> {
        loop {
            // One that is over decides nothing any more, so its times would stay due for ever.
            let due = self.master.next_wakeup().filter(|_| !self.is_over());
            let (number, message) = self.place.inbox.next(due).await?;
            // What an earlier run's subtasks and writers still say means nothing.
            if number == self.number || number == ANY_RUN {
                return Some(message);
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
        let refused = if self.place.stores.is_none() {
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
            Said::Compacted(took) => self.event(Event::Compacted(id, took)),
            Said::Snapshot(snapshot) => {
                let (number, sender) = (self.number, self.place.sender.clone());
                let checkpoint = snapshot.checkpoint;
                let writer = self.writer.as_ref().expect("barriers come with a store");
                let is_savepoint = self.master.is_savepoint(checkpoint);
                writer.spawn(&self.place.crew, id, is_savepoint, snapshot, move |written| {
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

    /// Every subtask ends now; the first reason counts.
    fn stop(&mut self, end: End, reason: &str) {
        if self.is_over() {
            return;
        }
        self.end = Some(end);
        self.seats.values().for_each(Seat::cancel);
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
        let before = std::mem::replace(&mut self.shown, now);
        if before == now {
            return;
        }
        if now.0 && !before.0 {
            self.remove_restored();
        }
        self.place.monitor.checkpoints(self.master.statistics());
        if now.0 && self.end.is_none() {
            self.place.monitor.is(JobState::Running);
        }
    }

    /// Every operator has taken what the checkpoint brought here.
    fn remove_restored(&mut self) {
        if let Some(dir) = self.restored.take() {
            self.place.crew.spawn_blocking(async move {
                // What cannot be removed now goes with the job's directory.
                drop(std::fs::remove_dir_all(dir));
            });
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::OrderSources(order) => {
                    if let (Order::Begin(barrier), Some(writer)) = (&order, &self.writer) {
                        writer.begin(barrier.checkpoint);
                    }
                    let sources = self.sources.iter().filter_map(|id| self.seats.get(id));
                    sources.for_each(|seat| seat.order(order.clone()));
                }
                Effect::OrderAll(order) => {
                    if let Order::Completed(checkpoint) = &order {
                        self.tidy_up(*checkpoint);
                    }
                    self.seats.values().for_each(|seat| seat.order(order.clone()));
                }
                Effect::Publish(manifest) => self.publish(*manifest),
                Effect::Remove(checkpoint) => self.at_stores.remove(&self.place.crew, checkpoint),
                Effect::Forget(checkpoints) => self.at_stores.forget(&self.place.crew, checkpoints),
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
                    self.seats.values().for_each(Seat::finish);
                }
            }
        }
    }

    /// A checkpoint has completed: what came before it is not needed any more, on this host and elsewhere.
    fn tidy_up(&mut self, checkpoint: u64) {
        if let Some(writer) = &self.writer {
            writer.forget_before(checkpoint);
        }
        self.at_stores.clean_once(self.place);
    }

    fn publish(&mut self, manifest: Manifest) {
        let (number, sender) = (self.number, self.place.sender.clone());
        let checkpoint = manifest.checkpoint;
        self.at_stores
            .publish(&self.place.crew, manifest, move |published| {
                drop(sender.send((number, Message::Event(Event::Published(checkpoint, published)))));
            });
    }

    fn now(&self) -> Now {
        self.place.clock.now()
    }
}
