//! `GET /metrics`, for Prometheus.

use std::fmt::{Display, Write};

use everspan_export::Counters;

use crate::runtime::{JobStatus, SubtaskStatus};

pub(super) fn text(status: &JobStatus, reporters: &[(String, Counters)]) -> String {
    let mut out = String::new();
    for family in &SUBTASK_FAMILIES {
        head(&mut out, family.name, family.kind, family.help);
        for task in &status.tasks {
            for (index, subtask) in task.subtasks.iter().enumerate() {
                if let Some(value) = (family.value)(subtask) {
                    let labels = format!("task=\"{}\",subtask_index=\"{index}\"", escaped(&task.name));
                    sample(&mut out, family.name, &labels, value);
                }
            }
        }
    }
    of_job(&mut out, status);
    of_checkpoints(&mut out, status);
    of_reporters(&mut out, reporters);
    out
}

struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&SubtaskStatus) -> Option<f64>,
}

const SUBTASK_FAMILIES: [Family; 5] = [
    Family {
        name: "everspan_job_records_in_total",
        kind: "counter",
        help: "Records that came in, or that a source made.",
        value: |of| Some(of.records_in as f64),
    },
    Family {
        name: "everspan_job_records_out_total",
        kind: "counter",
        help: "Records sent to other tasks.",
        value: |of| Some(of.records_out as f64),
    },
    Family {
        name: "everspan_job_busy_seconds_total",
        kind: "counter",
        help: "Time of work.",
        value: |of| Some(of.busy_ns as f64 / 1e9),
    },
    Family {
        name: "everspan_job_back_pressured_seconds_total",
        kind: "counter",
        help: "Time of waiting for room behind.",
        value: |of| Some(of.back_pressured_ns as f64 / 1e9),
    },
    Family {
        name: "everspan_job_watermark_seconds",
        kind: "gauge",
        help: "The watermark, since the Unix epoch.",
        value: |of| of.watermark_ms.map(|time| time as f64 / 1e3),
    },
];

fn of_job(out: &mut String, status: &JobStatus) {
    let name = "everspan_job_state";
    head(out, name, "gauge", "1 for the state in which the job is.");
    sample(out, name, &format!("state=\"{}\"", status.state.name()), 1);
    let name = "everspan_job_restarts_total";
    head(out, name, "counter", "How often the job was started again.");
    sample(out, name, "", status.restarts);
}

fn of_checkpoints(out: &mut String, status: &JobStatus) {
    let counts = status.checkpoints.counts();
    let name = "everspan_job_checkpoints_total";
    head(out, name, "counter", "Checkpoints and savepoints of this run.");
    sample(out, name, "status=\"COMPLETED\"", counts.completed);
    sample(out, name, "status=\"FAILED\"", counts.failed);
    let Some(latest) = status.checkpoints.latest_completed() else {
        return;
    };
    for (name, help, value) in [
        (
            "everspan_job_last_checkpoint_id",
            "The newest that completed.",
            latest.id as f64,
        ),
        (
            "everspan_job_last_checkpoint_duration_seconds",
            "From its trigger to its end.",
            latest.duration.as_secs_f64(),
        ),
        (
            "everspan_job_last_checkpoint_size_bytes",
            "What was newly written for it.",
            latest.checkpointed_bytes as f64,
        ),
        (
            "everspan_job_last_checkpoint_full_size_bytes",
            "All it refers to.",
            latest.full_bytes as f64,
        ),
    ] {
        head(out, name, "gauge", help);
        sample(out, name, "", value);
    }
}

/// Name, help, and what is counted.
type OfReporter = (&'static str, &'static str, fn(&Counters) -> u64);

fn of_reporters(out: &mut String, reporters: &[(String, Counters)]) {
    let families: [OfReporter; 2] = [
        (
            "everspan_spans_exported_total",
            "Spans that a reporter has sent.",
            |of| of.exported,
        ),
        (
            "everspan_spans_dropped_total",
            "Spans that a reporter has given up.",
            |of| of.dropped.total(),
        ),
    ];
    for (name, help, value) in families {
        head(out, name, "counter", help);
        for (reporter, counters) in reporters {
            sample(
                out,
                name,
                &format!("reporter=\"{}\"", escaped(reporter)),
                value(counters),
            );
        }
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("writing to memory does not fail");
}

fn sample(out: &mut String, name: &str, labels: &str, value: impl Display) {
    let written = match labels {
        "" => writeln!(out, "{name} {value}"),
        labels => writeln!(out, "{name}{{{labels}}} {value}"),
    };
    written.expect("writing to memory does not fail");
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
