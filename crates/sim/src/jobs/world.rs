//! The world: what can happen next, and the draw that decides it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use everspan_checkpoint::{Kind, Now, SubtaskId};
use everspan_stream::{JobError, Move, Start, StateBackend};
use everspan_wal::sim_disk::SimRng;
use xxhash_rust::xxh3::Xxh3;

use super::lives::{Ended, Life};
use super::outside::Outside;
use super::plan::Plan;
use super::settings::Settings;
use super::{Mutation, Report, checker};
use crate::objects::Fate;
use crate::run::Simulated;

/// The wall's clock when the world begins, ms since the Unix epoch.
const T0_MS: u64 = 1_750_000_000_000;
const EVENTS_KEPT: usize = 60;
const STEPS_MAX: u64 = 150_000;
/// Who is starved is drawn again after so many moves.
const MOOD_STEPS: u64 = 64;
/// The channels are looked at after so many moves.
const LOOK_STEPS: u64 = 16;
/// A move takes at most so long when nothing fails any more.
const CALM_PACE_US: usize = 20;
const NS_PER_MS: u64 = 1_000_000;

pub(super) struct World {
    rng: SimRng,
    outside: Arc<Outside>,
    life: Option<Life>,
    /// Where the next life begins, and the parallelism of the last one.
    start: Start,
    parallelism: Option<usize>,
    now_ns: u64,
    crash_at: Option<u64>,
    /// Subtasks that are starved for now.
    lazy: BTreeSet<SubtaskId>,
    /// Work at the store that hangs, until then.
    hanging: BTreeMap<u64, u64>,
    /// Pieces of work up to this one were looked at.
    works_seen: u64,
    report: Report,
    print: bool,
    recent: VecDeque<String>,
    trace: Xxh3,
}

impl Simulated for World {
    type Report = Report;

    fn steps(&self) -> u64 {
        self.report.steps
    }

    fn events(&self) -> Vec<String> {
        let mut events: Vec<String> = self.recent.iter().cloned().collect();
        let picture = self.life.as_ref().map(|life| life.job.picture());
        events.extend(
            picture
                .iter()
                .flat_map(|picture| picture.lines().map(str::to_owned)),
        );
        events.push(format!("{:?}", self.outside.settings));
        events
    }

    /// Everything, to the last check.
    fn run(&mut self) -> Report {
        loop {
            self.report.steps += 1;
            assert!(
                self.steps() < STEPS_MAX,
                "the job comes to its end within {STEPS_MAX} moves"
            );
            if self.steps() == self.outside.settings.calm_at {
                self.note(|| "nothing fails any more".to_owned());
                self.outside.calm_down();
            }
            let ended = self.step();
            if let Some(sentence) = self.outside.violation() {
                panic!("{sentence}");
            }
            self.look_at_queues();
            if ended {
                return self.finish();
            }
        }
    }
}

impl World {
    pub(super) fn new(seed: u64, mutation: Option<Mutation>, crash_at: Option<u64>, print: bool) -> Self {
        let mut rng = SimRng::new(seed);
        let settings = Settings::draw(&mut rng, mutation);
        let plan = Plan::draw(&mut rng);
        let dice = SimRng::new(rng.next_u64());
        Self {
            outside: Arc::new(Outside::new(plan, settings, dice)),
            rng,
            life: None,
            start: Start::Newest,
            parallelism: None,
            now_ns: 0,
            crash_at,
            lazy: BTreeSet::new(),
            hanging: BTreeMap::new(),
            works_seen: 0,
            report: Report::default(),
            print,
            recent: VecDeque::new(),
            trace: Xxh3::new(),
        }
    }

    /// One thing happens; says whether the job has come to its end.
    fn step(&mut self) -> bool {
        let Some(mut life) = self.life.take() else {
            self.begin();
            return false;
        };
        let crash = self.outside.settings.crash;
        if self.crash_at == Some(self.steps()) || self.chance(crash) {
            self.crash(&life);
            return false;
        }
        self.ask(&mut life);
        self.pass_time(&mut life);
        let Some(next) = self.choose(&mut life) else {
            self.life = Some(life);
            return false;
        };
        self.note(|| format!("{next:?}"));
        self.doom();
        let is_idle = matches!(next, Move::Subtask(id) if life.job.idles(id));
        let result = life.job.make(next);
        assert!(
            !is_idle || !life.job.moves().contains(&next),
            "who has something to do is told: {next:?} was not\n{}",
            life.job.picture()
        );
        self.outside.objects.doom(Fate::Done);
        for news in life.spans.take_news() {
            self.note(|| news);
        }
        let Some(result) = result else {
            self.life = Some(life);
            return false;
        };
        let ended = life.ended(result);
        self.add_up(&life);
        self.end(ended)
    }

