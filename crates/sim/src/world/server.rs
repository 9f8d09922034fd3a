//! The server: partitions, log, the way of a record and its effects, crash and recovery.

use std::collections::{BTreeMap, VecDeque};

use everspan_checkpoint::Input;
use everspan_durable::effect::Effect;
use everspan_durable::machine::{Options, SpanOptions, Takers};
use everspan_durable::partition::Partition;
use everspan_durable::record::{Body, Message};
use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, MemoryBackend};
use everspan_wal::{AppendError, Batch};

use super::{Part, Wire, World};
use crate::settings::{Mutation, Settings};

pub(super) fn options(settings: &Settings) -> everspan_wal::Options {
    everspan_wal::Options {
        segment_bytes: settings.segment_bytes,
        ..everspan_wal::Options::default()
    }
}

/// What a machine is told, of which somebody has the spans up to this record.
pub(super) fn machine_options(settings: &Settings, partition: u16, told_to: u64) -> Options {
    Options {
        partition,
        partitions: settings.partitions,
        eager_state_max: settings.eager_state_max,
        spans: SpanOptions {
            keep: settings.keep,
            events_max: 8,
            told_to,
            ..SpanOptions::new(Takers::Everything)
        },
    }
}

/// A partition on this state, before its replay.
pub(super) fn open(settings: &Settings, partition: u16, state: MemoryBackend, told_to: u64) -> Part {
    let options = machine_options(settings, partition, told_to);
    let partition = Partition::open(state, options).expect("memory can be read");
    Part {
        partition,
        mailbox: VecDeque::new(),
        batch: Batch::new(),
        prepared: 0,
        written: 0,
        durable: 0,
        releasable: false,
        timers_pending: false,
        acks: VecDeque::new(),
        hold: None,
    }
}

impl World {
    /// Replays are done: the server comes up.
    pub(super) fn started(&mut self) {
        for part in &mut self.parts {
            let applied = part.partition.applied();
            (part.prepared, part.written, part.durable) = (applied, applied, applied);
            let attempts_max = self.settings.attempts_max;
            part.mailbox.push_back(Body::Started { attempts_max });
        }
    }

    /// Some of what waits becomes records.
    pub(super) fn take(&mut self, index: usize) {
        let count = 1 + self.rng.below(4);
        for _ in 0..count {
            let now_ns = self.outside.now_ms * 1_000_000;
            let part = &mut self.parts[index];
            let Some(body) = part.mailbox.pop_front() else {
                return;
            };
            let Some(body) = self.hold_back(index, body) else {
                continue;
            };
            let part = &mut self.parts[index];
            let (arrived, delivered) = (arrival(&body), delivery(&body));
            let mut payload = Vec::new();
            part.prepared = part.partition.prepare(body, now_ns, &mut payload);
            let seq = part.prepared;
            let number = u16::try_from(index).expect("few partitions");
            part.batch.push(number, seq, &payload);
            part.acks
                .extend(delivered.map(|(from, message)| (seq, from, message)));
            if let Some((id, delayed)) = arrived {
                self.checker.arrived(id, seq, delayed);
            }
        }
    }

    pub(super) fn apply(&mut self, index: usize) {
        let part = &mut self.parts[index];
        part.partition.apply_prepared().expect("memory can be read");
        part.releasable = part.partition.held() > 0;
        let waits = |body: &Body| matches!(body, Body::TimerFired(_));
        part.timers_pending = part.mailbox.iter().any(waits);
        if self.settings.mutation == Some(Mutation::ReleaseBeforeSync) {
            let applied = part.partition.applied();
            part.partition.synced(applied);
        }
    }

    pub(super) fn append(&mut self, index: usize) {
        let part = &mut self.parts[index];
        match self.log.append(&part.batch) {
            Ok(()) => {
                part.written = part.prepared;
                part.batch.clear();
            }
            Err(AppendError::Full { .. }) => self.append_after_ms = self.outside.now_ms + 20,
            Err(AppendError::OutOfSequence { .. }) => panic!("records are appended in order"),
            Err(AppendError::Failed(_)) => self.crash("an append failed"),
        }
    }

    pub(super) fn sync(&mut self) {
        if self.log.sync().is_err() {
            return self.crash("a sync failed");
        }
        for part in &mut self.parts {
            part.durable = part.written;
        }
    }

    /// The partition hears what is synced.
    pub(super) fn tell(&mut self, index: usize) {
        let part = &mut self.parts[index];
        part.partition.synced(part.durable);
        part.releasable = part.partition.held() > 0;
        self.push_spans(index);
        let part = &mut self.parts[index];
        while let Some(&(seq, from, message)) = part.acks.front()
            && seq <= part.durable
        {
            part.acks.pop_front();
            let wire = self.wires.entry((index, usize::from(from))).or_default();
            wire.push_back(Wire::Ack(message));
        }
    }

