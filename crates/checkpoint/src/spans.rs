//! The spans of checkpoints and starts (Flink's "Traces", §System traces, and what Flink 2 added to it).
//!
//! A tree is told as a whole when its root has ended: root first, then tasks, subtasks, phases.

mod checkpoint;
mod failure;
mod initialization;
mod phases;

use everspan_trace::catalog::SpanDef;
use everspan_trace::{Link, Span, SpanContext, SpanId};

pub(crate) use checkpoint::of_checkpoint;
pub use failure::job_failure;
pub(crate) use initialization::of_initialization;

const NS_PER_MS: u64 = 1_000_000;

/// A span from `start_ns` to `end_ns`, never ending before its start.
fn span(def: &SpanDef, context: SpanContext, parent: Option<SpanId>, start_ns: u64, end_ns: u64) -> Span {
    let mut span = Span::new(def, "", context, start_ns, end_ns.max(start_ns));
    span.name = def.prefix.into();
    span.parent = parent;
    span
}

fn link(context: SpanContext) -> Link {
    Link {
        context,
        attributes: Vec::new(),
    }
}

/// An attribute's integer; what does not fit is the largest there is.
fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A list as Flink writes it into one attribute: `[4, 0, 55]`.
fn list(figures: impl Iterator<Item = i64>) -> String {
    let figures: Vec<String> = figures.map(|figure| figure.to_string()).collect();
    format!("[{}]", figures.join(", "))
}

/// Labels of the spans below a root, unique in its trace.
mod label {
    use crate::SubtaskId;

    const SUBTASKS: u64 = 1 << 32;
    const PHASES_MAX: u64 = 16;

    pub(super) fn task(task: u32) -> u64 {
        u64::from(task) + 1
    }

    pub(super) fn subtask(of: SubtaskId) -> u64 {
        // Tasks and subtasks have at most 24 bits each, so that phases have room.
        (SUBTASKS + (u64::from(of.task) << 24) + u64::from(of.index)) * PHASES_MAX
    }

    pub(super) fn phase(of: SubtaskId, phase: u64) -> u64 {
        assert!(phase + 1 < PHASES_MAX, "a subtask has few phases");
        subtask(of) + phase + 1
    }
}
