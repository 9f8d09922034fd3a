//! What happens to one run of a job as a whole, decided and never done: which orders go to the subtasks, when a checkpoint
//! is published, when the run is over.
//!
//! ```text
//!  opened (all) ──► running ── ended (all) ──► last checkpoint ──► finish
//!                      └── savepoint of a stop has completed ──────┘
//! ```
//!
//! The caller tells every [`Event`] and carries out the [`Effect`]s in their order: threads in a job, a simulation in tests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use everspan_checkpoint::{
    AbortReason, Coordinator, Initialization, Input, Job, Kind, Now, Output, Report, Statistics, SubtaskId,
    Ticket,
};
use everspan_state::store::{Attachment, Manifest, Part, TaskState};
use everspan_trace::Span;

use super::options::CheckpointingMode;
use crate::graph::OperatorRecord;
use crate::task::Order;
use crate::task::snapshot::{Barrier, BarrierMode};

/// Pause before the last checkpoint is tried again.
const LAST_CHECKPOINT_PAUSE: Duration = Duration::from_millis(500);

/// What happens to a run.
pub(crate) enum Event {
    /// Time has passed.
    Tick,
    /// A subtask is open, or could not open.
    Opened(SubtaskId, Report),
    /// The compaction that followed a subtask's restore has ended, and took so long.
    Compacted(SubtaskId, Duration),
    /// A subtask's part of a checkpoint is in the store, or could not be written.
    Written(SubtaskId, u64, Result<WrittenPart, String>),
    /// A manifest of so many bytes is in the store, or could not be put there.
    Published(u64, Result<u64, String>),
    /// A subtask has no more input.
    Ended(SubtaskId),
    /// Someone asks for a checkpoint.
    Ask(Kind, Ticket),
}

/// A subtask's part of a checkpoint, in the store.
pub(crate) struct WrittenPart {
    pub(crate) operators: Vec<WrittenOperator>,
    pub(crate) stats: everspan_checkpoint::SubtaskStats,
}

/// The state of one operator of one subtask, in the store.
pub(crate) struct WrittenOperator {
    pub(crate) uid: String,
    pub(crate) record: OperatorRecord,
    pub(crate) part: Option<Part>,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Effect {
    /// To the sources.
    OrderSources(Order),
    /// To every subtask.
    OrderAll(Order),
    /// Put this manifest into the store and tell how that went.
    Publish(Box<Manifest>),
    /// Remove what was put for a checkpoint.
    Remove(u64),
    /// Remove these checkpoints.
    Forget(Vec<u64>),
    /// Tell who asked.
    Answer(Ticket, Result<u64, AbortReason>),
    /// A span to report.
    Span(Box<Span>),
    /// The run has failed.
    Fail(String),
    /// The run is over: subtasks do what they were ordered, and close.
    Finish,
}

/// What a run is made of.
pub(crate) struct Shape {
    pub(crate) job: Job,
    pub(crate) run_name: String,
    /// Of each task: whether it begins with a source.
    pub(crate) key_groups: u16,
    pub(crate) mode: CheckpointingMode,
    /// Unaligned checkpoints begin aligned and overtake after this time; `None`: at once.
    pub(crate) aligned_timeout: Option<Duration>,
    /// Whether checkpoints are made: else the run is over when its input is.
    pub(crate) is_checkpointed: bool,
}

/// See the module.
pub(crate) struct Master {
    shape: Shape,
    coordinator: Coordinator,
    initialization: Initialization,
    under_way: BTreeMap<u64, Assembly>,
    ended: BTreeSet<SubtaskId>,
    last: Last,
}

/// The last checkpoint of a run whose input has ended.
enum Last {
    /// Not yet.
    No,
    /// To be asked for at this monotonic time.
    Due(u64),
    /// Asked for, with the ticket's answer to come.
    Asked,
    /// The run is over, which the coordinator is still to be told.
    Over,
    /// The run is over.
    Stopped,
}

/// A checkpoint that is being put together.
struct Assembly {
    kind: Kind,
    created_ms: u64,
    parts: BTreeMap<SubtaskId, Vec<WrittenOperator>>,
}

/// Who asks for the last checkpoint.
const LAST_TICKET: Ticket = Ticket(u64::MAX);

impl Master {
    pub(crate) fn new(shape: Shape, coordinator: Coordinator, initialization: Initialization) -> Self {
        Self {
            shape,
            coordinator,
            initialization,
            under_way: BTreeMap::new(),
            ended: BTreeSet::new(),
            last: Last::No,
        }
    }

    /// The highest number that a checkpoint of this run has had, or a trigger that was refused; or the one before it.
    pub(crate) fn last_id(&self) -> u64 {
        self.coordinator.last_id()
    }

    /// Whether this checkpoint is a savepoint, as long as it is under way.
    pub(crate) fn is_savepoint(&self, checkpoint: u64) -> bool {
        let assembly = self.under_way.get(&checkpoint);
        assembly.is_some_and(|assembly| assembly.kind.is_savepoint())
    }

