//! A finished span: plain data, complete, ready to be encoded.

use std::borrow::Cow;

use crate::catalog::SpanDef;
use crate::{KeyValue, SpanContext, SpanId, Text};

/// The role of a span in a conversation between processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SpanKind {
    /// Work inside one process.
    #[default]
    Internal,
    /// The serving side of a synchronous request.
    Server,
    /// The asking side of a synchronous request.
    Client,
    /// The sending side of a hand-over through a queue.
    Producer,
    /// The taking side of a hand-over through a queue.
    Consumer,
}

/// How the work of a span went.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Status {
    /// Nothing is claimed.
    #[default]
    Unset,
    /// It succeeded.
    Ok,
    /// It failed, and why.
    Error(String),
}

/// Something that happened at one instant within a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When, in nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// What: one of the names in [`catalog::event`](crate::catalog::event), or a user's own.
    pub name: Text,
    /// Details.
    pub attributes: Vec<KeyValue>,
}

/// A pointer to a span that is related, but is not the parent.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The span pointed at.
    pub context: SpanContext,
    /// What the relation is.
    pub attributes: Vec<KeyValue>,
}

/// A finished span. `end_ns >= start_ns` is the maker's promise; nothing here checks a clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The instrumentation scope, such as `everspan.invocation`.
    pub scope: Cow<'static, str>,
    /// The name, of low cardinality.
    pub name: Text,
    /// The role.
    pub kind: SpanKind,
    /// The span's own ids, flags and trace state.
    pub context: SpanContext,
    /// The parent span in the same trace; `None` for a root.
    pub parent: Option<SpanId>,
    /// Whether the parent lives in another process (it came in with a `traceparent` header).
    pub parent_is_remote: bool,
    /// Start, in nanoseconds since the Unix epoch.
    pub start_ns: u64,
    /// End, in nanoseconds since the Unix epoch.
    pub end_ns: u64,
    /// Attributes, keys unique.
    pub attributes: Vec<KeyValue>,
    /// Events, in order of time.
    pub events: Vec<Event>,
    /// How many events were left out because the span was full.
    pub dropped_events_count: u32,
    /// Links to related spans.
    pub links: Vec<Link>,
    /// How it went.
    pub status: Status,
}

impl Span {
    /// A root span of a catalogued kind, without attributes, named `<prefix> <target>`.
    pub fn new(def: &SpanDef, target: &str, context: SpanContext, start_ns: u64, end_ns: u64) -> Self {
        Self::named(def, def.name(target), context, start_ns, end_ns)
    }

    /// A root span of a catalogued kind, without attributes, with a name that [`SpanDef::name`] made.
    pub fn named(
        def: &SpanDef,
        name: impl Into<Text>,
        context: SpanContext,
        start_ns: u64,
        end_ns: u64,
    ) -> Self {
        Self {
            scope: Cow::Borrowed(def.scope),
            name: name.into(),
            kind: def.kind,
            context,
            parent: None,
            parent_is_remote: false,
            start_ns,
            end_ns,
            attributes: Vec::new(),
            events: Vec::new(),
            dropped_events_count: 0,
            links: Vec::new(),
            status: Status::Unset,
        }
    }
}
