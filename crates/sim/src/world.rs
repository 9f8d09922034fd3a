//! The world: what can happen next, and the draw that decides it.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use everspan_checkpoint::Input;
use everspan_durable::partition::Partition;
use everspan_durable::record::{Body, Message, Outcome, SignalName};
use everspan_durable::view::InvocationView;
use everspan_protocol::ids::{AwakeableId, InvocationId, partition_of};
use everspan_state::MemoryBackend;
use everspan_wal::sim_disk::SimRng;
use everspan_wal::{Batch, Log, SimDisk};
use xxhash_rust::xxh3::Xxh3;

use crate::checker::Checker;
use crate::client::{Client, ClientState};
use crate::outside::Outside;
use crate::pipeline::Pipeline;
use crate::run::{Report, Simulated};
use crate::settings::{Mutation, Settings};

mod checkpoints;
mod crash;
mod cut;
mod ends;
mod faults;
mod finish;
mod restore;
mod server;
mod spans;
mod talks;
mod work;

use checkpoints::Checkpoints;
use cut::Hold;
use spans::Reference;
use talks::Talk;

const T0_MS: u64 = 1_750_000_000_000;
const EVENTS_KEPT: usize = 50;
const STEPS_MAX: u64 = 400_000;
/// Clients ask within the first so many ms.
const WINDOW_MS: u64 = 3000;

/// A partition and what stands around it.
struct Part {
    partition: Partition<MemoryBackend>,
    mailbox: VecDeque<Body>,
    batch: Batch,
    /// Records in the batch or the log, appended to the log, and synced.
    prepared: u64,
    written: u64,
    durable: u64,
    releasable: bool,
    timers_pending: bool,
    /// Messages taken: our record, their sender, their number.
    acks: VecDeque<(u64, u16, u64)>,
    /// A checkpoint waits for this partition.
    hold: Option<Hold>,
}

/// What travels from one partition to another.
enum Wire {
    Message(u64, Message),
    Ack(u64),
}

struct Resolver {
    id: AwakeableId,
    at_ms: u64,
    sent: bool,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Take(usize),
    Apply(usize),
    Append(usize),
    Sync,
    Tell(usize),
    Release(usize),
    Travel(usize, usize),
    ToService(InvocationId),
    FromService(InvocationId),
    Tick(InvocationId),
    Timers(usize),
    Ask(usize),
    Resolve(usize),
    Export,
    Exported,
    Hold(usize),
    Cut(usize),
    Work(usize),
    Coordinate,
    Time,
}

pub(crate) struct World {
    seed: u64,
    rng: SimRng,
    settings: Settings,
    calm: bool,
    step: u64,
    crashes: u64,
    disk: SimDisk,
    log: Log<SimDisk>,
    full_until_ms: Option<u64>,
    append_after_ms: u64,
    parts: Vec<Part>,
    wires: BTreeMap<(usize, usize), VecDeque<Wire>>,
    talks: BTreeMap<InvocationId, Talk>,
    clients: Vec<Client>,
    resolvers: Vec<Resolver>,
    outside: Outside,
    checker: Checker,
    pipeline: Pipeline,
    reference: Reference,
    checkpoints: Checkpoints,
    print: bool,
    recent: VecDeque<String>,
    trace: Xxh3,
}

impl Simulated for World {
    type Report = Report;

    /// Everything, to the last check.
    fn run(&mut self) -> Report {
        let faulty_steps = 2000 + self.rng.below(6000) as u64;
        while self.step < faulty_steps {
            self.fault();
            if !self.happen() {
                break;
            }
        }
        self.calm();
        self.rest();
        self.kill_deserted();
        self.last_checkpoint();
        self.finish()
    }

    fn steps(&self) -> u64 {
        self.step
    }

    fn events(&self) -> Vec<String> {
        self.recent.iter().cloned().collect()
    }
}

