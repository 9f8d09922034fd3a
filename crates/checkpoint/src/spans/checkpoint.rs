//! `Checkpoint`, `Checkpoint_Task`, `Checkpoint_Subtask`, and the phases of a subtask.

use std::time::Duration;

use everspan_trace::catalog;
use everspan_trace::catalog::attr::{self, Aggregate, status};
use everspan_trace::{KeyValue, Span, SpanContext, Status};

use super::phases::{self, Phase};
use super::{NS_PER_MS, int, label, link, list, span};
use crate::coordinator::Pending;
use crate::job::below;
use crate::statistics::CheckpointSummary;
use crate::time::wall_ns_after;
use crate::{DetailLevel, Job, Run, SubtaskId, SubtaskStats, Task};

/// A figure that every subtask has: `max…` and `sum…` of it stand on the root and on its task.
struct Figure {
    keys: Aggregate,
    of: fn(&SubtaskStats) -> u64,
}

const FIGURES: [Figure; 6] = [
    Figure {
        keys: attr::ALIGNMENT_DURATION_MS,
        of: |stats| ms(stats.alignment),
    },
    Figure {
        keys: attr::SYNC_CHECKPOINT_DURATION_MS,
        of: |stats| ms(stats.sync),
    },
    Figure {
        keys: attr::ASYNC_CHECKPOINT_DURATION_MS,
        of: |stats| ms(stats.asynchronous),
    },
    Figure {
        keys: attr::CHECKPOINT_START_DELAY_MS,
        of: |stats| ms(stats.start_delay),
    },
    Figure {
        keys: attr::PERSISTED_DATA_BYTES,
        of: |stats| stats.persisted_bytes,
    },
    Figure {
        keys: attr::PROCESSED_DATA_BYTES,
        of: |stats| stats.processed_bytes,
    },
];

/// Sizes: on the root their sums are `fullSize` and `checkpointedSize`, so only the largest is added there.
const SIZES: [Figure; 2] = [
    Figure {
        keys: attr::STATE_SIZE_BYTES,
        of: |stats| stats.full_bytes,
    },
    Figure {
        keys: attr::CHECKPOINTED_SIZE_BYTES,
        of: |stats| stats.checkpointed_bytes,
    },
];

/// The parts of a checkpoint: subtask, when it acked after the trigger, its figures.
type Parts<'a> = Vec<(SubtaskId, Duration, &'a SubtaskStats)>;

/// The spans of a checkpoint that has ended, root first.
pub(crate) fn of_checkpoint(
    job: &Job,
    run: &Run,
    detail: DetailLevel,
    ended: &Pending,
    summary: &CheckpointSummary,
) -> Vec<Span> {
    let root = run.checkpoint(summary.id);
    let mut spans = vec![root_span(job, run, &root, detail, ended, summary)];
    if detail < DetailLevel::ChildrenSpansPerTask {
        return spans;
    }
    for (number, task) in (0u32..).zip(&job.tasks) {
        let parts = parts_of(ended, number);
        if parts.is_empty() {
            continue;
        }
        spans.push(task_span(&root, ended, summary.id, number, task, &parts));
        if detail >= DetailLevel::ChildrenSpansPerSubtask {
            for part in &parts {
                spans.extend(subtask_spans(&root, ended, summary.id, task, part));
            }
        }
    }
    spans
}

fn parts_of(ended: &Pending, task: u32) -> Parts<'_> {
    let first = SubtaskId { task, index: 0 };
    let last = SubtaskId {
        task,
        index: u32::MAX,
    };
    let acks = ended.acks.range(first..=last);
    acks.map(|(&subtask, (after, stats))| (subtask, *after, stats))
        .collect()
}

fn root_span(
    job: &Job,
    run: &Run,
    root: &SpanContext,
    detail: DetailLevel,
    ended: &Pending,
    summary: &CheckpointSummary,
) -> Span {
    let start_ns = ended.triggered.wall_ns;
    let end_ns = wall_ns_after(ended.triggered, summary.duration);
    let mut span = span(&catalog::CHECKPOINT, root.clone(), None, start_ns, end_ns);
    let failed = summary.failure.as_ref();
    let attributes = &mut span.attributes;
    attributes.push(attr::CHECKPOINT_ID.value(int(summary.id)));
    attributes.push(attr::CHECKPOINTED_SIZE.value(int(summary.checkpointed_bytes)));
    attributes.push(attr::FULL_SIZE.value(int(summary.full_bytes)));
    let status = if failed.is_some() {
        status::FAILED
    } else {
        status::COMPLETED
    };
    attributes.push(attr::CHECKPOINT_STATUS.value(status));
    attributes.push(attr::START_TS.value(int(start_ns / NS_PER_MS)));
    attributes.push(attr::END_TS.value(int(end_ns / NS_PER_MS)));
    attributes.push(attr::JOB_ID.value(job.id.clone()));
    attributes.push(attr::CHECKPOINT_TYPE.value(summary.kind.name()));
    attributes.push(attr::IS_UNALIGNED.value(is_unaligned(ended)));
    if let Some(bytes) = summary.metadata_bytes {
        attributes.push(attr::METADATA_SIZE.value(int(bytes)));
    }
    for figure in FIGURES {
        attributes.extend(figure.over(all_stats(ended)).into_iter().flatten());
    }
    for size in SIZES {
        if let Some([max, _]) = size.over(all_stats(ended)) {
            attributes.push(max);
        }
    }
    if detail == DetailLevel::SpanPerCheckpointWithTasks {
        attributes.extend(per_task(job, ended));
    }
    if let Some(reason) = failed {
        attributes.push(attr::CHECKPOINT_FAILURE_REASON.value(reason.to_string()));
        span.status = Status::Error(reason.to_string());
    }
    span.links.push(link(run.initialization()));
    span
}

