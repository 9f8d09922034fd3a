//! What must always be true, checked while the world goes on. A violation panics with the sentence that was believed.

use std::collections::{BTreeMap, BTreeSet};

use everspan_durable::effect::StartAttempt;
use everspan_durable::invocation::AttemptCause;
use everspan_durable::record::Outcome;
use everspan_durable::target::HandlerKind;
use everspan_durable::view::EntryView;
use everspan_protocol::ids::InvocationId;
use everspan_trace::{Span, otlp};
use xxhash_rust::xxh3::xxh3_64;

/// The first request for an invocation in the log of its partition.
struct Arrival {
    seq: u64,
    /// It takes its place in the queue of its key later.
    delayed: bool,
}

/// The reference model.
#[derive(Default)]
pub(crate) struct Checker {
    accepted: BTreeSet<InvocationId>,
    outcomes: BTreeMap<InvocationId, Outcome>,
    spans: BTreeMap<([u8; 16], [u8; 8]), u64>,
    journals: BTreeMap<InvocationId, Vec<EntryView>>,
    arrivals: BTreeMap<InvocationId, Arrival>,
    last_begun: BTreeMap<String, u64>,
    attempts: BTreeMap<InvocationId, u32>,
}

impl Checker {
    /// The server goes on from a checkpoint alone: of what it said since, nothing holds. Requests came when they came.
    pub(crate) fn forget(&mut self) {
        *self = Self {
            arrivals: std::mem::take(&mut self.arrivals),
            ..Self::default()
        };
    }

    pub(crate) fn accepted(&mut self, id: InvocationId) {
        self.accepted.insert(id);
    }

    /// A result left the server.
    pub(crate) fn told(&mut self, id: InvocationId, outcome: &Outcome) {
        self.accepted.insert(id);
        let first = self.outcomes.entry(id).or_insert_with(|| outcome.clone());
        assert_eq!(first, outcome, "the outcome of {id} is told the same to everyone");
    }

    /// All that a client was promised an end of.
    pub(crate) fn promised(&self) -> impl Iterator<Item = (&InvocationId, Option<&Outcome>)> {
        self.accepted.iter().map(|id| (id, self.outcomes.get(id)))
    }

    pub(crate) fn ended(&self, id: &InvocationId) -> bool {
        self.outcomes.contains_key(id)
    }

    /// A span left the server.
    pub(crate) fn span(&mut self, span: &Span) {
        assert!(
            span.end_ns >= span.start_ns,
            "{} ends before it starts",
            span.name
        );
        let mut bytes = Vec::new();
        otlp::encode_span(span, &mut bytes);
        let hash = xxh3_64(&bytes);
        let id = (span.context.trace_id.0, span.context.span_id.0);
        let first = *self.spans.entry(id).or_insert(hash);
        assert_eq!(first, hash, "span {} is told the same each time", span.name);
    }

    /// The journal of an invocation, all of it synced.
    pub(crate) fn journal(&mut self, id: InvocationId, journal: Vec<EntryView>) {
        let before = self.journals.entry(id).or_default();
        assert!(
            journal.starts_with(before),
            "the journal of {id} only grows: {before:?} became {journal:?}"
        );
        *before = journal;
    }

    /// A request for an invocation stands in the log of its partition at `seq`.
    pub(crate) fn arrived(&mut self, id: InvocationId, seq: u64, delayed: bool) {
        self.arrivals.entry(id).or_insert(Arrival { seq, delayed });
    }

    /// These records were lost before anybody saw their effects.
    pub(crate) fn lost(&mut self, is_lost: impl Fn(&InvocationId, u64) -> bool) {
        self.arrivals.retain(|id, arrival| !is_lost(id, arrival.seq));
    }

    /// An attempt begins.
    pub(crate) fn begun(&mut self, start: &StartAttempt) {
        let last = self.attempts.insert(start.id, start.attempt).unwrap_or(0);
        assert!(
            start.attempt > last,
            "attempt {} of {} begins after attempt {last}",
            start.attempt,
            start.id
        );
        let ended = self.outcomes.contains_key(&start.id);
        assert!(
            !ended,
            "{} begins another attempt after its end was told",
            start.id
        );
        if start.kind == HandlerKind::Exclusive && start.cause == AttemptCause::First {
            self.first_come_first_served(start);
        }
    }

    fn first_come_first_served(&mut self, start: &StartAttempt) {
        let arrived = match self.arrivals.get(&start.id) {
            Some(arrival) if !arrival.delayed => arrival.seq,
            _ => return,
        };
        let key = start.target.key.clone().unwrap_or_default();
        let last = self.last_begun.insert(key, arrived).unwrap_or(0);
        assert!(
            arrived > last,
            "{} came with record {arrived} and begins behind record {last}",
            start.id
        );
    }
}