impl World {
    pub(crate) fn new(seed: u64, mutation: Option<Mutation>, print: bool) -> Self {
        let mut rng = SimRng::new(seed);
        let settings = Settings::draw(&mut rng, mutation);
        let disk = SimDisk::new(rng.next_u64());
        let (log, _) = Log::open(disk.clone(), server::options(&settings)).expect("an empty disk");
        let client = |number| {
            let mut client = Client::draw(&mut rng, number, seed, T0_MS, WINDOW_MS);
            client.sampled = settings.unsampled == 0 || !rng.one_in(settings.unsampled);
            client
        };
        let clients = (0..settings.clients).map(client).collect();
        let parts = (0..settings.partitions)
            .map(|partition| server::open(&settings, partition, MemoryBackend::new(), 0))
            .collect();
        let empty = (0..settings.partitions).map(|_| MemoryBackend::new());
        let reference = Reference::new(&settings, empty.collect());
        let checkpoints = Checkpoints::new(&settings);
        let mut world = Self {
            seed,
            rng,
            settings,
            calm: false,
            step: 0,
            crashes: 0,
            disk,
            log,
            full_until_ms: None,
            append_after_ms: 0,
            parts,
            wires: BTreeMap::new(),
            talks: BTreeMap::new(),
            clients,
            resolvers: Vec::new(),
            outside: Outside::new(T0_MS),
            checker: Checker::default(),
            pipeline: Pipeline::default(),
            reference,
            checkpoints,
            print,
            recent: VecDeque::new(),
            trace: Xxh3::new(),
        };
        world.started();
        if world.settings.has_checkpoints() {
            world.checkpoints.started();
        }
        world
    }

    /// Goes on until nothing can happen any more.
    fn rest(&mut self) {
        while self.happen() {
            assert!(
                self.step < STEPS_MAX,
                "the world comes to rest within {STEPS_MAX} steps"
            );
        }
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        let line = format!("{:>6} {:>7} {}", self.step, self.outside.now_ms - T0_MS, what());
        self.trace.update(line.as_bytes());
        if self.print {
            eprintln!("{line}");
        }
        if self.recent.len() == EVENTS_KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(line);
    }

    fn chance(&mut self, one_in: usize) -> bool {
        !self.calm && one_in > 0 && self.rng.one_in(one_in)
    }

    /// One thing happens; `false` if there is nothing left.
    fn happen(&mut self) -> bool {
        self.step += 1;
        let mut events = self.possible();
        let next_ms = self.next_ms();
        if let Some(next_ms) = next_ms
            && (events.is_empty() || self.chance(self.settings.hurry))
        {
            events.clear();
            events.push(Event::Time);
            self.outside.now_ms = next_ms.max(self.outside.now_ms);
        }
        if events.is_empty() {
            return false;
        }
        let event = events[self.rng.below(events.len())];
        self.note(|| format!("{event:?}"));
        match event {
            Event::Take(index) => self.take(index),
            Event::Apply(index) => self.apply(index),
            Event::Append(index) => self.append(index),
            Event::Sync => self.sync(),
            Event::Tell(index) => self.tell(index),
            Event::Release(index) => self.release(index),
            Event::Travel(from, to) => self.travel(from, to),
            Event::ToService(id) => self.ask_service(&id),
            Event::FromService(id) => self.hear_service(&id),
            Event::Tick(id) => self.tick(&id),
            Event::Timers(index) => self.timers(index),
            Event::Ask(index) => self.ask(index),
            Event::Resolve(index) => self.resolve(index),
            Event::Export => {
                let items_max = 1 + self.rng.below(20);
                self.pipeline.send(items_max);
            }
            Event::Exported => self.pipeline.note(),
            Event::Hold(index) => self.hold(index),
            Event::Cut(index) => self.cut(index),
            Event::Work(index) => self.work(index),
            Event::Coordinate => self.tell_coordinator(Input::Tick),
            Event::Time => self.space_returns(),
        }
        true
    }