/// Whether a barrier overtook data, or could have when no part tells.
fn is_unaligned(ended: &Pending) -> bool {
    if ended.acks.is_empty() {
        ended.unaligned
    } else {
        all_stats(ended).any(|stats| stats.unaligned)
    }
}

fn all_stats(ended: &Pending) -> impl Iterator<Item = &SubtaskStats> {
    ended.acks.values().map(|(_, stats)| stats)
}

/// Per figure two lists, one number per task, in the order of the job's tasks.
fn per_task(job: &Job, ended: &Pending) -> Vec<KeyValue> {
    let tasks: Vec<Parts<'_>> = (0u32..)
        .zip(&job.tasks)
        .map(|(task, _)| parts_of(ended, task))
        .collect();
    let mut attributes = Vec::new();
    for figure in FIGURES.iter().chain(&SIZES) {
        let figures = |parts: &Parts<'_>| -> Vec<i64> {
            parts
                .iter()
                .map(|(_, _, stats)| int((figure.of)(stats)))
                .collect()
        };
        let max = list(
            tasks
                .iter()
                .map(|parts| figures(parts).into_iter().max().unwrap_or(0)),
        );
        let sum = list(tasks.iter().map(|parts| figures(parts).into_iter().sum()));
        attributes.push(figure.keys.per_task_max.value(max));
        attributes.push(figure.keys.per_task_sum.value(sum));
    }
    attributes
}

fn task_span(
    root: &SpanContext,
    ended: &Pending,
    checkpoint: u64,
    number: u32,
    task: &Task,
    parts: &Parts<'_>,
) -> Span {
    let first = parts.iter().map(|(_, _, stats)| stats.start_delay).min();
    let last = parts.iter().map(|&(_, after, _)| after).max();
    let mut span = span(
        &catalog::CHECKPOINT_TASK,
        below(root, label::task(number)),
        Some(root.span_id),
        wall_ns_after(ended.triggered, first.unwrap_or_default()),
        wall_ns_after(ended.triggered, last.unwrap_or_default()),
    );
    span.attributes.push(attr::CHECKPOINT_ID.value(int(checkpoint)));
    span.attributes.push(attr::JOB_VERTEX_ID.value(task.id.clone()));
    span.attributes.push(attr::TASK_NAME.value(task.name.clone()));
    for figure in FIGURES.iter().chain(&SIZES) {
        let found = figure.over(parts.iter().map(|&(_, _, stats)| stats));
        span.attributes.extend(found.into_iter().flatten());
    }
    span
}

/// A subtask, and its phases below it.
fn subtask_spans(
    root: &SpanContext,
    ended: &Pending,
    checkpoint: u64,
    task: &Task,
    &(subtask, after, stats): &(SubtaskId, Duration, &SubtaskStats),
) -> Vec<Span> {
    let mut span = span(
        &catalog::CHECKPOINT_SUBTASK,
        below(root, label::subtask(subtask)),
        Some(below(root, label::task(subtask.task)).span_id),
        wall_ns_after(ended.triggered, stats.start_delay.min(after)),
        wall_ns_after(ended.triggered, after),
    );
    span.attributes.push(attr::CHECKPOINT_ID.value(int(checkpoint)));
    span.attributes.push(attr::JOB_VERTEX_ID.value(task.id.clone()));
    span.attributes.push(attr::TASK_NAME.value(task.name.clone()));
    span.attributes
        .push(attr::SUBTASK_ID.value(i64::from(subtask.index)));
    let host = &task.hosts[subtask.index as usize];
    span.attributes.push(attr::HOST.value(host.clone()));
    for figure in FIGURES.iter().chain(&SIZES) {
        span.attributes
            .push(figure.keys.one.value(int((figure.of)(stats))));
    }
    let phases = phases_of(stats);
    let mut spans = vec![span];
    spans.extend(phases::spans(root, subtask, ended.triggered, &phases));
    spans
}

fn phases_of(stats: &SubtaskStats) -> [Phase; 4] {
    let upload = stats.upload.unwrap_or_default().min(stats.asynchronous);
    let sync = stats.start_delay + stats.alignment;
    let asynchronous = sync + stats.sync;
    let phase = |def, began, took| Phase { def, began, took };
    [
        phase(&catalog::ALIGN, stats.start_delay, stats.alignment),
        phase(&catalog::SYNC, sync, stats.sync),
        phase(&catalog::ASYNC, asynchronous, stats.asynchronous),
        phase(
            &catalog::UPLOAD,
            asynchronous + stats.asynchronous - upload,
            upload,
        ),
    ]
}

impl Figure {
    fn over<'a>(&self, stats: impl Iterator<Item = &'a SubtaskStats>) -> Option<[KeyValue; 2]> {
        self.keys.over(stats.map(|stats| int((self.of)(stats))))
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