    fn begin(&mut self) {
        let settings = &self.outside.settings;
        let parallelism = settings.parallelism(&mut self.rng, self.parallelism);
        if self.parallelism.is_some_and(|before| before != parallelism) {
            self.report.rescales += 1;
        }
        self.parallelism = Some(parallelism);
        let start = std::mem::replace(&mut self.start, Start::Newest);
        let objects = self.outside.objects.clone();
        let stored = move || {
            objects
                .names()
                .into_iter()
                .filter_map(|name| name.filename().map(str::to_owned))
        };
        let manifests = move || {
            stored()
                .filter(|name| name.ends_with(".manifest"))
                .collect::<Vec<_>>()
        };
        self.note(|| {
            format!(
                "the process begins with {parallelism} subtasks a task, {start:?} of {:?}",
                manifests()
            )
        });
        let (now, outside) = (self.now(), self.outside.clone());
        self.life = Some(Life::begin(&outside, &mut self.rng, parallelism, start, now));
        self.lazy.clear();
        self.hanging.clear();
        self.works_seen = 0;
    }

    /// The process dies: what it was about to do is not done.
    fn crash(&mut self, life: &Life) {
        self.note(|| "the process dies".to_owned());
        self.report.crashes += 1;
        life.spans.told().check(false);
        self.add_up(life);
    }

    fn end(&mut self, ended: Ended) -> bool {
        self.note(|| format!("the job has ended: {ended:?}"));
        match ended {
            Ended::Whole => true,
            Ended::Stopped(savepoint) => {
                self.start = Start::From(savepoint);
                false
            }
            Ended::Failed(error) => {
                let may_be = match &error {
                    JobError::Failed { .. } | JobError::Checkpoints(_) => true,
                    JobError::Restore(reason) => !reason.contains("there is no checkpoint"),
                    _ => false,
                };
                assert!(may_be, "no fault of the world ends a job so: {error:?}");
                false
            }
        }
    }

    fn add_up(&mut self, life: &Life) {
        let told = life.spans.told();
        self.report.runs += told.starts;
        if self.outside.settings.backend == StateBackend::Lsm {
            self.report.runs_on_disk += told.starts;
        }
        self.report.checkpoints += told.completed;
        self.report.savepoints += told.savepoints;
        self.report.unaligned += told.unaligned;
    }

    fn finish(&mut self) -> Report {
        checker::check(&self.outside);
        let results = self.outside.results();
        self.report.results = results.values().sum();
        let results = format!("{results:?}");
        self.trace.update(results.as_bytes());
        self.report.trace = self.trace.digest();
        self.report
    }

    fn ask(&mut self, life: &mut Life) {
        let (asks, stops) = (self.outside.settings.asks, self.outside.settings.stops);
        let kind = if self.chance(stops) {
            Kind::TerminateSavepoint
        } else if self.chance(asks) {
            [Kind::Checkpoint, Kind::FullCheckpoint, Kind::Savepoint][self.rng.below(3)]
        } else {
            return;
        };
        self.note(|| format!("somebody asks for a {kind:?}"));
        life.ask(kind);
    }

