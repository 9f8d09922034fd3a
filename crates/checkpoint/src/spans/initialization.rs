//! `JobInitialization`, `JobInitialization_Task`, `JobInitialization_Subtask`, and the phases of a subtask.

use std::time::Duration;

use everspan_trace::{KeyValue, Span, SpanContext, Status};

use super::phases::{self, Phase};
use super::{Aggregate, NS_PER_MS, aggregate, int, label, link, list, push_aggregate, span, text};
use crate::initialization::{Initialization, Location, Reported};
use crate::job::below;
use crate::time::wall_ns_after;
use crate::{DetailLevel, SubtaskId, Task};

/// A figure of a report; `None` when the subtask did not have that phase.
struct Figure {
    name: &'static str,
    of: fn(&Reported) -> Option<u64>,
}

const FIGURES: [Figure; 7] = [
    Figure {
        name: "MailboxStartDurationMs",
        of: |of| ms(Some(of.report.mailbox_start)),
    },
    Figure {
        name: "ReadOutputDataDurationMs",
        of: |of| ms(Some(of.report.read_output)),
    },
    Figure {
        name: "InitializeStateDurationMs",
        of: |of| ms(Some(of.report.initialize_state)),
    },
    Figure {
        name: "GateRestoreDurationMs",
        of: |of| ms(Some(of.report.gate_restore)),
    },
    Figure {
        name: "DownloadStateDurationMs",
        of: |of| ms(of.report.download),
    },
    Figure {
        name: "RestoreStateDurationMs",
        of: |of| ms(of.report.restore),
    },
    Figure {
        name: "RestoreAsyncCompactionDurationMs",
        of: |of| ms(of.compaction),
    },
];

type Reports<'a> = Vec<(SubtaskId, &'a Reported)>;

/// The spans of a start that is over, root first.
pub(crate) fn of_initialization(start: &Initialization) -> Vec<Span> {
    let root = start.run.initialization();
    let mut spans = vec![root_span(start, &root)];
    if start.detail < DetailLevel::ChildrenSpansPerTask {
        return spans;
    }
    for (number, task) in (0u32..).zip(&start.job.tasks) {
        let reports = reports_of(start, number);
        spans.push(task_span(start, &root, number, task, &reports));
        if start.detail >= DetailLevel::ChildrenSpansPerSubtask {
            for &(subtask, reported) in &reports {
                spans.extend(subtask_spans(start, &root, task, subtask, reported));
            }
        }
    }
    spans
}

fn root_span(start: &Initialization, root: &SpanContext) -> Span {
    let start_ns = start.begun.wall_ns;
    let ended = start.reports.values().map(|reported| reported.ended).max();
    let end_ns = wall_ns_after(start.begun, ended.unwrap_or_default());
    let mut span = span("JobInitialization", root.clone(), None, start_ns, end_ns);
    let attributes = &mut span.attributes;
    attributes.push(int("startTs", start_ns / NS_PER_MS));
    attributes.push(int("endTs", end_ns / NS_PER_MS));
    attributes.push(text("jobId", start.job.id.clone()));
    let failure = start.failure();
    let status = if failure.is_some() { "FAILED" } else { "COMPLETED" };
    attributes.push(text("initializationStatus", status));
    if let Some(restored) = &start.restored {
        attributes.push(int("checkpointId", restored.checkpoint));
        attributes.push(int("fullSize", restored.full_bytes));
    }
    push_figures(attributes, || start.reports.values());
    if start.detail == DetailLevel::SpanPerCheckpointWithTasks {
        attributes.extend(per_task(start));
    }
    span.status = failure.map_or(Status::Ok, |reason| Status::Error(reason.to_owned()));
    let restored = start.restored.iter().filter_map(|restored| restored.span.clone());
    span.links.extend(restored.chain(start.cause.clone()).map(link));
    span
}

/// `max…` and `sum…` of every figure that any of `reports` has.
fn push_figures<'a, I>(attributes: &mut Vec<KeyValue>, reports: impl Fn() -> I)
where
    I: Iterator<Item = &'a Reported>,
{
    for figure in FIGURES {
        push_aggregate(
            attributes,
            figure.name,
            aggregate(reports().filter_map(figure.of)),
        );
    }
    for location in Location::ALL {
        let bytes = reports().filter_map(|reported| reported.report.restored_bytes.get(&location).copied());
        push_aggregate(attributes, &bytes_key(location), aggregate(bytes));
    }
}

