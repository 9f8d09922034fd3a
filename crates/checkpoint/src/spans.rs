//! The spans of checkpoints and starts (Flink's "Traces", §System traces, and what Flink 2 added to it).
//!
//! A tree is told as a whole when its root has ended: root first, then tasks, subtasks, phases.

mod checkpoint;
mod failure;
mod initialization;
mod phases;

use everspan_trace::{KeyValue, Link, Span, SpanContext, SpanId, SpanKind, Status};

pub(crate) use checkpoint::of_checkpoint;
pub use failure::job_failure;
pub(crate) use initialization::of_initialization;

/// The scope of all spans here, as the document names it.
const SCOPE: &str = "org.apache.flink.runtime.checkpoint.CheckpointStatsTracker";

const NS_PER_MS: u64 = 1_000_000;

/// A span of this crate from `start_ns` to `end_ns`, never ending before its start.
fn span(
    name: &'static str,
    context: SpanContext,
    parent: Option<SpanId>,
    start_ns: u64,
    end_ns: u64,
) -> Span {
    Span {
        scope: SCOPE.into(),
        name: name.into(),
        kind: SpanKind::Internal,
        context,
        parent,
        parent_is_remote: false,
        start_ns,
        end_ns: end_ns.max(start_ns),
        attributes: Vec::new(),
        events: Vec::new(),
        dropped_events_count: 0,
        links: Vec::new(),
        status: Status::Unset,
    }
}

fn link(context: SpanContext) -> Link {
    Link {
        context,
        attributes: Vec::new(),
    }
}

/// An integer attribute; what does not fit is the largest there is.
fn int(key: impl Into<std::borrow::Cow<'static, str>>, value: u64) -> KeyValue {
    KeyValue::new(key, i64::try_from(value).unwrap_or(i64::MAX))
}

fn text(key: &'static str, value: impl Into<String>) -> KeyValue {
    KeyValue::new(key, value.into())
}

/// The largest and the sum of a figure over subtasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Aggregate {
    max: u64,
    sum: u64,
}

/// `None` when no subtask has the figure: then its keys are absent.
fn aggregate(figures: impl Iterator<Item = u64>) -> Option<Aggregate> {
    figures.fold(None, |so_far: Option<Aggregate>, figure| {
        let (max, sum) = so_far.map_or((0, 0), |so_far| (so_far.max, so_far.sum));
        Some(Aggregate {
            max: max.max(figure),
            sum: sum.saturating_add(figure),
        })
    })
}

/// `max<name>` and `sum<name>`.
fn push_aggregate(attributes: &mut Vec<KeyValue>, name: &str, aggregate: Option<Aggregate>) {
    if let Some(aggregate) = aggregate {
        attributes.push(int(format!("max{name}"), aggregate.max));
        attributes.push(int(format!("sum{name}"), aggregate.sum));
    }
}

/// A list as Flink writes it into one attribute: `[4, 0, 55]`.
fn list(figures: impl Iterator<Item = u64>) -> String {
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
