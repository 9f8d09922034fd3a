//! The loop that carries out what the coordinator says.

mod carry_out;
mod events;
mod home;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use everspan_checkpoint::{AbortReason, Coordinator, Input, Kind, Now, Output, Resumed, Run, Ticket};
use everspan_export::SpanWriter;
use everspan_state::LocalCopies;
use everspan_state::store::CheckpointStore;
use tokio::sync::{mpsc, oneshot};

use super::note::{Before, Completed, Lost, RunNote};
use super::options::CheckpointsOptions;
use super::under_way::UnderWay;
use super::view::{UnderWayView, View};
use super::{Begun, NoCheckpoint, Surroundings};
use crate::clock::now_ns;
use crate::worker::{CutNews, Persisted, Router};
pub(super) use events::{Asked, Event};
use events::{Reply, Waiting};
use home::Known;

/// Longest sleep.
const IDLE: Duration = Duration::from_secs(3600);
/// Requests that may wait for the first reading of the destination; one more is refused.
const PARKED_MAX: usize = 100;
/// Longest wait until the spans of a checkpoint are safe.
const SECURE: Duration = Duration::from_secs(10);

/// Drives one coordinator.
pub(super) struct Driver {
    options: CheckpointsOptions,
    coordinator: Coordinator,
    note: RunNote,
    router: Arc<Router>,
    persisted: Arc<Persisted>,
    spans: SpanWriter,
    events: mpsc::UnboundedSender<Event>,
    news: mpsc::UnboundedSender<CutNews>,
    view: Arc<Mutex<View>>,
    copies: LocalCopies,
    /// The configured destination.
    home: Option<Arc<CheckpointStore>>,
    known: Known,
    waits_for: Option<String>,
    /// The destination is being read for the first time.
    reading: bool,
    /// Requests that wait for that.
    parked: Vec<Asked>,
    under_way: BTreeMap<u64, UnderWay>,
    waiting: BTreeMap<Ticket, Waiting>,
    /// Savepoints that were asked for and have not begun, in the order in which they will.
    savepoints: VecDeque<Ticket>,
    last_ticket: u64,
    /// Who is answered once what became of the checkpoint is told.
    answers: Vec<(Result<u64, AbortReason>, Reply)>,
    begun: Instant,
    before: Before,
    /// The checkpoint that a dead process had begun; until it is told.
    lost: Option<Lost>,
    /// That checkpoint, when it was complete, and the name of its run.
    found: Option<(u64, String)>,
}

/// The run's name among all runs of the data directory.
pub(super) fn run_of(options: &CheckpointsOptions, number: u64) -> Run {
    Run::new(&options.cluster, &run_name(options, number))
}

pub(super) fn run_name(options: &CheckpointsOptions, number: u64) -> String {
    format!("{}/{number}", options.home.id)
}

impl Driver {
    pub(super) fn new(
        options: CheckpointsOptions,
        with: Surroundings,
        events: mpsc::UnboundedSender<Event>,
        view: Arc<Mutex<View>>,
    ) -> (Self, mpsc::UnboundedReceiver<CutNews>) {
        let Begun {
            note,
            before,
            copies,
            destination,
        } = with.begun;
        let run = run_of(&options, note.run());
        let resumed = Resumed {
            last_id: note.last_checkpoint(),
            retained: Vec::new(),
        };
        let coordinator = Coordinator::new(options.job(), run, options.coordinator.clone(), resumed);
        let (news, heard) = mpsc::unbounded_channel();
        let driver = Self {
            copies,
            home: destination,
            options,
            coordinator,
            note,
            router: with.router,
            persisted: with.persisted,
            spans: with.spans,
            events,
            news,
            view,
            known: Known::default(),
            waits_for: None,
            reading: false,
            parked: Vec::new(),
            under_way: BTreeMap::new(),
            waiting: BTreeMap::new(),
            savepoints: VecDeque::new(),
            last_ticket: 0,
            answers: Vec::new(),
            begun: Instant::now(),
            before,
            lost: None,
            found: None,
        };
        (driver, heard)
    }