fn bytes_key(location: Location) -> String {
    format!("RestoredStateSizeBytes.{}", location.name())
}

/// Per figure two lists, one number per task, in the order of the job's tasks.
fn per_task(start: &Initialization) -> Vec<KeyValue> {
    let names: Vec<&str> = start.job.tasks.iter().map(|task| task.name.as_str()).collect();
    let mut attributes = vec![text("everspan.tasks", format!("[{}]", names.join(", ")))];
    let tasks = 0u32..start.job.tasks.len().try_into().unwrap_or(u32::MAX);
    for figure in FIGURES {
        let found: Vec<Option<Aggregate>> = tasks
            .clone()
            .map(|task| {
                aggregate(
                    reports_of(start, task)
                        .iter()
                        .filter_map(|(_, of)| (figure.of)(of)),
                )
            })
            .collect();
        if found.iter().any(Option::is_some) {
            let max = list(found.iter().map(|of| of.map_or(0, |of| of.max)));
            let sum = list(found.iter().map(|of| of.map_or(0, |of| of.sum)));
            attributes.push(KeyValue::new(format!("perTaskMax{}", figure.name), max));
            attributes.push(KeyValue::new(format!("perTaskSum{}", figure.name), sum));
        }
    }
    attributes
}

fn reports_of(start: &Initialization, task: u32) -> Reports<'_> {
    let first = SubtaskId { task, index: 0 };
    let last = SubtaskId {
        task,
        index: u32::MAX,
    };
    let reports = start.reports.range(first..=last);
    reports.map(|(&subtask, reported)| (subtask, reported)).collect()
}

fn task_span(
    start: &Initialization,
    root: &SpanContext,
    number: u32,
    task: &Task,
    reports: &Reports<'_>,
) -> Span {
    let began = reports.iter().map(|(_, reported)| reported.began).min();
    let ended = reports.iter().map(|(_, reported)| reported.ended).max();
    let mut span = span(
        "JobInitialization_Task",
        below(root, label::task(number)),
        Some(root.span_id),
        wall_ns_after(start.begun, began.unwrap_or_default()),
        wall_ns_after(start.begun, ended.unwrap_or_default()),
    );
    span.attributes.push(text("jobVertexId", task.id.clone()));
    span.attributes
        .push(text("everspan.task.name", task.name.clone()));
    push_figures(&mut span.attributes, || {
        reports.iter().map(|&(_, reported)| reported)
    });
    span
}

fn subtask_spans(
    start: &Initialization,
    root: &SpanContext,
    task: &Task,
    subtask: SubtaskId,
    reported: &Reported,
) -> Vec<Span> {
    let mut span = span(
        "JobInitialization_Subtask",
        below(root, label::subtask(subtask)),
        Some(below(root, label::task(subtask.task)).span_id),
        wall_ns_after(start.begun, reported.began),
        wall_ns_after(start.begun, reported.ended),
    );
    let attributes = &mut span.attributes;
    attributes.push(text("jobVertexId", task.id.clone()));
    attributes.push(text("everspan.task.name", task.name.clone()));
    attributes.push(int("subtaskId", u64::from(subtask.index)));
    attributes.push(text("host", task.hosts[subtask.index as usize].clone()));
    for figure in FIGURES {
        attributes.extend((figure.of)(reported).map(|value| int(figure.name, value)));
    }
    for (&location, &bytes) in &reported.report.restored_bytes {
        attributes.push(int(bytes_key(location), bytes));
    }
    if let Some(reason) = &reported.report.failure {
        span.status = Status::Error(reason.clone());
    }
    let phases = phases_of(reported);
    let mut spans = vec![span];
    spans.extend(phases::spans(root, subtask, start.begun, &phases));
    spans
}

/// In the order in which they happen; download and restore are the beginning of the state's initialization.
fn phases_of(reported: &Reported) -> [Phase; 5] {
    let report = &reported.report;
    let read_output = reported.began + report.mailbox_start;
    let initialize = read_output + report.read_output;
    let download = report.download.unwrap_or_default();
    let read_input = initialize + report.initialize_state;
    let phase = |name, began, took| Phase { name, began, took };
    [
        phase("read-output", read_output, report.read_output),
        phase("download", initialize, download),
        phase(
            "restore",
            initialize + download,
            report.restore.unwrap_or_default(),
        ),
        phase("read-input", read_input, report.gate_restore),
        phase("compact", reported.ended, reported.compaction.unwrap_or_default()),
    ]
}

fn ms(duration: Option<Duration>) -> Option<u64> {
    duration.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