    fn possible(&self) -> Vec<Event> {
        let mut events = Vec::with_capacity(32);
        let now_ms = self.outside.now_ms;
        let mut unsynced = false;
        for (index, part) in self.parts.iter().enumerate() {
            let machine = part.partition.machine();
            let timer_is_due = machine.next_timer_ms().is_some_and(|at_ms| at_ms <= now_ms);
            let can = [
                (!part.mailbox.is_empty(), Event::Take(index)),
                (part.partition.applied() < part.prepared, Event::Apply(index)),
                (
                    !part.batch.is_empty() && now_ms >= self.append_after_ms,
                    Event::Append(index),
                ),
                (part.durable > part.partition.synced_up_to(), Event::Tell(index)),
                (part.releasable, Event::Release(index)),
                (timer_is_due && !part.timers_pending, Event::Timers(index)),
            ];
            part.possible_for_checkpoint(index, self.checkpoints.all_hold(), &mut events);
            events.extend(can.iter().filter(|(can, _)| *can).map(|(_, event)| *event));
            unsynced |= part.written > part.durable;
        }
        if unsynced {
            events.push(Event::Sync);
        }
        if self.pipeline.can_send() {
            events.push(Event::Export);
        }
        if self.pipeline.can_note() {
            events.push(Event::Exported);
        }
        self.checkpoints.possible(now_ms, &mut events);
        let wires = self.wires.iter().filter(|(_, wire)| !wire.is_empty());
        events.extend(wires.map(|(&(from, to), _)| Event::Travel(from, to)));
        for (id, talk) in &self.talks {
            talk.possible(*id, now_ms, &mut events);
        }
        for (index, client) in self.clients.iter().enumerate() {
            if matches!(client.state, ClientState::Asks(at_ms) if at_ms <= now_ms) {
                events.push(Event::Ask(index));
            }
        }
        let due = self.resolvers.iter().enumerate();
        let due = due.filter(|(_, resolver)| !resolver.sent && resolver.at_ms <= now_ms);
        events.extend(due.map(|(index, _)| Event::Resolve(index)));
        events
    }

    /// When something falls due that is not due yet.
    fn next_ms(&self) -> Option<u64> {
        let now_ms = self.outside.now_ms;
        let timers = self
            .parts
            .iter()
            .filter_map(|part| part.partition.machine().next_timer_ms());
        let deadlines = self.talks.values().filter_map(|talk| talk.attempt.deadline_ms());
        let asks = self.clients.iter().filter_map(|client| match client.state {
            ClientState::Asks(at_ms) => Some(at_ms),
            _ => None,
        });
        let resolvers = self.resolvers.iter().filter(|resolver| !resolver.sent);
        let others = [
            Some(self.append_after_ms),
            self.full_until_ms,
            self.checkpoints.wakeup_ms(),
        ];
        timers
            .chain(deadlines)
            .chain(asks)
            .chain(resolvers.map(|resolver| resolver.at_ms))
            .chain(others.into_iter().flatten())
            .filter(|&at_ms| at_ms > now_ms)
            .min()
    }

    fn partition_of(&self, id: &InvocationId) -> usize {
        usize::from(partition_of(id.partition_key(), self.settings.partitions))
    }

    fn post(&mut self, id: &InvocationId, body: Body) {
        let index = self.partition_of(id);
        self.parts[index].mailbox.push_back(body);
    }

    fn ask(&mut self, index: usize) {
        let again = self.settings.duplicate;
        let now_ms = self.outside.now_ms;
        let client = &mut self.clients[index];
        client.state = ClientState::Waits;
        let (id, submission) = (client.id, client.request(now_ms));
        self.note(|| format!("client {index} asks for {id}"));
        self.post(&id, Body::Submit(Box::new(submission)));
        if self.clients[index].idempotency_key.is_some() && self.chance(again) {
            let submission = self.clients[index].request(now_ms);
            self.post(&id, Body::Submit(Box::new(submission)));
        }
    }

    fn resolve(&mut self, index: usize) {
        let resolver = &mut self.resolvers[index];
        resolver.sent = true;
        let id = resolver.id;
        self.note(|| format!("somebody completes awakeable {} of {}", id.signal, id.invocation));
        let signal = Message::Signal {
            id: id.invocation,
            name: SignalName::Index(id.signal),
            outcome: Some(Outcome::Success(Bytes::from_static(b"resolved"))),
        };
        self.post(&id.invocation, Body::Asked(signal));
    }

    /// Who listens to a caller whose attempts were used up would listen for ever: an operator kills it.
    fn kill_deserted(&mut self) {
        let views = self
            .parts
            .iter()
            .flat_map(|part| part.partition.machine().list(usize::MAX));
        let listens = |view: &InvocationView| {
            let awaiting = view.awaiting.as_ref();
            awaiting.is_some_and(|awaiting| !awaiting.named_signals.is_empty())
        };
        let deserted: Vec<_> = views.flatten().filter(listens).map(|view| view.id).collect();
        let may_be = self.settings.policy.max_attempts.is_some();
        assert!(deserted.is_empty() || may_be, "{deserted:?} were told too little");
        for id in deserted {
            self.post(&id, Body::Asked(Message::Kill(id)));
        }
        self.rest();
    }
}
