//! The names of everything that is emitted: scopes, span names, attribute keys, event names.
//!
//! Names without the prefix `everspan.` are documented elsewhere (Restate, OpenTelemetry) and kept to the letter;
//! dashboards depend on them. One table per kind of name; nothing else in the code base spells a name out.

pub mod attr;
pub mod event;

use crate::SpanKind;

/// The scope of the spans of an invocation.
pub const INVOCATION_SCOPE: &str = "everspan.invocation";

/// One kind of span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanDef {
    /// The instrumentation scope.
    pub scope: &'static str,
    /// The first word of the span's name; the target follows after a blank.
    pub prefix: &'static str,
    /// The role.
    pub kind: SpanKind,
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
        def.scope == scope
            && name
                .strip_prefix(def.prefix)
                .is_some_and(|rest| rest.starts_with(' '))
    };
    SPANS.iter().find(is_called)
}

macro_rules! spans {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal, $kind:ident, $scope:ident;)*) => {
        $($(#[$doc])* pub const $name: SpanDef =
            SpanDef { scope: $scope, prefix: $prefix, kind: SpanKind::$kind };)*
        /// Every kind of span.
        pub const SPANS: &[SpanDef] = &[$($name),*];
    };
}

spans! {
    /// A request at the ingress, from its headers until it is durably accepted or refused.
    INGRESS = "ingress", Server, INVOCATION_SCOPE;
    /// From the creation of an invocation until it is handed to its first attempt: the parent of the spans below.
    START = "invocation-start", Consumer, INVOCATION_SCOPE;
    /// One attempt, from its begin until it ends for any reason.
    ATTEMPT = "invocation-attempt", Client, INVOCATION_SCOPE;
    /// The completion.
    END = "invocation-end", Internal, INVOCATION_SCOPE;
}

#[cfg(test)]
mod tests;