    /// Works until told to stop.
    pub(super) async fn run(
        mut self,
        mut inbox: mpsc::UnboundedReceiver<Event>,
        mut news: mpsc::UnboundedReceiver<CutNews>,
    ) {
        let before = std::mem::take(&mut self.before);
        self.open(before);
        loop {
            self.show();
            let sleep = self.sleep();
            tokio::select! {
                event = inbox.recv() => match event {
                    Some(Event::Stop(stopped)) => return self.stop(stopped),
                    Some(event) => self.event(event),
                    None => return,
                },
                Some(heard) = news.recv() => self.heard(heard),
                () = tokio::time::sleep(sleep) => self.tell(Input::Tick),
            }
        }
    }

    fn now(&self) -> Now {
        let monotonic = self.begun.elapsed();
        Now {
            wall_ns: now_ns(),
            monotonic_ns: u64::try_from(monotonic.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    fn sleep(&self) -> Duration {
        let Some(due_ns) = self.coordinator.next_wakeup() else {
            return IDLE;
        };
        Duration::from_nanos(due_ns.saturating_sub(self.now().monotonic_ns)).min(IDLE)
    }

    /// Tells the coordinator what happened, and carries out what it says.
    fn tell(&mut self, input: Input) {
        let outputs = self.coordinator.handle(input, self.now());
        let has_ended = outputs.iter().any(|output| matches!(output, Output::Span(_)));
        for output in outputs {
            self.carry_out(output);
        }
        if has_ended {
            self.settle();
        }
    }

    /// The spans of what has ended are safe before the note forgets it.
    fn settle(&mut self) {
        let secured = self.spans.secure();
        if !secured.wait_timeout(SECURE) {
            tracing::warn!("the spans of a checkpoint are not safe yet");
        }
        let newest = self.coordinator.statistics().latest_completed();
        let completed = newest.map(|newest| Completed {
            checkpoint: newest.id,
            job: self.options.cluster.clone(),
            run: match &self.found {
                Some((found, run)) if *found == newest.id => run.clone(),
                _ => run_name(&self.options, self.note.run()),
            },
            full_bytes: newest.full_bytes,
        });
        if self.under_way.is_empty()
            && self.lost.is_none()
            && let Err(error) = self.note.settled(completed)
        {
            tracing::warn!(%error, "the note of the checkpoints cannot be written");
        }
        // Who is answered sees what the answer says, and a crash tells nothing again.
        self.show();
        self.answer_ended();
    }

    /// Someone asks; who comes before the destination was read for the first time waits for that.
    fn asked(&mut self, asked: Asked) {
        if self.reading && self.parked.len() < PARKED_MAX {
            self.parked.push(asked);
        } else {
            self.ask(asked.kind, asked.place.as_deref(), asked.reply);
        }
    }

    /// The destination was read, or cannot be.
    fn ask_parked(&mut self) {
        self.reading = false;
        for asked in std::mem::take(&mut self.parked) {
            self.ask(asked.kind, asked.place.as_deref(), asked.reply);
        }
    }

    fn ask(&mut self, kind: Kind, place: Option<&str>, reply: Reply) {
        let store = match place {
            Some(place) => match self.options.open(place) {
                Ok(store) => Some(store),
                Err(error) => return drop(reply.send(Err(NoCheckpoint::BadDestination(error.to_string())))),
            },
            None if self.home.is_none() => return drop(reply.send(Err(NoCheckpoint::NoDestination))),
            None => None,
        };
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.waiting.insert(ticket, Waiting { reply, store });
        if kind.is_savepoint() {
            self.savepoints.push_back(ticket);
        }
        self.tell(Input::Trigger {
            kind,
            ticket: Some(ticket),
        });
    }

    fn stop(mut self, stopped: oneshot::Sender<RunNote>) {
        self.ask_parked();
        self.tell(Input::Stop);
        self.show();
        // Nobody waits any more only when the server is going down in a hurry.
        drop(stopped.send(self.note));
    }

    /// Renews the picture that others look at.
    fn show(&self) {
        let under_way = self.under_way.iter().map(|(&id, of)| UnderWayView {
            id,
            kind: of.kind,
            triggered_ns: of.triggered_ns,
            acked: of.acked(),
        });
        let view = View {
            destination: self.home.as_ref().map(|home| home.place().to_owned()),
            statistics: self.coordinator.statistics().clone(),
            under_way: under_way.collect(),
            retained: self.known.retained(),
            waits_for: self.waits_for.clone(),
        };
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = view;
    }
}
