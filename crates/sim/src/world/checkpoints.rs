//! Checkpoints of the partitions: the coordinator's words carried out, each request to the store a step of its own.
//!
//! ```text
//! Begin ─► Hold each ─► all hold ─► Cut each ─► files put ─► Ack each ─► manifest put ─► copy ─► Completed ─► Forget
//!                     the process can die behind every step, and the store can fail each request
//! ```

mod setup;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use everspan_checkpoint::{
    Coordinator, Found, Input, Kind, Lost, Now, Output, Resumed, SubtaskId, SubtaskStats,
};
use everspan_state::store::{CheckpointStore, Manifest, Part, StoreError, TaskState};

use super::cut::Hold;
use super::ends::Ends;
use super::work::{self, Done, Work};
use super::{Event, World};
use crate::copies::Copies;
use crate::cuts::{Cuts, manifests};
use crate::objects::{Fate, Objects};
use crate::settings::{Mutation, Settings};
use setup::{coordinator, open, run};

const NS_PER_MS: u64 = 1_000_000;
const JOB: &str = "sim";
const TASK: &str = "partition";

/// The server's part of the checkpoints, and what is outside of it.
pub(super) struct Checkpoints {
    pub(super) objects: Arc<Objects>,
    /// On the server's disk, as is the number of the last checkpoint.
    pub(super) copies: Copies,
    pub(super) last_id: u64,
    pub(super) cuts: Cuts,
    pub(super) completed: u64,
    pub(super) restored: u64,
    pub(super) passed_over: u64,
    /// The checkpoint that has begun and not ended, on the server's disk.
    note: Option<Lost>,
    ends: Ends,
    run: u64,
    pub(super) store: Arc<CheckpointStore>,
    coordinator: Coordinator,
    pub(super) under_way: Option<UnderWay>,
    pub(super) works: Vec<Work>,
    /// Positions of the checkpoints that are retained, once the store has been read; savepoints are left out.
    known: BTreeMap<u64, Vec<u64>>,
    /// Checkpoints of a world that has never been: the disk was restored from an older one.
    pub(super) abandoned: BTreeSet<u64>,
    /// Up to where the log may have been trimmed, on the server's disk: no older checkpoint is taken.
    pub(super) trimmed: BTreeMap<u16, u64>,
    /// One has just completed.
    pub(super) fresh: bool,
    removals: u64,
}

/// A checkpoint that has begun.
pub(super) struct UnderWay {
    pub(super) checkpoint: u64,
    kind: Kind,
    triggered_ms: u64,
    /// Every partition holds: snapshots may be taken.
    pub(super) all_hold: bool,
    parts: BTreeMap<usize, Part>,
    /// Its manifest is on its way.
    is_publishing: bool,
}

impl Checkpoints {
    pub(super) fn new(settings: &Settings) -> Self {
        let objects = Arc::new(Objects::default());
        Self {
            store: open(&objects, settings),
            objects,
            copies: Copies::default(),
            last_id: 0,
            cuts: Cuts::default(),
            completed: 0,
            restored: 0,
            passed_over: 0,
            note: None,
            ends: Ends::default(),
            run: 0,
            coordinator: coordinator(settings, 0, 0),
            under_way: None,
            works: Vec::new(),
            known: BTreeMap::new(),
            abandoned: BTreeSet::new(),
            trimmed: BTreeMap::new(),
            fresh: false,
            removals: 0,
        }
    }

    /// The process dies: what it was about to do is not done.
    pub(super) fn crash(&mut self, settings: &Settings) {
        self.run += 1;
        self.works.clear();
        self.under_way = None;
        self.known.clear();
        self.fresh = false;
        if settings.mutation == Some(Mutation::HalfCopies) {
            self.copies.open_half();
        } else {
            self.copies.open();
        }
        self.objects.doom(Fate::Done);
        self.store = open(&self.objects, settings);
        self.coordinator = coordinator(settings, self.run, self.last_id);
    }

    /// The disk is lost, too.
    pub(super) fn lose_disk(&mut self, settings: &Settings) {
        self.copies = Copies::default();
        self.note = None;
        self.ends.forget();
        self.last_id = 0;
        self.coordinator = coordinator(settings, self.run, 0);
    }

    /// The disk was restored from a checkpoint: what was made behind it is none of ours.
    pub(super) fn descends_from(&mut self, manifest: &Manifest) {
        let all = manifests(&self.objects.contents()).into_iter();
        let numbers = all.map(|manifest| manifest.checkpoint);
        self.abandoned
            .extend(numbers.filter(|&number| number > manifest.checkpoint));
        let parts = manifest.tasks[0].parts.iter();
        self.trimmed = (0..).zip(parts.map(|part| part.position)).collect();
    }

    /// The process is up: it reads the store, and removes what no checkpoint needs.
    pub(super) fn started(&mut self) {
        self.works
            .push(Work::new(None, work::read(Arc::clone(&self.store))));
    }

