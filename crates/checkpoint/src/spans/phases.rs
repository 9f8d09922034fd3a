//! The phases of a subtask, one span each.

use std::time::Duration;

use everspan_trace::catalog::SpanDef;
use everspan_trace::{Span, SpanContext};

use super::{label, span};
use crate::SubtaskId;
use crate::job::below;
use crate::time::{Now, wall_ns_after};

/// A phase: when it began and ended, counted from the start of the whole.
pub(super) struct Phase {
    pub(super) def: &'static SpanDef,
    pub(super) began: Duration,
    pub(super) took: Duration,
}

/// Spans of the phases that took any time, below the span of their subtask.
pub(super) fn spans<'a>(
    root: &'a SpanContext,
    subtask: SubtaskId,
    start: Now,
    phases: &'a [Phase],
) -> impl Iterator<Item = Span> + 'a {
    let parent = below(root, label::subtask(subtask)).span_id;
    (0..).zip(phases).filter_map(move |(number, phase)| {
        if phase.took.is_zero() {
            return None;
        }
        let context = below(root, label::phase(subtask, number));
        let start_ns = wall_ns_after(start, phase.began);
        let end_ns = wall_ns_after(start, phase.began + phase.took);
        Some(span(phase.def, context, Some(parent), start_ns, end_ns))
    })
}