    /// What has become of its checkpoints.
    pub(crate) fn statistics(&self) -> &Statistics {
        self.coordinator.statistics()
    }

    /// Whether every subtask is open.
    pub(crate) fn has_begun(&self) -> bool {
        self.initialization.is_reported() && self.initialization.failure().is_none()
    }

    /// The monotonic time at which [`Event::Tick`] is due.
    pub(crate) fn next_wakeup(&self) -> Option<u64> {
        let last = match self.last {
            Last::Due(at) => Some(at),
            _ => None,
        };
        let others = [self.coordinator.next_wakeup(), self.initialization.next_wakeup()];
        others.into_iter().flatten().chain(last).min()
    }

    /// Takes what happened; returns what is to be done, in order.
    pub(crate) fn handle(&mut self, event: Event, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Tick => self.tell(Input::Tick, now, &mut effects),
            Event::Opened(subtask, report) => self.opened(subtask, report, now, &mut effects),
            Event::Compacted(subtask, took) => {
                spans(self.initialization.compacted(subtask, took, now), &mut effects);
            }
            Event::Written(subtask, checkpoint, written) => {
                self.written(subtask, checkpoint, written, now, &mut effects);
            }
            Event::Published(checkpoint, Ok(metadata_bytes)) => {
                let input = Input::Published {
                    checkpoint,
                    metadata_bytes,
                };
                self.tell(input, now, &mut effects);
            }
            Event::Published(checkpoint, Err(reason)) => {
                self.tell(Input::PublishFailed { checkpoint, reason }, now, &mut effects);
            }
            Event::Ended(subtask) => self.ended(subtask, now, &mut effects),
            Event::Ask(kind, ticket) => {
                let ticket = Some(ticket);
                self.tell(Input::Trigger { kind, ticket }, now, &mut effects);
            }
        }
        self.ask_for_last(now, &mut effects);
        spans(self.initialization.tick(now), &mut effects);
        if matches!(self.last, Last::Over) {
            spans(self.initialization.over(now), &mut effects);
            // Checkpoints under way have no use any more.
            self.last = Last::Stopped;
            self.tell(Input::Stop, now, &mut effects);
        }
        effects
    }

    /// Someone asks for a checkpoint of which the caller knows that there can be none now.
    pub(crate) fn refuse(
        &mut self,
        kind: Kind,
        ticket: Ticket,
        reason: AbortReason,
        now: Now,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let ticket = Some(ticket);
        let input = Input::Refuse { kind, ticket, reason };
        self.tell(input, now, &mut effects);
        effects
    }

    /// The run ends now, for whatever reason: checkpoints under way are given up.
    pub(crate) fn abandon(&mut self, reason: &str, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        let reason = reason.to_owned();
        spans(self.initialization.failed(&reason, now), &mut effects);
        spans(self.initialization.over(now), &mut effects);
        self.tell(Input::JobFailed { reason }, now, &mut effects);
        effects
    }

    fn opened(&mut self, subtask: SubtaskId, report: Report, now: Now, effects: &mut Vec<Effect>) {
        spans(self.initialization.report(subtask, report, now), effects);
        if self.has_begun() {
            self.tell(Input::TasksReady, now, effects);
        }
    }

    fn written(
        &mut self,
        subtask: SubtaskId,
        checkpoint: u64,
        written: Result<WrittenPart, String>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let input = match written {
            Ok(part) => {
                if let Some(assembly) = self.under_way.get_mut(&checkpoint) {
                    assembly.parts.insert(subtask, part.operators);
                }
                Input::Ack {
                    checkpoint,
                    subtask,
                    stats: part.stats,
                }
            }
            Err(reason) => Input::Decline {
                checkpoint,
                subtask,
                reason,
            },
        };
        self.tell(input, now, effects);
    }

    fn ended(&mut self, subtask: SubtaskId, now: Now, effects: &mut Vec<Effect>) {
        self.ended.insert(subtask);
        if self.ended.len() < self.shape.job.parallelism() || !matches!(self.last, Last::No) {
            return;
        }
        if self.shape.is_checkpointed {
            self.last = Last::Due(now.monotonic_ns);
        } else {
            self.last = Last::Over;
            effects.push(Effect::Finish);
        }
    }

    /// What was prepared for commit since the last checkpoint is committed by one more.
    fn ask_for_last(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if let Last::Due(at) = self.last
            && now.monotonic_ns >= at
        {
            self.last = Last::Asked;
            let input = Input::Trigger {
                kind: Kind::Checkpoint,
                ticket: Some(LAST_TICKET),
            };
            self.tell(input, now, effects);
        }
    }

    fn tell(&mut self, input: Input, now: Now, effects: &mut Vec<Effect>) {
        for output in self.coordinator.handle(input, now) {
            self.carry_out(output, now, effects);
        }
    }