    /// Up to where the log may be forgotten: what is in the states, and in the checkpoints that are retained.
    pub(super) fn trimmable(&self, partition: u16, persisted: u64) -> u64 {
        let oldest = self.known.values().next();
        let kept = oldest.map_or(0, |positions| positions[usize::from(partition)]);
        persisted.min(kept)
    }

    fn know(&mut self, manifest: &Manifest) {
        if !manifest.is_savepoint && !self.abandoned.contains(&manifest.checkpoint) {
            let parts = manifest.tasks[0].parts.iter();
            let positions = parts.map(|part| part.position).collect();
            self.known.insert(manifest.checkpoint, positions);
        }
    }

    /// How many checkpoints retention keeps at the moment.
    pub(super) fn retained(&self) -> usize {
        self.known.len()
    }

    /// Whether a partition that holds may be cut now.
    pub(super) fn all_hold(&self) -> bool {
        self.under_way.as_ref().is_some_and(|of| of.all_hold)
    }

    /// Whether a manifest is on its way.
    pub(super) fn is_publishing(&self) -> bool {
        self.under_way.as_ref().is_some_and(|of| of.is_publishing)
    }

    pub(super) fn possible(&self, now_ms: u64, events: &mut Vec<Event>) {
        events.extend((0..self.works.len()).map(Event::Work));
        if self.wakeup_ms().is_some_and(|at_ms| at_ms <= now_ms) {
            events.push(Event::Coordinate);
        }
    }

    /// When the coordinator wants to be woken, ms.
    pub(super) fn wakeup_ms(&self) -> Option<u64> {
        Some(self.coordinator.next_wakeup()?.div_ceil(NS_PER_MS))
    }
}

impl World {
    /// Somebody asks for a checkpoint.
    pub(super) fn ask_for_checkpoint(&mut self, kind: Kind) {
        self.note(|| format!("somebody asks for a {}", kind.name()));
        self.tell_coordinator(Input::Trigger { kind, ticket: None });
    }

    pub(super) fn tell_coordinator(&mut self, input: Input) {
        let now_ns = self.outside.now_ms * NS_PER_MS;
        let now = Now {
            wall_ns: now_ns,
            monotonic_ns: now_ns,
        };
        for output in self.checkpoints.coordinator.handle(input, now) {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Begin { checkpoint, kind, .. } => self.begin_checkpoint(checkpoint, kind),
            Output::Publish { checkpoint } => self.publish(checkpoint),
            Output::Completed { checkpoint } => {
                self.note(|| format!("checkpoint {checkpoint} is complete"));
                self.checkpoints.under_way = None;
                self.checkpoints.note = None;
                self.checkpoints.completed += 1;
                self.checkpoints.fresh = true;
            }
            Output::Abort { checkpoint, reason } => {
                self.note(|| format!("checkpoint {checkpoint} is given up: {reason}"));
                self.give_up(checkpoint);
            }
            Output::Forget { checkpoints } => {
                checkpoints
                    .into_iter()
                    .for_each(|checkpoint| self.forget(checkpoint));
            }
            Output::FailJob { .. } => panic!("any number of failures is tolerated"),
            Output::Span(span) => self.checkpoints.ends.told(&span),
            Output::Answer { .. } => {}
        }
    }

    fn forget(&mut self, checkpoint: u64) {
        let of = &mut self.checkpoints;
        of.known.remove(&checkpoint);
        let store = Arc::clone(&of.store);
        let mutated = self.settings.mutation == Some(Mutation::ForgetShared);
        let all = mutated.then(|| manifests(&of.objects.contents()));
        let mut all = all.into_iter().flatten();
        of.works
            .push(match all.find(|manifest| manifest.checkpoint == checkpoint) {
                Some(manifest) => Work::new(None, work::forget_all(store, Arc::clone(&of.objects), manifest)),
                None => Work::new(None, work::forget(store, checkpoint)),
            });
    }

    fn begin_checkpoint(&mut self, checkpoint: u64, kind: Kind) {
        let of = &mut self.checkpoints;
        of.last_id = checkpoint;
        of.cuts.begun(checkpoint);
        let run = run(of.run);
        of.ends.begun(&run.checkpoint(checkpoint));
        of.note = Some(Lost {
            checkpoint,
            kind,
            run,
            triggered_ns: self.outside.now_ms * NS_PER_MS,
        });
        of.under_way = Some(UnderWay {
            checkpoint,
            kind,
            triggered_ms: self.outside.now_ms,
            all_hold: false,
            parts: BTreeMap::new(),
            is_publishing: false,
        });
        for part in &mut self.parts {
            part.hold = Some(Hold::default());
        }
    }

