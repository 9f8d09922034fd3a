//! When checkpoints begin, whether they are complete, and which are forgotten.
//!
//! The owner calls [`Coordinator::handle`] with everything that happens and with [`Input::Tick`] at the time that
//! [`Coordinator::next_wakeup`] names, and carries out what comes back, in order.

mod messages;
mod pending;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::spans;
use crate::statistics::{CheckpointSummary, Statistics};
use crate::time::Now;
use crate::{AbortReason, Job, Options, Run, SubtaskId, SubtaskStats};
pub use messages::{Found, Input, Kind, Lost, Output, Resumed, Ticket};
pub(crate) use pending::Pending;

/// Requests that may wait while checkpoints are under way; one more is refused.
const QUEUED_MAX: usize = 100;

/// See the module.
#[derive(Debug)]
pub struct Coordinator {
    job: Job,
    run: Run,
    options: Options,
    last_id: u64,
    ready: bool,
    stopping: bool,
    pending: BTreeMap<u64, Pending>,
    queued: VecDeque<(Kind, Option<Ticket>)>,
    /// When the interval triggers next, on the monotonic clock.
    next_periodic_ns: Option<u64>,
    retained: VecDeque<u64>,
    failures_in_row: u32,
    statistics: Statistics,
}

impl Coordinator {
    /// A coordinator that triggers nothing until [`Input::TasksReady`].
    pub fn new(job: Job, run: Run, options: Options, resumed: Resumed) -> Self {
        assert!(
            options.max_concurrent >= 1,
            "at least one checkpoint may be under way"
        );
        assert!(options.retained >= 1, "at least one checkpoint is retained");
        Self {
            job,
            run,
            options,
            last_id: resumed.last_id,
            ready: false,
            stopping: false,
            pending: BTreeMap::new(),
            queued: VecDeque::new(),
            next_periodic_ns: None,
            retained: resumed.retained.into(),
            failures_in_row: 0,
            statistics: Statistics::default(),
        }
    }

    /// What an earlier life left became known after the coordinator began: to be told before the tasks are ready.
    pub fn resume(&mut self, resumed: Resumed) {
        assert!(!self.ready, "a coordinator that triggers knows what was there");
        self.last_id = self.last_id.max(resumed.last_id);
        self.retained = resumed.retained.into();
    }

    /// The highest id that a checkpoint or a refused trigger has had: whoever goes on after this coordinator counts on
    /// from here.
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// What has become of the checkpoints of this run.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The monotonic time at which [`Input::Tick`] is due; `None`: not before something else happens.
    pub fn next_wakeup(&self) -> Option<u64> {
        let timeout = duration_ns(self.options.timeout);
        let expiry = self
            .pending
            .values()
            .map(|pending| pending.triggered.monotonic_ns.saturating_add(timeout))
            .min();
        let periodic = self.next_periodic_ns.filter(|_| self.has_room());
        [expiry, periodic].into_iter().flatten().min()
    }

