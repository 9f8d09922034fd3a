//! `Checkpoint`, `Checkpoint_Task`, `Checkpoint_Subtask`, and the phases of a subtask.

use std::time::Duration;

use everspan_trace::{KeyValue, Span, SpanContext, Status};

use super::phases::{self, Phase};
use super::{NS_PER_MS, aggregate, int, label, link, list, push_aggregate, span, text};
use crate::coordinator::Pending;
use crate::job::below;
use crate::statistics::CheckpointSummary;
use crate::time::wall_ns_after;
use crate::{DetailLevel, Job, Run, SubtaskId, SubtaskStats, Task};

/// A figure that every subtask has: `max…` and `sum…` of it stand on the root and on its task.
struct Figure {
    name: &'static str,
    of: fn(&SubtaskStats) -> u64,
}

const FIGURES: [Figure; 6] = [
    Figure {
        name: "AlignmentDurationMs",
        of: |stats| ms(stats.alignment),
    },
    Figure {
        name: "SyncCheckpointDurationMs",
        of: |stats| ms(stats.sync),
    },
    Figure {
        name: "AsyncCheckpointDurationMs",
        of: |stats| ms(stats.asynchronous),
    },
    Figure {
        name: "CheckpointStartDelayMs",
        of: |stats| ms(stats.start_delay),
    },
    Figure {
        name: "PersistedDataBytes",
        of: |stats| stats.persisted_bytes,
    },
    Figure {
        name: "ProcessedDataBytes",
        of: |stats| stats.processed_bytes,
    },
];

/// Sizes: on the root their sums are `fullSize` and `checkpointedSize`, so only the largest is added there.
const SIZES: [Figure; 2] = [
    Figure {
        name: "StateSizeBytes",
        of: |stats| stats.full_bytes,
    },
    Figure {
        name: "CheckpointedSizeBytes",
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
    let mut span = span("Checkpoint", root.clone(), None, start_ns, end_ns);
    let failed = summary.failure.as_ref();
    let attributes = &mut span.attributes;
    attributes.push(int("checkpointId", summary.id));
    attributes.push(int("checkpointedSize", summary.checkpointed_bytes));
    attributes.push(int("fullSize", summary.full_bytes));
    let status = if failed.is_some() { "FAILED" } else { "COMPLETED" };
    attributes.push(text("checkpointStatus", status));
    attributes.push(int("startTs", start_ns / NS_PER_MS));
    attributes.push(int("endTs", end_ns.max(start_ns) / NS_PER_MS));
    attributes.push(text("jobId", job.id.clone()));
    attributes.push(text("checkpointType", summary.kind.name()));
    attributes.push(KeyValue::new("isUnaligned", is_unaligned(ended)));
    if let Some(bytes) = summary.metadata_bytes {
        attributes.push(int("metadataSize", bytes));
    }
    for figure in FIGURES {
        push_aggregate(
            attributes,
            figure.name,
            aggregate(all_stats(ended).map(figure.of)),
        );
    }
    for size in SIZES {
        if let Some(found) = aggregate(all_stats(ended).map(size.of)) {
            attributes.push(int(format!("max{}", size.name), found.max));
        }
    }
    if detail == DetailLevel::SpanPerCheckpointWithTasks {
        attributes.extend(per_task(job, ended));
    }
    if let Some(reason) = failed {
        attributes.push(text("everspan.checkpoint.failure_reason", reason.to_string()));
        span.status = Status::Error(reason.to_string());
    } else {
        span.status = Status::Ok;
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

/// Per figure two lists, one number per task, in the order of the job's tasks, whose names stand in a list of their
/// own.
fn per_task(job: &Job, ended: &Pending) -> Vec<KeyValue> {
    let tasks: Vec<Parts<'_>> = (0u32..)
        .zip(&job.tasks)
        .map(|(task, _)| parts_of(ended, task))
        .collect();
    let names: Vec<&str> = job.tasks.iter().map(|task| task.name.as_str()).collect();
    let mut attributes = vec![text("everspan.tasks", format!("[{}]", names.join(", ")))];
    for figure in FIGURES.iter().chain(&SIZES) {
        let found = |parts: &Parts<'_>| {
            let of_task = aggregate(parts.iter().map(|(_, _, stats)| (figure.of)(stats)));
            of_task.map_or((0, 0), |of_task| (of_task.max, of_task.sum))
        };
        let max = list(tasks.iter().map(|parts| found(parts).0));
        let sum = list(tasks.iter().map(|parts| found(parts).1));
        attributes.push(KeyValue::new(format!("perTaskMax{}", figure.name), max));
        attributes.push(KeyValue::new(format!("perTaskSum{}", figure.name), sum));
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
        "Checkpoint_Task",
        below(root, label::task(number)),
        Some(root.span_id),
        wall_ns_after(ended.triggered, first.unwrap_or_default()),
        wall_ns_after(ended.triggered, last.unwrap_or_default()),
    );
    span.attributes.push(int("checkpointId", checkpoint));
    span.attributes.push(text("jobVertexId", task.id.clone()));
    span.attributes
        .push(text("everspan.task.name", task.name.clone()));
    for figure in FIGURES.iter().chain(&SIZES) {
        let found = aggregate(parts.iter().map(|(_, _, stats)| (figure.of)(stats)));
        push_aggregate(&mut span.attributes, figure.name, found);
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
        "Checkpoint_Subtask",
        below(root, label::subtask(subtask)),
        Some(below(root, label::task(subtask.task)).span_id),
        wall_ns_after(ended.triggered, stats.start_delay.min(after)),
        wall_ns_after(ended.triggered, after),
    );
    span.attributes.push(int("checkpointId", checkpoint));
    span.attributes.push(text("jobVertexId", task.id.clone()));
    span.attributes
        .push(text("everspan.task.name", task.name.clone()));
    span.attributes.push(int("subtaskId", u64::from(subtask.index)));
    let host = &task.hosts[subtask.index as usize];
    span.attributes.push(text("host", host.clone()));
    for figure in FIGURES.iter().chain(&SIZES) {
        span.attributes.push(int(figure.name, (figure.of)(stats)));
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
    let phase = |name, began, took| Phase { name, began, took };
    [
        phase("align", stats.start_delay, stats.alignment),
        phase("sync", sync, stats.sync),
        phase("async", asynchronous, stats.asynchronous),
        phase("upload", asynchronous + stats.asynchronous - upload, upload),
    ]
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