    fn publish(&mut self, checkpoint: u64) {
        let of = &mut self.checkpoints;
        let under_way = of.under_way.as_mut().expect("what is published is under way");
        under_way.is_publishing = true;
        let parts: Vec<Part> = under_way.parts.values().cloned().collect();
        let manifest = Manifest {
            checkpoint,
            job: JOB.to_owned(),
            run: of.run.to_string(),
            is_savepoint: under_way.kind.is_savepoint(),
            created_ms: under_way.triggered_ms,
            tasks: vec![TaskState {
                task: TASK.to_owned(),
                key_groups: self.settings.partitions,
                parts,
            }],
            attachments: Vec::new(),
        };
        let work = work::publish(Arc::clone(&of.store), manifest);
        of.works.push(Work::new(Some(checkpoint), work));
    }

    fn give_up(&mut self, checkpoint: u64) {
        for index in 0..self.parts.len() {
            self.let_go(index);
        }
        let of = &mut self.checkpoints;
        of.under_way = None;
        of.note = None;
        of.copies.forget(checkpoint);
        of.works.retain(|work| work.checkpoint != Some(checkpoint));
        let work = work::abort(Arc::clone(&of.store), checkpoint);
        of.works.push(Work::new(None, work));
    }

    /// Some work on the store goes on by a request, perhaps to its end.
    pub(super) fn work(&mut self, index: usize) {
        if self.chance(self.settings.failing_store) {
            let fate = [Fate::Refused, Fate::AnswerLost][self.rng.below(2)];
            self.note(|| format!("the store: {fate:?}"));
            self.checkpoints.objects.doom(fate);
        }
        let of = &mut self.checkpoints;
        let future = of.works[index].future.as_mut();
        let polled = future.poll(&mut Context::from_waker(Waker::noop()));
        if of.objects.removals() != of.removals {
            of.removals = of.objects.removals();
            Cuts::all_files_there(&of.objects);
        }
        if let Poll::Ready(done) = polled {
            of.works.remove(index);
            self.done(done);
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Read { listing, is_clean } => self.store_was_read(listing, is_clean),
            Done::Put {
                checkpoint,
                partition,
                result,
            } => self.part_was_put(checkpoint, partition, result),
            Done::Published {
                manifest,
                result: Ok(metadata_bytes),
            } => {
                let (of, checkpoint) = (&mut self.checkpoints, manifest.checkpoint);
                of.know(&manifest);
                of.copies.publish(checkpoint);
                of.cuts.whole(&manifest, &of.objects);
                self.tell_coordinator(Input::Published {
                    checkpoint,
                    metadata_bytes,
                });
            }
            Done::Published {
                manifest,
                result: Err(error),
            } => self.tell_coordinator(Input::PublishFailed {
                checkpoint: manifest.checkpoint,
                reason: error.to_string(),
            }),
            Done::Removed => {}
        }
    }

    fn part_was_put(&mut self, checkpoint: u64, partition: usize, result: Result<Part, StoreError>) {
        let subtask = SubtaskId {
            task: 0,
            index: u32::try_from(partition).expect("few partitions"),
        };
        let part = match result {
            Ok(part) => part,
            Err(error) => {
                return self.tell_coordinator(Input::Decline {
                    checkpoint,
                    subtask,
                    reason: error.to_string(),
                });
            }
        };
        let of = self.checkpoints.under_way.as_mut();
        let of = of.expect("work on a checkpoint ends with it");
        of.parts.insert(partition, part);
        self.tell_coordinator(Input::Ack {
            checkpoint,
            subtask,
            stats: SubtaskStats::default(),
        });
    }

    fn store_was_read(&mut self, listing: Result<Vec<Manifest>, StoreError>, is_clean: bool) {
        let of = &mut self.checkpoints;
        let Ok(manifests) = listing else {
            return of.started();
        };
        manifests.iter().for_each(|manifest| of.know(manifest));
        of.cuts.all_whole(&of.objects);
        if is_clean {
            Cuts::no_orphans(&of.objects);
        }
        let newest = manifests.last().map_or(0, |manifest| manifest.checkpoint);
        of.coordinator.resume(Resumed {
            last_id: newest,
            retained: of.known.keys().copied().collect(),
        });
        self.tell_what_was_lost(&manifests);
        self.tell_coordinator(Input::TasksReady);
    }

    /// The checkpoint that the dead process had begun: it is complete if its manifest is there.
    fn tell_what_was_lost(&mut self, manifests: &[Manifest]) {
        let Some(lost) = self.checkpoints.note.take() else {
            return;
        };
        let found = manifests
            .iter()
            .find(|manifest| manifest.checkpoint == lost.checkpoint);
        self.tell_coordinator(match found {
            Some(manifest) => Input::Found(Found {
                lost,
                acks: BTreeMap::new(),
                metadata_bytes: manifest.encode().len() as u64,
            }),
            None => Input::Lost(lost),
        });
    }

    /// Every checkpoint that has begun has told its end.
    pub(super) fn all_ends_told(&self) {
        self.checkpoints.ends.all_told();
    }
}
