//! The process dies, and comes up again on what is left: all its disk, its disk without some states, or nothing but the
//! checkpoints in the store.

use everspan_durable::effect::Effect;
use everspan_durable::partition::PartitionError;
use everspan_protocol::ids::{InvocationId, partition_of};
use everspan_state::MemoryBackend;
use everspan_wal::{Log, SimDisk};

use super::spans::Reference;
use super::{Part, World, server};
use crate::pipeline::Pipeline;

/// What a crash takes, beside what was not synced.
enum Loss {
    Nothing,
    /// The states of these partitions.
    States(Vec<usize>),
    /// The whole disk.
    Disk,
}

impl World {
    /// The whole process dies, and comes up again on what the disk kept, or on a checkpoint.
    pub(super) fn crash(&mut self, why: &str) {
        self.die(why);
        let loss = self.loss();
        self.come_up(loss);
    }

    /// The same, and the disk is gone.
    pub(super) fn crash_without_disk(&mut self, why: &str) {
        self.die(why);
        self.come_up(Loss::Disk);
    }

    fn die(&mut self, why: &str) {
        self.crashes += 1;
        let crashes = self.crashes;
        self.note(|| format!("CRASH {crashes}: {why}"));
        self.talks.clear();
        self.wires.clear();
        self.full_until_ms = None;
        self.append_after_ms = 0;
        let power_cut = self.rng.one_in(3);
        self.pipeline.crash(power_cut);
        self.disk = self.disk.crash();
        self.checkpoints.crash(&self.settings);
    }

    fn come_up(&mut self, loss: Loss) {
        let mut states: Vec<MemoryBackend> = self.parts.iter().map(after_crash).collect();
        match loss {
            Loss::Nothing => self.recover(states),
            Loss::States(lost) => {
                self.note(|| format!("the states of {lost:?} are lost"));
                self.damage_newest(false);
                let (_, mut restored) = self.restore(false);
                for index in lost {
                    states[index] = std::mem::take(&mut restored[index]);
                }
                self.recover(states);
            }
            Loss::Disk => {
                self.note(|| "the disk is lost".to_owned());
                self.checkpoints.lose_disk(&self.settings);
                self.damage_newest(true);
                let (manifest, restored) = self.restore(true);
                self.checkpoints.descends_from(&manifest);
                self.begin_anew(restored);
            }
        }
        self.started();
        self.feed_reference();
        self.reconnect();
        if self.settings.has_checkpoints() {
            self.checkpoints.started();
        }
    }

    /// Nothing that a checkpoint cannot bring back.
    fn loss(&mut self) -> Loss {
        if !self.chance(self.settings.losing) {
            return Loss::Nothing;
        }
        let disk = self.rng.one_in(2);
        if !self.can_restore(disk) {
            return Loss::Nothing;
        }
        if disk {
            return Loss::Disk;
        }
        if self.rng.one_in(3) {
            self.checkpoints.copies.damage();
        }
        let indices = 0..self.parts.len();
        Loss::States(indices.filter(|_| self.rng.one_in(2)).collect())
    }

    /// The server comes up on its log and these states.
    fn recover(&mut self, states: Vec<MemoryBackend>) {
        let durable: Vec<u64> = self.parts.iter().map(|part| part.durable).collect();
        let (log, recovery) = Log::open(self.disk.clone(), server::options(&self.settings))
            .expect("a log that was only torn can be opened");
        self.log = log;
        self.open_parts(states);
        for (number, part) in (0..).zip(&self.parts) {
            let last = recovery.last.get(&number).copied().unwrap_or(0);
            let applied = part.partition.applied();
            let kept = last.max(applied);
            let synced = durable[usize::from(number)];
            assert!(
                kept >= synced,
                "partition {number} kept {kept} records of {synced} synced"
            );
            assert!(
                applied <= last || last == 0,
                "the state of partition {number} holds {applied} records, the log {last}"
            );
        }
        self.replay();
    }

    /// The server comes up on these states alone: the world behind the checkpoint has never been.
    fn begin_anew(&mut self, states: Vec<MemoryBackend>) {
        self.disk = SimDisk::new(self.rng.next_u64());
        let (log, _) = Log::open(self.disk.clone(), server::options(&self.settings)).expect("an empty disk");
        self.log = log;
        self.pipeline = Pipeline::default();
        self.checker.forget();
        self.outside.forget();
        self.reference = Reference::new(&self.settings, states.clone());
        self.open_parts(states);
    }

    fn open_parts(&mut self, states: Vec<MemoryBackend>) {
        let open = |(number, state)| {
            let told_to = self.pipeline.position(number);
            server::open(&self.settings, number, state, told_to)
        };
        self.parts = (0..).zip(states).map(open).collect();
    }

    fn replay(&mut self) {
        let applied: Vec<u64> = self.parts.iter().map(|part| part.partition.applied()).collect();
        let (parts, pipeline) = (&mut self.parts, &mut self.pipeline);
        let replayed = self.log.replay(
            |partition| applied[usize::from(partition)],
            |record| {
                let part = &mut parts[usize::from(record.partition)];
                for effect in part.partition.replay(record.seq, record.payload)? {
                    if let Effect::Spans(spans) = effect {
                        spans
                            .decode()
                            .for_each(|span| pipeline.add(record.partition, &span));
                    }
                }
                Ok::<(), PartitionError>(())
            },
        );
        replayed.expect("our own records can be replayed");
        for index in 0..self.parts.len() {
            self.push_spans(index);
        }
    }

    fn reconnect(&mut self) {
        let partitions = self.settings.partitions;
        let last: Vec<u64> = self.parts.iter().map(|part| part.durable).collect();
        self.checker.lost(|id: &InvocationId, seq| {
            seq > last[usize::from(partition_of(id.partition_key(), partitions))]
        });
        for resolver in &mut self.resolvers {
            resolver.sent = false;
        }
        let again_ms = self.outside.now_ms + self.rng.below(100) as u64;
        for client in &mut self.clients {
            client.disconnected(again_ms);
        }
    }
}

fn after_crash(part: &Part) -> MemoryBackend {
    let mut state = part.partition.machine().backend().clone();
    state.crash();
    state
}
