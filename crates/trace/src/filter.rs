//! Which spans a reporter gets, by scope and name: `filter.includes` and `filter.excludes`.
//!
//! ```
//! use everspan_trace::SpanFilter;
//!
//! let filter = SpanFilter::new(&["everspan.invocation:*", "my::*:Load,Store"], &["*:ingress"])?;
//! assert!(filter.takes("everspan.invocation", "invocation-attempt Greeter/greet"));
//! assert!(!filter.takes("everspan.invocation", "ingress Greeter/greet"));
//! assert!(filter.takes("my::Cache", "Load"));
//! assert!(!filter.takes("my::Cache", "Evict"));
//! # Ok::<(), everspan_trace::SpanFilterError>(())
//! ```

use std::fmt;

use crate::catalog;

mod wildcard;

use wildcard::Wildcard;

/// What a reporter takes: what some include matches and no exclude does. The default takes all.
///
/// A pattern is `<scope>[:<name>[,<name>]]`, as Flink's reporters have it; `*` stands for any text. A name is that of
/// the span, whole, or the kind of a catalogued span: `invocation-attempt` for `invocation-attempt Greeter/greet`.
/// The colons of a scope that is a Rust path (`my::Type`) are part of the scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanFilter {
    /// Empty: everything.
    includes: Vec<Pattern>,
    excludes: Vec<Pattern>,
}

/// A pattern that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanFilterError {
    pattern: String,
    why: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    scope: Wildcard,
    names: Vec<Wildcard>,
}

impl SpanFilter {
    /// A filter of patterns. No include at all includes everything.
    pub fn new(includes: &[impl AsRef<str>], excludes: &[impl AsRef<str>]) -> Result<Self, SpanFilterError> {
        Ok(Self {
            includes: patterns(includes)?,
            excludes: patterns(excludes)?,
        })
    }

    /// Whether a span of this scope and name goes to the reporter.
    pub fn takes(&self, scope: &str, name: &str) -> bool {
        let matches = |pattern: &Pattern| pattern.matches(scope, name);
        (self.includes.is_empty() || self.includes.iter().any(matches)) && !self.excludes.iter().any(matches)
    }

    /// Whether it lets everything through.
    pub fn takes_all(&self) -> bool {
        self.excludes.is_empty() && self.includes.iter().all(Pattern::matches_all)
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, SpanFilterError> {
        let error = |why| SpanFilterError {
            pattern: text.to_owned(),
            why,
        };
        let (scope, rest) = split_scope(text);
        let mut parts = rest.unwrap_or("*").splitn(2, ':');
        let names = parts.next().unwrap_or("*");
        // Flink's patterns go on with the types of metrics: its default is `*:*:*`.
        if parts.next().is_some_and(|types| types != "*") {
            return Err(error("a type is for metrics, a span has none"));
        }
        let names: Vec<&str> = names.split(',').map(str::trim).collect();
        if scope.is_empty() {
            return Err(error("the scope is missing, `*` stands for any"));
        }
        if names.contains(&"") {
            return Err(error("a name is missing, `*` stands for any"));
        }
        Ok(Self {
            scope: Wildcard::new(scope),
            names: names.into_iter().map(Wildcard::new).collect(),
        })
    }

    fn matches(&self, scope: &str, name: &str) -> bool {
        let kind = catalog::kind_of(scope, name).map(|def| def.prefix);
        let is_named =
            |pattern: &Wildcard| pattern.matches(name) || kind.is_some_and(|kind| pattern.matches(kind));
        self.scope.matches(scope) && self.names.iter().any(is_named)
    }

    fn matches_all(&self) -> bool {
        self.scope.matches_all() && self.names.iter().any(Wildcard::matches_all)
    }
}

/// Scope and rest, around the first colon that is not one of two.
fn split_scope(text: &str) -> (&str, Option<&str>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match &bytes[at..] {
            [b':', b':', ..] => at += 2,
            [b':', ..] => return (text[..at].trim(), Some(&text[at + 1..])),
            _ => at += 1,
        }
    }
    (text.trim(), None)
}

fn patterns(texts: &[impl AsRef<str>]) -> Result<Vec<Pattern>, SpanFilterError> {
    texts.iter().map(|text| Pattern::parse(text.as_ref())).collect()
}

impl fmt::Display for SpanFilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pattern, why } = self;
        write!(
            f,
            "filter pattern `{pattern}` is not <scope>[:<name>[,<name>]]: {why}"
        )
    }
}

impl std::error::Error for SpanFilterError {}

#[cfg(test)]
mod tests;
