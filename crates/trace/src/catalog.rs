//! The names of everything that is emitted: scopes, span names, attribute keys, event names.
//!
//! Names without the prefix `everspan.` are documented elsewhere (Restate, Flink, OpenTelemetry) and kept to the letter;
//! dashboards depend on them. One table per kind of name; nothing else in the code base spells a name out. The tables
//! say of every name what it means and where it stands ([`SPANS`], [`attr::ATTRIBUTES`], [`event::EVENTS`]), and those
//! of `docs/TRACING.md` are written from them.
//!
//! ```
//! use everspan_trace::catalog::{self, Place, attr};
//!
//! // What stands on the span of an attempt?
//! let on_attempt = |attribute: &&attr::AttributeDef| attribute.on.contains(&Place::Span(&catalog::ATTEMPT));
//! let keys: Vec<&str> = attr::ATTRIBUTES.iter().copied().flatten().filter(on_attempt).map(|def| def.key).collect();
//! assert!(keys.contains(&"everspan.attempt.number"));
//! ```

pub mod attr;
pub mod event;
mod spans;

pub use spans::{
    ALIGN, ASYNC, ATTEMPT, CHECKPOINT, CHECKPOINT_SCOPE, CHECKPOINT_SUBTASK, CHECKPOINT_TASK, COMPACT,
    DOWNLOAD, END, INGRESS, INVOCATION_SCOPE, JOB_FAILURE, JOB_INITIALIZATION, JOB_INITIALIZATION_SUBTASK,
    JOB_INITIALIZATION_TASK, READ_INPUT, READ_OUTPUT, RESTORE, SPANS, START, SYNC, UPLOAD,
};

use crate::SpanKind;

/// One kind of span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanDef {
    /// The instrumentation scope.
    pub scope: &'static str,
    /// The first word of the span's name; a target follows after a blank when there is one.
    pub prefix: &'static str,
    /// The role.
    pub kind: SpanKind,
    /// Whether a target follows.
    pub has_target: bool,
    /// Below which span it hangs, in words.
    pub parent: &'static str,
    /// From when to when it lasts, in words.
    pub time: &'static str,
    /// Which status it gets, in words.
    pub status: &'static str,
}

/// Where an attribute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On spans of this kind.
    Span(&'static SpanDef),
    /// On events of this name.
    Event(&'static str),
    /// On the resource.
    Resource,
}

impl SpanDef {
    /// The span's name: `<prefix> <target>`. The target is of low cardinality: `Counter/{key}/add`, with the literal
    /// text `{key}`.
    pub fn name(&self, target: &str) -> String {
        let mut name = String::with_capacity(self.prefix.len() + 1 + target.len());
        name.push_str(self.prefix);
        name.push(' ');
        name.push_str(target);
        name
    }
}

/// The kind of a span, when it is a catalogued one.
pub fn kind_of(scope: &str, name: &str) -> Option<&'static SpanDef> {
    let is_called = |def: &&SpanDef| {
        let target = name.strip_prefix(def.prefix);
        def.scope == scope
            && target.is_some_and(|rest| rest.is_empty() || def.has_target && rest.starts_with(' '))
    };
    SPANS.iter().find(is_called)
}

#[cfg(test)]
mod tests;