    fn carry_out(&mut self, output: Output, now: Now, effects: &mut Vec<Effect>) {
        match output {
            Output::Begin {
                checkpoint,
                kind,
                unaligned,
            } => self.begin(checkpoint, (kind, unaligned), now, effects),
            Output::Publish { checkpoint } => {
                let assembly = self.under_way.get_mut(&checkpoint);
                let assembly = assembly.expect("what is published has begun");
                let manifest = manifest(&self.shape, checkpoint, assembly);
                effects.push(Effect::Publish(Box::new(manifest)));
            }
            Output::Completed { checkpoint } => self.completed(checkpoint, effects),
            Output::Abort { checkpoint, .. } => {
                self.under_way.remove(&checkpoint);
                effects.push(Effect::OrderAll(Order::Aborted(checkpoint)));
                effects.push(Effect::Remove(checkpoint));
            }
            Output::Forget { checkpoints } => effects.push(Effect::Forget(checkpoints)),
            Output::FailJob { reason } => effects.push(Effect::Fail(reason.to_string())),
            Output::Answer { ticket, result } if ticket == LAST_TICKET => {
                self.answered(&result, now, effects)
            }
            Output::Answer { ticket, result } => effects.push(Effect::Answer(ticket, result)),
            Output::Span(span) => effects.push(Effect::Span(span)),
        }
    }

    fn begin(
        &mut self,
        checkpoint: u64,
        (kind, unaligned): (Kind, bool),
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        self.under_way.insert(
            checkpoint,
            Assembly {
                kind,
                created_ms: now.wall_ns / 1_000_000,
                parts: BTreeMap::new(),
            },
        );
        let barrier = Barrier {
            checkpoint,
            mode: match self.shape.mode {
                CheckpointingMode::ExactlyOnce if unaligned => match self.shape.aligned_timeout {
                    None => BarrierMode::Unaligned,
                    Some(timeout) => {
                        let timeout = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
                        BarrierMode::AlignedUntil(now.monotonic_ns.saturating_add(timeout))
                    }
                },
                CheckpointingMode::ExactlyOnce => BarrierMode::Aligned,
                CheckpointingMode::AtLeastOnce => BarrierMode::AtLeastOnce,
            },
            triggered_ns: now.monotonic_ns,
            terminates: kind == Kind::TerminateSavepoint,
        };
        effects.push(Effect::OrderSources(Order::Begin(barrier)));
    }

    fn completed(&mut self, checkpoint: u64, effects: &mut Vec<Effect>) {
        let assembly = self.under_way.remove(&checkpoint);
        effects.push(Effect::OrderAll(Order::Completed(checkpoint)));
        if assembly.is_some_and(|assembly| assembly.kind == Kind::TerminateSavepoint) {
            self.last = Last::Over;
            effects.push(Effect::Finish);
        }
    }

    fn answered(&mut self, result: &Result<u64, AbortReason>, now: Now, effects: &mut Vec<Effect>) {
        if !matches!(self.last, Last::Asked) {
            return;
        }
        if result.is_ok() {
            self.last = Last::Over;
            effects.push(Effect::Finish);
        } else {
            let pause = u64::try_from(LAST_CHECKPOINT_PAUSE.as_nanos()).expect("half a second");
            self.last = Last::Due(now.monotonic_ns.saturating_add(pause));
        }
    }
}

fn spans(spans: Vec<Span>, effects: &mut Vec<Effect>) {
    effects.extend(spans.into_iter().map(|span| Effect::Span(Box::new(span))));
}

/// Name of the attachment with what a subtask says of an operator, an [`OperatorRecord`].
pub(crate) fn attachment_name(uid: &str, subtask: u32) -> String {
    format!("operator/{subtask}/{uid}")
}

fn manifest(shape: &Shape, checkpoint: u64, assembly: &mut Assembly) -> Manifest {
    let mut tasks: BTreeMap<String, Vec<Part>> = BTreeMap::new();
    let mut attachments = Vec::new();
    // Subtask by subtask, so that parts stand in their order.
    for (subtask, operators) in std::mem::take(&mut assembly.parts) {
        for operator in operators {
            attachments.push(Attachment {
                name: attachment_name(&operator.uid, subtask.index),
                bytes: Bytes::from(operator.record.encode()),
            });
            if let Some(part) = operator.part {
                tasks.entry(operator.uid).or_default().push(part);
            }
        }
    }
    let tasks = tasks.into_iter().map(|(task, parts)| TaskState {
        task,
        key_groups: shape.key_groups,
        parts,
    });
    Manifest {
        checkpoint,
        job: shape.job.id.clone(),
        run: shape.run_name.clone(),
        is_savepoint: assembly.kind.is_savepoint(),
        created_ms: assembly.created_ms,
        tasks: tasks.collect(),
        attachments,
    }
}

#[cfg(test)]
mod tests;
