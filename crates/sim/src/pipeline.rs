//! The way of spans to a collector, as the world simulates it: a queue in memory, a spool and a position on disk, one
//! request under way at a time. The collector, outside, never dies.
//!
//! ```text
//!   push ─► memory ──────────┐
//!             │ secure       ├─► under way ─► collector has it ─► noted: the position moves on
//!             ▼              │
//!           spool ───────────┘          a crash keeps the spool and the position; a power cut takes the position
//!                                       back to where it was secured
//! ```

use std::collections::{BTreeMap, VecDeque};

use everspan_trace::{Span, otlp};
use xxhash_rust::xxh3::xxh3_64;

/// Trace id and span id.
pub(crate) type SpanKey = ([u8; 16], [u8; 8]);

/// What a turn of a worker hands over for a partition, as one piece: every span of its records up to this one that was
/// not handed over before.
#[derive(Clone, Debug)]
struct Push {
    spans: Vec<(SpanKey, u64)>,
    partition: u16,
    upto: u64,
}

/// The queue, and what its disk keeps.
#[derive(Default)]
pub(crate) struct Pipeline {
    /// Spans of a turn that is not over, by partition.
    turns: BTreeMap<u16, Vec<(SpanKey, u64)>>,
    memory: VecDeque<Push>,
    spool: VecDeque<Push>,
    /// What the collector has and nobody has noted: so many of the spool, else of the memory.
    under_way: Option<UnderWay>,
    position: BTreeMap<u16, u64>,
    secured: BTreeMap<u16, u64>,
    /// Sent since the position was secured.
    since: Vec<SpanKey>,
    collector: Collector,
}

#[derive(Clone, Copy)]
struct UnderWay {
    pushes: usize,
    of_spool: bool,
}

/// What has arrived.
#[derive(Default)]
pub(crate) struct Collector {
    /// How often each span came, its hash, and how often it may have come.
    spans: BTreeMap<SpanKey, (usize, u64, usize)>,
}

impl Pipeline {
    pub(crate) fn add(&mut self, partition: u16, span: &Span) {
        self.turns.entry(partition).or_default().push(fingerprint(span));
    }

    /// All spans of the partition's records up to this one were added.
    pub(crate) fn push(&mut self, partition: u16, upto: u64) {
        let spans = self.turns.remove(&partition).unwrap_or_default();
        self.memory.push_back(Push {
            spans,
            partition,
            upto,
        });
    }

    /// Up to which record no span of a partition is needed any more.
    pub(crate) fn position(&self, partition: u16) -> u64 {
        self.position.get(&partition).copied().unwrap_or(0)
    }

    pub(crate) fn can_send(&self) -> bool {
        self.under_way.is_none() && !(self.memory.is_empty() && self.spool.is_empty())
    }

    pub(crate) fn can_note(&self) -> bool {
        self.under_way.is_some()
    }

    /// The collector takes a batch, the oldest first.
    pub(crate) fn send(&mut self, pushes_max: usize) {
        let of_spool = !self.spool.is_empty();
        let queue = if of_spool { &self.spool } else { &self.memory };
        let pushes = pushes_max.min(queue.len());
        for &(key, hash) in queue.iter().take(pushes).flat_map(|push| &push.spans) {
            self.collector.take(key, hash);
            self.since.push(key);
        }
        self.under_way = Some(UnderWay { pushes, of_spool });
    }

    /// The answer is noted.
    pub(crate) fn note(&mut self) {
        let Some(UnderWay { pushes, of_spool }) = self.under_way.take() else {
            return;
        };
        let queue = if of_spool {
            &mut self.spool
        } else {
            &mut self.memory
        };
        for push in queue.drain(..pushes) {
            advance(&mut self.position, &push);
        }
    }

    /// Everything pushed is on disk, or sent and noted.
    pub(crate) fn secure(&mut self) {
        if self.under_way.is_some_and(|under_way| !under_way.of_spool) {
            self.note();
        }
        for push in self.memory.drain(..) {
            advance(&mut self.position, &push);
            self.spool.push_back(push);
        }
        self.secured.clone_from(&self.position);
        self.since.clear();
    }

    /// The process dies. What was sent and not noted may come once more; after a power cut, all that was sent since the
    /// position was secured.
    pub(crate) fn crash(&mut self, power_cut: bool) {
        let again: Vec<SpanKey> = if power_cut {
            self.position.clone_from(&self.secured);
            std::mem::take(&mut self.since)
        } else {
            self.sent_not_noted()
        };
        for key in again.into_iter().chain(self.sent_not_noted()) {
            self.collector.may_come_again(key);
        }
        self.under_way = None;
        self.memory.clear();
        self.turns.clear();
    }

    fn sent_not_noted(&self) -> Vec<SpanKey> {
        let Some(UnderWay { pushes, of_spool }) = self.under_way else {
            return Vec::new();
        };
        let queue = if of_spool { &self.spool } else { &self.memory };
        let spans = queue.iter().take(pushes).flat_map(|push| &push.spans);
        spans.map(|&(key, _)| key).collect()
    }

    /// Sends and notes all that waits.
    pub(crate) fn drain(&mut self) {
        while self.under_way.is_some() || self.can_send() {
            self.note();
            self.send(usize::MAX);
            self.note();
        }
    }

    pub(crate) fn collector(&self) -> &Collector {
        &self.collector
    }
}

fn advance(position: &mut BTreeMap<u16, u64>, push: &Push) {
    let position = position.entry(push.partition).or_default();
    *position = push.upto.max(*position);
}

impl Collector {
    fn take(&mut self, key: SpanKey, hash: u64) {
        let (count, first, may) = self.spans.entry(key).or_insert((0, hash, 1));
        assert_eq!(*first, hash, "span {key:?} arrives the same each time");
        *count += 1;
        assert!(
            *count <= *may,
            "span {key:?} arrives {count} times, {may} would be forgiven"
        );
    }

    fn may_come_again(&mut self, key: SpanKey) {
        if let Some((_, _, may)) = self.spans.get_mut(&key) {
            *may += 1;
        }
    }

    /// Every span of every durable record has arrived, and no other.
    pub(crate) fn check(&self, expected: &BTreeMap<SpanKey, (u64, String)>) {
        for (key, (hash, name)) in expected {
            let arrived = self.spans.get(key).map(|(_, hash, _)| hash);
            assert_eq!(
                arrived,
                Some(hash),
                "span {name} of a durable record arrives as it is"
            );
        }
        for key in self.spans.keys() {
            assert!(
                expected.contains_key(key),
                "span {key:?} belongs to a durable record"
            );
        }
    }
}

/// The ids of a span, and a hash of its bytes.
pub(crate) fn fingerprint(span: &Span) -> (SpanKey, u64) {
    let mut bytes = Vec::new();
    otlp::encode_span(span, &mut bytes);
    let key = (span.context.trace_id.0, span.context.span_id.0);
    (key, xxh3_64(&bytes))
}