    /// The next effect leaves.
    pub(super) fn release(&mut self, index: usize) {
        let part = &mut self.parts[index];
        let effect = part.partition.release();
        part.releasable = effect.is_some() && part.partition.held() > 0;
        let Some(effect) = effect else { return };
        if self.settings.mutation != Some(Mutation::ReleaseBeforeSync) {
            assert!(
                part.partition.synced_up_to() <= part.durable,
                "an effect leaves after the sync of its record"
            );
        }
        match effect {
            Effect::StartAttempt(start) => self.start(&start),
            Effect::Notify { id, attempt, frame } => self.notify(&id, attempt, frame),
            Effect::AbortAttempt { id, attempt } => self.abort(&id, attempt),
            Effect::Accepted { id, .. } => {
                self.note(|| format!("accepted {id}"));
                self.checker.accepted(id);
                let its = self.clients.iter_mut().filter(|client| client.id == id);
                its.for_each(crate::client::Client::accepted);
            }
            Effect::Completed { id, outcome, .. } => {
                self.note(|| format!("completed {id}: {outcome:?}"));
                self.checker.told(id, &outcome);
                let its = self.clients.iter_mut().filter(|client| client.id == id);
                its.for_each(crate::client::Client::told);
            }
            Effect::Send { to, seq, message } => {
                let wire = self.wires.entry((index, usize::from(to))).or_default();
                wire.push_back(Wire::Message(seq, message));
            }
            Effect::Spans(spans) => {
                for span in spans.decode() {
                    self.note(|| format!("span {} {:?}", span.name, span.context.span_id));
                    self.checker.span(&span);
                    self.pipeline.add(number(index), &span);
                }
            }
        }
        self.push_spans(index);
    }

    /// When all effects of the synced records have left, a worker's turn is over.
    pub(super) fn push_spans(&mut self, index: usize) {
        let partition = &self.parts[index].partition;
        if partition.held() == 0 {
            let upto = partition.synced_up_to().min(partition.applied());
            self.pipeline.push(number(index), upto);
        }
    }

    pub(super) fn release_all(&mut self, index: usize) {
        while self.parts[index].releasable {
            self.release(index);
        }
    }

    /// A message arrives, perhaps not for the last time.
    pub(super) fn travel(&mut self, from: usize, to: usize) {
        let again = self.chance(self.settings.duplicate);
        let wire = self.wires.entry((from, to)).or_default();
        let Some(next) = wire.pop_front() else { return };
        let body = match next {
            Wire::Message(seq, message) => {
                if again {
                    wire.push_front(Wire::Message(seq, message.clone()));
                }
                let from = number(from);
                Body::Delivered { from, seq, message }
            }
            Wire::Ack(seq) => Body::Acknowledged {
                by: number(from),
                seq,
            },
        };
        self.parts[to].mailbox.push_back(body);
    }

    pub(super) fn timers(&mut self, index: usize) {
        let limit = 1 + self.rng.below(4);
        let part = &mut self.parts[index];
        let due = part.partition.machine().due_timers(self.outside.now_ms, limit);
        part.mailbox.extend(due.into_iter().map(Body::TimerFired));
        part.timers_pending = true;
    }

    /// The states that may be flushed are, and the log forgets what nobody needs.
    pub(super) fn flush(&mut self) {
        self.note(|| "flush and trim".to_owned());
        for index in 0..self.parts.len() {
            self.release_all(index);
        }
        if self.settings.mutation != Some(Mutation::FlushBeforeSpans) {
            self.pipeline.secure();
        }
        self.feed_reference();
        for part in &mut self.parts {
            if part.partition.is_settled() && part.partition.held() == 0 {
                part.partition.backend_mut().flush().expect("memory");
            }
        }
        let persisted = |part: &Part| part.partition.machine().backend().persisted();
        let mut persisted: BTreeMap<u16, u64> = (0..).zip(self.parts.iter().map(persisted)).collect();
        if self.settings.has_checkpoints() {
            for (&partition, seq) in &mut persisted {
                *seq = self.checkpoints.trimmable(partition, *seq);
                let noted = self.checkpoints.trimmed.entry(partition).or_default();
                *noted = (*seq).max(*noted);
            }
        }
        self.journals();
        if self.log.trim(&persisted).is_err() {
            self.crash("a trim failed");
        }
    }

    /// Tells the checker the journals that are all synced.
    pub(super) fn journals(&mut self) {
        for part in self.parts.iter().filter(|part| part.partition.is_settled()) {
            let machine = part.partition.machine();
            for view in machine.list(usize::MAX).expect("memory can be read") {
                let journal = machine.journal(&view.id).expect("memory can be read");
                self.checker.journal(view.id, journal);
            }
        }
    }

    /// The server stops in order, as far as the disk lets it, and comes up again.
    pub(super) fn stop(&mut self) {
        self.note(|| "stop".to_owned());
        self.tell_coordinator(Input::Stop);
        let crashes = self.crashes;
        self.talks.clear();
        for index in 0..self.parts.len() {
            self.parts[index].mailbox = VecDeque::from([Body::Stopped]);
            self.take(index);
            self.apply(index);
            self.append(index);
            if self.crashes > crashes {
                return;
            }
        }
        self.sync();
        if self.crashes > crashes {
            return;
        }
        for index in 0..self.parts.len() {
            self.tell(index);
            self.release_all(index);
        }
        self.pipeline.secure();
        self.crash("it has stopped");
    }
}

pub(super) fn number(index: usize) -> u16 {
    u16::try_from(index).expect("few partitions")
}

/// The invocation a record asks for, and whether it begins later.
fn arrival(body: &Body) -> Option<(InvocationId, bool)> {
    match body {
        Body::Submit(submission) => Some((submission.id, submission.execute_at_ms.is_some())),
        Body::Delivered {
            message: Message::Invoke(submission),
            ..
        } => Some((submission.id, submission.execute_at_ms.is_some())),
        _ => None,
    }
}

fn delivery(body: &Body) -> Option<(u16, u64)> {
    match body {
        Body::Delivered { from, seq, .. } => Some((*from, *seq)),
        _ => None,
    }
}