    /// What is next; `None`: nothing but that time passes.
    fn choose(&mut self, life: &mut Life) -> Option<Move> {
        let mut moves = life.job.moves();
        self.look_at_works(&moves);
        let now_ns = self.now_ns;
        self.hanging.retain(|_, until| *until > now_ns);
        moves.retain(|of| !matches!(of, Move::Work(number) if self.hanging.contains_key(number)));
        self.starve(life, &mut moves);
        let spurious = self.outside.settings.spurious;
        if self.chance(spurious) {
            moves.extend(life.job.subtasks().map(Move::Subtask));
        }
        let hurry = self.outside.settings.hurry;
        if !moves.is_empty() && !self.chance(hurry) {
            return Some(moves[self.rng.below(moves.len())]);
        }
        let hanging = self.hanging.values().copied().min();
        let next = life.job.next_due().into_iter().chain(hanging).min();
        match next {
            Some(at_ns) => {
                self.now_ns = self.now_ns.max(at_ns);
                let (now, ms) = (self.now(), self.now_ns / NS_PER_MS);
                self.note(|| format!("it is {ms} ms"));
                life.job.set_time(now);
                None
            }
            None => {
                assert!(
                    !moves.is_empty(),
                    "somebody can always go on:\n{}",
                    life.job.picture()
                );
                Some(moves[self.rng.below(moves.len())])
            }
        }
    }

    /// New work at the store may hang.
    fn look_at_works(&mut self, moves: &[Move]) {
        let hanging = self.outside.settings.hanging_store;
        for of in moves {
            if let Move::Work(number) = *of
                && number >= self.works_seen
            {
                self.works_seen = number + 1;
                if self.chance(hanging) {
                    let ns = 1 + self.rng.below(500_000_000) as u64;
                    self.hanging.insert(number, self.now_ns + ns);
                }
            }
        }
    }

    /// Leaves out subtasks that are starved, unless nobody else can go on.
    fn starve(&mut self, life: &Life, moves: &mut Vec<Move>) {
        let lazy = self.outside.settings.lazy;
        if self.steps().is_multiple_of(MOOD_STEPS) {
            self.lazy.clear();
            for subtask in life.job.subtasks() {
                if self.chance(lazy) {
                    self.lazy.insert(subtask);
                }
            }
        }
        let is_lazy = |of: &Move| matches!(of, Move::Subtask(id) if self.lazy.contains(id));
        if !moves.iter().all(is_lazy) {
            moves.retain(|of| !is_lazy(of));
        }
    }

    /// A request to the store may fail.
    fn doom(&mut self) {
        let failing_store = self.outside.settings.failing_store;
        if self.chance(failing_store) {
            let fate = [Fate::Refused, Fate::AnswerLost][self.rng.below(2)];
            self.outside.objects.doom(fate);
        }
    }

    /// Channels hold what they may, more only where a barrier overtook; and who waits is told when it is over.
    fn look_at_queues(&self) {
        let most = self.outside.settings.buffers_per_channel;
        let Some(life) = self
            .life
            .as_ref()
            .filter(|_| self.steps().is_multiple_of(LOOK_STEPS))
        else {
            return;
        };
        let overlooked = life.job.overlooked();
        assert!(overlooked.is_none(), "nobody is overlooked: {overlooked:?}");
        for of in life.job.pressure() {
            assert!(
                of.level.batches <= most || of.level.is_over,
                "a channel holds at most {most} batches: {of}"
            );
            assert!(
                of.level.barriers <= life.checkpoints_max,
                "of checkpoints that were given up no barriers are left: {of}"
            );
            assert!(
                !of.level.sender_waits || of.level.batches > most / 2,
                "who waits for room is told when there is some: {of}"
            );
        }
    }

    fn pass_time(&mut self, life: &mut Life) {
        // In the end there is time for all that has piled up.
        let pace_us = if self.outside.is_calm() {
            CALM_PACE_US
        } else {
            self.outside.settings.pace_us
        };
        self.now_ns += 1000 * (1 + self.rng.below(pace_us)) as u64;
        life.job.set_time(self.now());
    }

    fn now(&self) -> Now {
        let wall_ns = T0_MS * NS_PER_MS + self.now_ns;
        let now_ms = i64::try_from(wall_ns / NS_PER_MS).expect("ms of this century");
        self.outside.set_now_ms(now_ms);
        Now {
            wall_ns,
            monotonic_ns: self.now_ns,
        }
    }

    fn chance(&mut self, one_in: usize) -> bool {
        one_in > 0 && !self.outside.is_calm() && self.rng.one_in(one_in)
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        let line = format!("{:>6} {:>9} {}", self.report.steps, self.now_ns / 1000, what());
        self.trace.update(line.as_bytes());
        if self.print {
            eprintln!("{line}");
        }
        if self.recent.len() == EVENTS_KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(line);
    }
}
