//! One line of the tree.

use super::bar::Scale;
use super::detail::{self, Detail, Tone, Wait};
use super::{Columns, ShownSpan};
use crate::run::screen::{Paint, cut, duration, one_line};

pub(super) const DURATION_WIDTH: usize = 8;
/// Characters of an error that are shown: rather a line too long than an error that cannot be read.
const ERROR_MAX: usize = 240;
/// Characters of other details that are shown, however narrow the terminal.
const DETAIL_MIN: usize = 20;
pub(super) const GAP: &str = "  ";

/// A line: the rails of the tree, then what stands there.
pub(super) struct Row<'a> {
    rails: String,
    kind: RowKind<'a>,
}

pub(super) enum RowKind<'a> {
    Span(&'a ShownSpan),
    Wait(Wait),
    Detail(Detail),
}

impl<'a> Row<'a> {
    pub(super) fn new(rails: String, kind: RowKind<'a>) -> Self {
        Self { rails, kind }
    }

    /// Characters of the first column; details run on beyond it.
    pub(super) fn label_width(&self) -> usize {
        match &self.kind {
            RowKind::Detail(_) => 0,
            RowKind::Span(span) => self.rails.chars().count() + one_line(&span.name).chars().count(),
            RowKind::Wait(wait) => self.rails.chars().count() + wait.why.chars().count(),
        }
    }

    pub(super) fn note_width(&self) -> usize {
        match &self.kind {
            RowKind::Span(span) => detail::note(span).0.chars().count(),
            _ => 0,
        }
    }

    pub(super) fn line(&self, columns: &Columns, scale: &Scale, paint: Paint) -> String {
        let rails = paint.dim(&self.rails);
        match &self.kind {
            RowKind::Detail(detail) => {
                let used = self.rails.chars().count() + GAP.len();
                let max = match detail.tone {
                    Tone::Bad => ERROR_MAX,
                    _ => columns.width.saturating_sub(used).max(DETAIL_MIN),
                };
                format!(
                    "{rails}{GAP}{}\n",
                    detail.tone.paint(paint, &cut(&detail.text, max))
                )
            }
            RowKind::Span(span) => {
                let (note, tone) = detail::note(span);
                let bar = scale.bar(span.start_ns, span.end_ns, columns.bar, ('█', '▏'));
                self.timed(
                    &rails,
                    columns,
                    [
                        &one_line(&span.name),
                        &duration(span.end_ns.saturating_sub(span.start_ns)),
                        &bar,
                        &note,
                    ],
                    |text, part| match part {
                        Part::Label => paint.bold(text),
                        Part::Duration => text.to_owned(),
                        Part::Bar if tone == Tone::Plain => paint.cyan(text),
                        Part::Bar | Part::Note => tone.paint(paint, text),
                    },
                )
            }
            RowKind::Wait(wait) => {
                let bar = scale.bar(wait.start_ns, wait.end_ns, columns.bar, ('·', '·'));
                let took = duration(wait.end_ns.saturating_sub(wait.start_ns));
                self.timed(&rails, columns, [&wait.why, &took, &bar, ""], |text, _| {
                    paint.dim(text)
                })
            }
        }
    }

    /// Aligns first, paints then: colors have no width.
    fn timed(
        &self,
        rails: &str,
        columns: &Columns,
        [label, took, bar, note]: [&str; 4],
        paint: impl Fn(&str, Part) -> String,
    ) -> String {
        let used = self.rails.chars().count() + label.chars().count();
        let pad = " ".repeat(columns.label.saturating_sub(used));
        let took = format!("{took:>DURATION_WIDTH$}");
        let start = format!(
            "{rails}{}{pad}{GAP}{}{GAP}",
            paint(label, Part::Label),
            paint(&took, Part::Duration),
        );
        if note.is_empty() {
            return format!("{start}{}\n", paint(bar, Part::Bar));
        }
        let after = " ".repeat(columns.bar.saturating_sub(bar.chars().count()));
        format!(
            "{start}{}{after}{GAP}{}\n",
            paint(bar, Part::Bar),
            paint(note, Part::Note)
        )
    }
}

#[derive(Clone, Copy)]
enum Part {
    Label,
    Duration,
    Bar,
    Note,
}