    /// Takes what happened at `now`; returns what is to be done, in order.
    pub fn handle(&mut self, input: Input, now: Now) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Tick => {}
            Input::Trigger { kind, ticket } => self.asked(kind, ticket, now, &mut out),
            Input::Refuse { kind, ticket, reason } => self.refuse(kind, ticket, &reason, now, &mut out),
            Input::Ack {
                checkpoint,
                subtask,
                stats,
            } => self.ack(checkpoint, subtask, stats, now, &mut out),
            Input::Decline {
                checkpoint,
                subtask,
                reason,
            } => {
                let subtask = self.subtask_name(subtask);
                self.fail(
                    checkpoint,
                    &AbortReason::Declined { subtask, reason },
                    now,
                    &mut out,
                );
            }
            Input::Published {
                checkpoint,
                metadata_bytes,
            } => self.published(checkpoint, metadata_bytes, now, &mut out),
            Input::PublishFailed { checkpoint, reason } => {
                self.fail(checkpoint, &AbortReason::Store(reason), now, &mut out);
            }
            Input::TasksReady => self.tasks_ready(now),
            Input::JobFailed { reason } => self.job_failed(&AbortReason::JobFailed(reason), now, &mut out),
            Input::Lost(lost) => self.lost(&lost, now, &mut out),
            Input::Found(found) => self.found(found, now, &mut out),
            Input::Stop => {
                self.stopping = true;
                self.job_failed(&AbortReason::Stopping, now, &mut out);
            }
        }
        self.expire(now, &mut out);
        self.begin_what_may(now, &mut out);
        out
    }

    fn asked(&mut self, kind: Kind, ticket: Option<Ticket>, now: Now, out: &mut Vec<Output>) {
        if let Some(reason) = self.refusal() {
            self.refuse(kind, ticket, &reason, now, out);
        } else {
            self.queued.push_back((kind, ticket));
        }
    }

    fn refusal(&self) -> Option<AbortReason> {
        if self.stopping {
            Some(AbortReason::Stopping)
        } else if !self.ready {
            Some(AbortReason::NotAllTasksRunning)
        } else if self.queued.len() >= QUEUED_MAX {
            Some(AbortReason::TooManyRequests)
        } else {
            None
        }
    }

    /// Ends a trigger before it began: it has an id and a span like any other.
    fn refuse(
        &mut self,
        kind: Kind,
        ticket: Option<Ticket>,
        reason: &AbortReason,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let id = self.next_id();
        let refused = Pending::new(kind, self.options.unaligned, ticket, now);
        self.tell_failed(id, refused, reason, now, out);
    }

    fn begin_what_may(&mut self, now: Now, out: &mut Vec<Output>) {
        while self.has_room()
            && let Some((kind, ticket)) = self.queued.pop_front()
        {
            self.begin(kind, ticket, now, out);
        }
        let is_due = self.next_periodic_ns.is_some_and(|due| due <= now.monotonic_ns);
        if is_due && self.has_room() {
            self.begin(Kind::Checkpoint, None, now, out);
            self.next_periodic_ns = self.after(now, self.options.interval);
        }
    }

    /// Behind a savepoint with which the job ends nothing begins: what a later checkpoint commits would come again when
    /// the job goes on from the savepoint.
    fn has_room(&self) -> bool {
        let is_last = |pending: &Pending| pending.kind == Kind::TerminateSavepoint;
        self.pending.len() < self.options.max_concurrent && !self.pending.values().any(is_last)
    }

    fn begin(&mut self, kind: Kind, ticket: Option<Ticket>, now: Now, out: &mut Vec<Output>) {
        let checkpoint = self.next_id();
        // A savepoint is to be independent of data in flight.
        let unaligned = self.options.unaligned && !kind.is_savepoint();
        self.pending
            .insert(checkpoint, Pending::new(kind, unaligned, ticket, now));
        out.push(Output::Begin {
            checkpoint,
            kind,
            unaligned,
        });
    }

    fn ack(
        &mut self,
        checkpoint: u64,
        subtask: SubtaskId,
        stats: SubtaskStats,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        assert!(self.job.has(subtask), "an ack comes from a subtask of the job");
        // A part of a checkpoint that was given up meanwhile.
        let Some(pending) = self.pending.get_mut(&checkpoint) else {
            return;
        };
        pending.ack(subtask, stats, now);
        if pending.acked() == self.job.parallelism() && !pending.publishing {
            pending.publishing = true;
            out.push(Output::Publish { checkpoint });
        }
    }

    fn published(&mut self, checkpoint: u64, metadata_bytes: u64, now: Now, out: &mut Vec<Output>) {
        let Some(mut pending) = self.pending.remove(&checkpoint) else {
            // It was given up while the manifest was on its way.
            out.push(Output::Forget {
                checkpoints: vec![checkpoint],
            });
            return;
        };
        assert!(pending.publishing, "only a whole checkpoint is published");
        pending.metadata_bytes = Some(metadata_bytes);
        self.failures_in_row = 0;
        out.push(Output::Completed { checkpoint });
        self.subsume(checkpoint, now, out);
        if !pending.kind.is_savepoint() {
            self.retain(checkpoint, out);
        }
        self.pause_after(now);
        for ticket in std::mem::take(&mut pending.tickets) {
            out.push(Output::Answer {
                ticket,
                result: Ok(checkpoint),
            });
        }
        self.tell(checkpoint, &pending, None, now.since(pending.triggered), out);
    }

    /// Older checkpoints that are still under way have no use any more; savepoints have.
    fn subsume(&mut self, by: u64, now: Now, out: &mut Vec<Output>) {
        let older = self
            .pending
            .range(..by)
            .filter(|(_, pending)| !pending.kind.is_savepoint());
        let older: Vec<u64> = older.map(|(&id, _)| id).collect();
        for id in older {
            self.fail(id, &AbortReason::Subsumed { by }, now, out);
        }
    }

    fn retain(&mut self, checkpoint: u64, out: &mut Vec<Output>) {
        let behind = self.retained.partition_point(|&id| id < checkpoint);
        self.retained.insert(behind, checkpoint);
        let surplus = self.retained.len().saturating_sub(self.options.retained);
        if surplus > 0 {
            let checkpoints = self.retained.drain(..surplus).collect();
            out.push(Output::Forget { checkpoints });
        }
    }

    /// Gives a checkpoint up, if it is still under way.
    fn fail(&mut self, checkpoint: u64, reason: &AbortReason, now: Now, out: &mut Vec<Output>) {
        let Some(pending) = self.pending.remove(&checkpoint) else {
            return;
        };
        out.push(Output::Abort {
            checkpoint,
            reason: reason.clone(),
        });
        self.pause_after(now);
        self.tell_failed(checkpoint, pending, reason, now, out);
        if reason.counts() {
            self.failures_in_row += 1;
            if self
                .options
                .tolerable_failures
                .is_some_and(|most| self.failures_in_row > most)
            {
                out.push(Output::FailJob {
                    reason: reason.clone(),
                });
            }
        }
    }

    fn tell_failed(
        &mut self,
        checkpoint: u64,
        mut pending: Pending,
        reason: &AbortReason,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        for ticket in std::mem::take(&mut pending.tickets) {
            out.push(Output::Answer {
                ticket,
                result: Err(reason.clone()),
            });
        }
        self.tell(
            checkpoint,
            &pending,
            Some(reason),
            now.since(pending.triggered),
            out,
        );
    }

    /// The checkpoint has ended, so long after its trigger: into the statistics and into spans.
    fn tell(
        &mut self,
        checkpoint: u64,
        ended: &Pending,
        reason: Option<&AbortReason>,
        duration: Duration,
        out: &mut Vec<Output>,
    ) {
        let subtasks = self.job.parallelism();
        let summary = CheckpointSummary::new(checkpoint, ended, reason, subtasks, duration);
        let spans = spans::of_checkpoint(&self.job, &self.run, self.options.detail, ended, &summary);
        out.extend(spans.into_iter().map(|span| Output::Span(Box::new(span))));
        self.statistics.add(summary);
    }

    fn lost(&mut self, lost: &Lost, now: Now, out: &mut Vec<Output>) {
        self.last_id = self.last_id.max(lost.checkpoint);
        // The wall is all that is known of the dead process's time.
        let duration = Duration::from_nanos(now.wall_ns.saturating_sub(lost.triggered_ns));
        let triggered = Now {
            wall_ns: lost.triggered_ns,
            ..now
        };
        let ended = Pending::new(lost.kind, false, None, triggered);
        let reason = AbortReason::Crashed;
        let run = std::mem::replace(&mut self.run, lost.run.clone());
        self.tell(lost.checkpoint, &ended, Some(&reason), duration, out);
        self.run = run;
    }

    /// It ends with its last part: when the manifest was there is not known any more.
    fn found(&mut self, found: Found, now: Now, out: &mut Vec<Output>) {
        let Found {
            lost,
            acks,
            metadata_bytes,
        } = found;
        self.last_id = self.last_id.max(lost.checkpoint);
        let duration = acks.values().map(|(after, _)| *after).max().unwrap_or_default();
        let triggered = Now {
            wall_ns: lost.triggered_ns,
            ..now
        };
        let mut ended = Pending::new(lost.kind, false, None, triggered);
        ended.acks = acks;
        ended.metadata_bytes = Some(metadata_bytes);
        let run = std::mem::replace(&mut self.run, lost.run);
        self.tell(lost.checkpoint, &ended, None, duration, out);
        self.run = run;
    }

    fn job_failed(&mut self, reason: &AbortReason, now: Now, out: &mut Vec<Output>) {
        self.ready = false;
        self.next_periodic_ns = None;
        let under_way: Vec<u64> = self.pending.keys().copied().collect();
        for checkpoint in under_way {
            self.fail(checkpoint, reason, now, out);
        }
        for (kind, ticket) in std::mem::take(&mut self.queued) {
            self.refuse(kind, ticket, reason, now, out);
        }
    }

    fn tasks_ready(&mut self, now: Now) {
        if !self.stopping && !self.ready {
            self.ready = true;
            self.next_periodic_ns = self.after(now, self.options.interval);
        }
    }

    fn expire(&mut self, now: Now, out: &mut Vec<Output>) {
        let timeout = self.options.timeout;
        let late = self
            .pending
            .iter()
            .filter(|(_, pending)| now.since(pending.triggered) >= timeout);
        let late: Vec<u64> = late.map(|(&id, _)| id).collect();
        for checkpoint in late {
            self.fail(checkpoint, &AbortReason::Expired, now, out);
        }
    }

    /// A checkpoint has ended: the interval triggers not before the pause is over.
    fn pause_after(&mut self, now: Now) {
        let earliest = now
            .monotonic_ns
            .saturating_add(duration_ns(self.options.min_pause));
        self.next_periodic_ns = self.next_periodic_ns.map(|due| due.max(earliest));
    }

    fn after(&self, now: Now, pause: Option<Duration>) -> Option<u64> {
        pause.map(|pause| now.monotonic_ns.saturating_add(duration_ns(pause)))
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn subtask_name(&self, subtask: SubtaskId) -> String {
        let task = self
            .job
            .task(subtask)
            .expect("what a subtask says comes from a task of the job");
        format!("{} {}", task.name, subtask.index)
    }
}

fn duration_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
