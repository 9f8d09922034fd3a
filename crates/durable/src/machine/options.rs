//! What a machine is told once, beside its log.

use std::fmt;
use std::sync::Arc;

use everspan_trace::catalog::{self, SpanDef};

use crate::target::Target;

/// What a machine is told once. The same records give the same state under any of these but `spans`, which decides
/// which span callees see as their cause.
#[derive(Clone, Debug)]
pub struct Options {
    /// This partition.
    pub partition: u16,
    /// How many there are.
    pub partitions: u16,
    /// State larger than this many bytes is sent in part, the rest on demand.
    pub eager_state_max: usize,
    /// What becomes of spans.
    pub spans: SpanOptions,
}

/// Which spans are made.
#[derive(Clone, Debug)]
pub struct SpanOptions {
    /// Who takes them.
    pub takers: Takers,
    /// The most events of a span; beyond it the oldest plain command events go.
    pub events_max: usize,
    /// Which invocations are told although they are not sampled; `None`: none.
    pub keep: Option<Keep>,
    /// While the log is replayed, spans of the records behind this one are told again.
    pub told_to: u64,
}

impl SpanOptions {
    /// The most events of a span where nothing else is said: the limit of the OpenTelemetry SDKs.
    pub const EVENTS_MAX: usize = 128;

    /// Spans for these, and everything else as by default.
    pub fn new(takers: Takers) -> Self {
        Self {
            takers,
            events_max: Self::EVENTS_MAX,
            keep: None,
            told_to: u64::MAX,
        }
    }
}

/// Who takes spans: decided by the span's name alone, so that nothing is built for nobody.
#[derive(Clone, Default)]
pub enum Takers {
    /// Nobody.
    #[default]
    Nobody,
    /// Somebody takes every span.
    Everything,
    /// Somebody takes the spans of these names.
    Named(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl Takers {
    /// Whether anybody takes the spans of this kind and target.
    pub fn take(&self, def: &SpanDef, target: &Target) -> bool {
        match self {
            Self::Nobody => false,
            Self::Everything => true,
            Self::Named(takes) => takes(&def.name(&target.span_name())),
        }
    }

    /// Whether anybody takes a span with this name.
    pub fn take_named(&self, name: &str) -> bool {
        match self {
            Self::Nobody => false,
            Self::Everything => true,
            Self::Named(takes) => takes(name),
        }
    }

    /// Whether anybody takes any span of an invocation of this target.
    pub fn take_any(&self, target: &Target) -> bool {
        let kinds = [catalog::INGRESS, catalog::START, catalog::ATTEMPT, catalog::END];
        kinds.iter().any(|def| self.take(def, target))
    }

    pub(crate) fn are_any(&self) -> bool {
        !matches!(self, Self::Nobody)
    }
}

impl fmt::Debug for Takers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "Nobody",
            Self::Everything => "Everything",
            Self::Named(_) => "Named",
        })
    }
}

/// Which of the invocations that the sampler left out are told after all, decided at their end (`tracing-keep`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Those that failed.
    pub failed: bool,
    /// Those that took at least so many ms.
    pub slow_ms: Option<u64>,
}
