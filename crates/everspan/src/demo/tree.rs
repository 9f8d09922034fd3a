//! A trace as a tree of lines: names, timing bars, outcomes, waits between attempts, events. A pure function.
//!
//! ```text
//! trace 56dd…, 5 spans, 168 ms
//! ingress Greeter/flaky                      78 µs  ▏
//! └─ invocation-start Greeter/flaky           0 ms  ▏
//!    ├─ invocation-attempt Greeter/flaky    5.5 ms  █                     #1 ✗ retryable_error
//!    │        +5.2 ms  run "send the mail"
//!    │          error  500 the mail server is busy
//!    ┊  waits for the retry                 152 ms   ···················
//!    ├─ invocation-attempt Greeter/flaky    7.7 ms                     ██  #2 retry ✓ completed
//!    │        +1.5 ms  run ended: success
//!    └─ invocation-end Greeter/flaky          0 ms                      ▏  ✓ success
//! ```

mod bar;
mod detail;
mod row;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bar::Scale;
use row::{Row, RowKind};

use super::span::ShownSpan;
use crate::run::screen::{Paint, duration};

const BAR_MIN: usize = 10;
const BAR_MAX: usize = 44;
/// Spans deeper than this are drawn at this depth.
const DEPTH_MAX: usize = 24;

/// Draws the spans of one trace, at most `width` columns wide where names allow it.
pub(crate) fn draw(spans: &[ShownSpan], width: usize, paint: Paint) -> String {
    let Some(scale) = Scale::of(spans) else {
        return "no spans\n".to_owned();
    };
    let rows = rows(spans);
    let columns = Columns::of(&rows, width);
    let mut text = title(spans, &scale, paint);
    for row in &rows {
        text.push_str(&row.line(&columns, &scale, paint));
    }
    text
}

/// Widths of the columns, in characters.
struct Columns {
    label: usize,
    bar: usize,
    width: usize,
}

impl Columns {
    fn of(rows: &[Row], width: usize) -> Self {
        let label = rows.iter().map(Row::label_width).max().unwrap_or(0);
        let note = rows.iter().map(Row::note_width).max().unwrap_or(0);
        let used = label + row::DURATION_WIDTH + note + 3 * row::GAP.len();
        Self {
            label,
            bar: width.saturating_sub(used).clamp(BAR_MIN, BAR_MAX),
            width,
        }
    }
}

fn title(spans: &[ShownSpan], scale: &Scale, paint: Paint) -> String {
    let first = spans.iter().min_by_key(|span| span.start_ns);
    let trace = first.map(ShownSpan::trace).unwrap_or_default();
    let count = spans.len();
    let facts = format!(
        "trace {trace}, {count} {}, {}",
        if count == 1 { "span" } else { "spans" },
        duration(scale.total_ns())
    );
    format!("{}\n", paint.dim(facts))
}

/// The rows in the order they are drawn.
fn rows(spans: &[ShownSpan]) -> Vec<Row<'_>> {
    let mut children: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    let known: BTreeMap<&[u8], usize> = spans
        .iter()
        .enumerate()
        .map(|(at, span)| (span.span_id.as_slice(), at))
        .collect();
    let mut roots = Vec::new();
    for (at, span) in spans.iter().enumerate() {
        let parent = known
            .get(span.parent_id.as_slice())
            .filter(|&&parent| parent != at);
        match parent {
            Some(_) => children.entry(&span.parent_id).or_default().push(at),
            None => roots.push(at),
        }
    }
    let mut forest = Forest {
        spans,
        children,
        drawn: vec![false; spans.len()],
        rows: Vec::new(),
    };
    forest.siblings(roots, "", true);
    // Parents in a circle are nobody's child: what they hold is drawn all the same.
    while let Some(left) = forest.drawn.iter().position(|drawn| !drawn) {
        forest.siblings(vec![left], "", true);
    }
    forest.rows
}

struct Forest<'a> {
    spans: &'a [ShownSpan],
    children: BTreeMap<&'a [u8], Vec<usize>>,
    drawn: Vec<bool>,
    rows: Vec<Row<'a>>,
}

/// What is drawn below a span, by time.
enum Below {
    Span(usize),
    Detail(detail::Detail),
    Wait(detail::Wait),
}

impl<'a> Forest<'a> {
    fn siblings(&mut self, spans: Vec<usize>, indent: &str, are_roots: bool) {
        let below = self.with_waits(spans);
        self.draw_below(below, indent, are_roots);
    }

    fn draw_below(&mut self, below: Vec<Below>, indent: &str, are_roots: bool) {
        let has_spans = below.iter().any(|item| matches!(item, Below::Span(_)));
        let last = below.len().saturating_sub(1);
        for (at, item) in below.into_iter().enumerate() {
            match item {
                Below::Span(span) => self.span(span, indent, at < last, are_roots),
                Below::Detail(detail) => {
                    let rail = match (has_spans, at < last) {
                        (false, _) => "   ",
                        (true, true) => "│  ",
                        (true, false) => "└  ",
                    };
                    self.rows
                        .push(Row::new(format!("{indent}{rail}"), RowKind::Detail(detail)));
                }
                Below::Wait(wait) => {
                    let rail = if are_roots { "" } else { "┊  " };
                    self.rows
                        .push(Row::new(format!("{indent}{rail}"), RowKind::Wait(wait)));
                }
            }
        }
    }

    fn span(&mut self, at: usize, indent: &str, more_follow: bool, is_root: bool) {
        if std::mem::replace(&mut self.drawn[at], true) {
            return;
        }
        let span = &self.spans[at];
        let (branch, rail) = match (is_root, more_follow) {
            (true, _) => ("", ""),
            (false, true) => ("├─ ", "│  "),
            (false, false) => ("└─ ", "   "),
        };
        self.rows
            .push(Row::new(format!("{indent}{branch}"), RowKind::Span(span)));
        let deeper = if indent.chars().count() < DEPTH_MAX * 3 {
            format!("{indent}{rail}")
        } else {
            indent.to_owned()
        };
        let children = self.children.remove(span.span_id.as_slice()).unwrap_or_default();
        let below = self.by_time(span, children);
        self.draw_below(below, &deeper, false);
    }

    /// Children and events of a span, by time; what it ended with at the end.
    fn by_time(&self, span: &ShownSpan, children: Vec<usize>) -> Vec<Below> {
        let mut timed: Vec<(u64, Below)> = detail::events(span)
            .into_iter()
            .map(|(time_ns, detail)| (time_ns, Below::Detail(detail)))
            .collect();
        let mut at_ns = 0;
        for item in self.with_waits(children) {
            if let Below::Span(child) = &item {
                at_ns = self.spans[*child].start_ns;
            }
            timed.push((at_ns, item));
        }
        timed.sort_by_key(|(time_ns, _)| *time_ns);
        let mut below: Vec<Below> = timed.into_iter().map(|(_, item)| item).collect();
        below.extend(detail::ending(span).map(Below::Detail));
        below
    }

    /// The spans by time, with the waits between attempts of one invocation.
    fn with_waits(&self, mut spans: Vec<usize>) -> Vec<Below> {
        spans.sort_by_key(|&at| (self.spans[at].start_ns, self.spans[at].end_ns));
        let mut below = Vec::new();
        let mut before: Option<&ShownSpan> = None;
        for at in spans {
            let span = &self.spans[at];
            if let Some(wait) = before.and_then(|before| detail::wait(before, span)) {
                below.push(Below::Wait(wait));
            }
            below.push(Below::Span(at));
            if detail::is_attempt(span) {
                before = Some(span);
            }
        }
        below
    }
}
