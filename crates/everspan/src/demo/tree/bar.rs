//! Time as columns.

use super::ShownSpan;

/// From the first start to the last end of a trace.
pub(super) struct Scale {
    start_ns: u64,
    total_ns: u64,
}

impl Scale {
    /// `None` without spans.
    pub(super) fn of(spans: &[ShownSpan]) -> Option<Self> {
        let start_ns = spans.iter().map(|span| span.start_ns).min()?;
        let end_ns = spans.iter().map(|span| span.end_ns).max()?;
        Some(Self {
            start_ns,
            total_ns: end_ns.saturating_sub(start_ns).max(1),
        })
    }

    pub(super) fn total_ns(&self) -> u64 {
        self.total_ns
    }

    /// `width` characters with `full` from `start_ns` to `end_ns`; at least one, `slim` where it is less than half.
    pub(super) fn bar(&self, start_ns: u64, end_ns: u64, width: usize, (full, slim): (char, char)) -> String {
        let halves = |at_ns: u64| {
            let since = u128::from(at_ns.saturating_sub(self.start_ns).min(self.total_ns));
            usize::try_from(since * 2 * width as u128 / u128::from(self.total_ns)).unwrap_or(0)
        };
        let (from, to) = (halves(start_ns), halves(end_ns.max(start_ns)));
        let first = (from / 2).min(width.saturating_sub(1));
        let after = to.div_ceil(2).clamp(first + 1, width.max(1));
        let mark = if to - from < 1 { slim } else { full };
        let bar = std::iter::repeat_n(' ', first).chain(std::iter::repeat_n(mark, after - first));
        bar.collect()
    }
}
