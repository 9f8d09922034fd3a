//! `JobInitialization`, `JobInitialization_Task`, `JobInitialization_Subtask`, and the phases of a subtask.

use std::time::Duration;

use everspan_trace::catalog;
use everspan_trace::catalog::attr::{self, Aggregate, status};
use everspan_trace::{KeyValue, Span, SpanContext, Status};

use super::phases::{self, Phase};
use super::{NS_PER_MS, int, label, link, list, span};
use crate::initialization::{Initialization, Location, Reported};
use crate::job::below;
use crate::time::wall_ns_after;
use crate::{DetailLevel, SubtaskId, Task};

/// A figure of a report; `None` when the subtask did not have that phase.
struct Figure {
    keys: Aggregate,
    of: fn(&Reported) -> Option<i64>,
}

const FIGURES: [Figure; 11] = [
    Figure {
        keys: attr::MAILBOX_START_DURATION_MS,
        of: |of| ms(Some(of.report.mailbox_start)),
    },
    Figure {
        keys: attr::READ_OUTPUT_DATA_DURATION_MS,
        of: |of| ms(Some(of.report.read_output)),
    },
    Figure {
        keys: attr::INITIALIZE_STATE_DURATION_MS,
        of: |of| ms(Some(of.report.initialize_state)),
    },
    Figure {
        keys: attr::GATE_RESTORE_DURATION_MS,
        of: |of| ms(Some(of.report.gate_restore)),
    },
    Figure {
        keys: attr::DOWNLOAD_STATE_DURATION_MS,
        of: |of| ms(of.report.download),
    },
    Figure {
        keys: attr::RESTORE_STATE_DURATION_MS,
        of: |of| ms(of.report.restore),
    },
    Figure {
        keys: attr::RESTORE_ASYNC_COMPACTION_DURATION_MS,
        of: |of| ms(of.compaction),
    },
    Figure {
        keys: attr::RESTORED_STATE_SIZE_BYTES_LOCAL_MEMORY,
        of: |of| restored(of, Location::LocalMemory),
    },
    Figure {
        keys: attr::RESTORED_STATE_SIZE_BYTES_LOCAL_DISK,
        of: |of| restored(of, Location::LocalDisk),
    },
    Figure {
        keys: attr::RESTORED_STATE_SIZE_BYTES_REMOTE,
        of: |of| restored(of, Location::Remote),
    },
    Figure {
        keys: attr::RESTORED_STATE_SIZE_BYTES_UNKNOWN,
        of: |of| restored(of, Location::Unknown),
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
    let mut span = span(&catalog::JOB_INITIALIZATION, root.clone(), None, start_ns, end_ns);
    let attributes = &mut span.attributes;
    attributes.push(attr::START_TS.value(int(start_ns / NS_PER_MS)));
    attributes.push(attr::END_TS.value(int(end_ns / NS_PER_MS)));
    attributes.push(attr::JOB_ID.value(start.job.id.clone()));
    let failure = start.failure();
    let status = if failure.is_some() {
        status::FAILED
    } else {
        status::COMPLETED
    };
    attributes.push(attr::INITIALIZATION_STATUS.value(status));
    if let Some(restored) = &start.restored {
        attributes.push(attr::CHECKPOINT_ID.value(int(restored.checkpoint)));
        attributes.push(attr::FULL_SIZE.value(int(restored.full_bytes)));
    }
    push_figures(attributes, || start.reports.values());
    if start.detail == DetailLevel::SpanPerCheckpointWithTasks {
        attributes.extend(per_task(start));
    }
    span.status = failure.map_or(Status::Unset, |reason| Status::Error(reason.to_owned()));
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
        let found = figure.keys.over(reports().filter_map(figure.of));
        attributes.extend(found.into_iter().flatten());
    }
}

/// Per figure that any task has two lists, one number per task, in the order of the job's tasks.
fn per_task(start: &Initialization) -> Vec<KeyValue> {
    let tasks = 0u32..start.job.tasks.len().try_into().unwrap_or(u32::MAX);
    let tasks: Vec<Reports<'_>> = tasks.map(|task| reports_of(start, task)).collect();
    let mut attributes = Vec::new();
    for figure in FIGURES {
        let figures = |reports: &Reports<'_>| -> Vec<i64> {
            reports.iter().filter_map(|(_, of)| (figure.of)(of)).collect()
        };
        if tasks.iter().all(|reports| figures(reports).is_empty()) {
            continue;
        }
        let max = list(
            tasks
                .iter()
                .map(|reports| figures(reports).into_iter().max().unwrap_or(0)),
        );
        let sum = list(tasks.iter().map(|reports| figures(reports).into_iter().sum()));
        attributes.push(figure.keys.per_task_max.value(max));
        attributes.push(figure.keys.per_task_sum.value(sum));
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
        &catalog::JOB_INITIALIZATION_TASK,
        below(root, label::task(number)),
        Some(root.span_id),
        wall_ns_after(start.begun, began.unwrap_or_default()),
        wall_ns_after(start.begun, ended.unwrap_or_default()),
    );
    span.attributes.push(attr::JOB_VERTEX_ID.value(task.id.clone()));
    span.attributes.push(attr::TASK_NAME.value(task.name.clone()));
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
        &catalog::JOB_INITIALIZATION_SUBTASK,
        below(root, label::subtask(subtask)),
        Some(below(root, label::task(subtask.task)).span_id),
        wall_ns_after(start.begun, reported.began),
        wall_ns_after(start.begun, reported.ended),
    );
    let attributes = &mut span.attributes;
    attributes.push(attr::JOB_VERTEX_ID.value(task.id.clone()));
    attributes.push(attr::TASK_NAME.value(task.name.clone()));
    attributes.push(attr::SUBTASK_ID.value(i64::from(subtask.index)));
    attributes.push(attr::HOST.value(task.hosts[subtask.index as usize].clone()));
    for figure in FIGURES {
        attributes.extend((figure.of)(reported).map(|value| figure.keys.one.value(value)));
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
    let phase = |def, began, took| Phase { def, began, took };
    [
        phase(&catalog::READ_OUTPUT, read_output, report.read_output),
        phase(&catalog::DOWNLOAD, initialize, download),
        phase(
            &catalog::RESTORE,
            initialize + download,
            report.restore.unwrap_or_default(),
        ),
        phase(&catalog::READ_INPUT, read_input, report.gate_restore),
        phase(
            &catalog::COMPACT,
            reported.ended,
            reported.compaction.unwrap_or_default(),
        ),
    ]
}

fn ms(duration: Option<Duration>) -> Option<i64> {
    duration.map(|duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

fn restored(reported: &Reported, from: Location) -> Option<i64> {
    reported.report.restored_bytes.get(&from).copied().map(int)
}
