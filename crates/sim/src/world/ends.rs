//! Every checkpoint that begins tells its end by one span, also when the process dies meanwhile.

use std::collections::BTreeSet;

use everspan_trace::{Span, SpanContext};

/// The checkpoints that have begun, by the traces that tell of them.
#[derive(Default)]
pub(super) struct Ends {
    owed: BTreeSet<[u8; 16]>,
    told: BTreeSet<[u8; 16]>,
}

impl Ends {
    pub(super) fn begun(&mut self, span: &SpanContext) {
        self.owed.insert(span.trace_id.0);
    }

    pub(super) fn told(&mut self, span: &Span) {
        let trace = span.context.trace_id.0;
        assert!(
            self.told.insert(trace),
            "a checkpoint tells its end once: {span:?}"
        );
        self.owed.remove(&trace);
    }

    /// The disk that knew what has begun is lost.
    pub(super) fn forget(&mut self) {
        self.owed.clear();
    }

    pub(super) fn all_told(&self) {
        assert!(
            self.owed.is_empty(),
            "every checkpoint that has begun tells its end: {:?}",
            self.owed
        );
    }
}
