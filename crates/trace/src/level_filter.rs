//! Which spans are exported, in the syntax of the log filter: the key `tracing-filter`.
//!
//! ```
//! use everspan_trace::LevelFilter;
//!
//! let filter: LevelFilter = "info,everspan.invocation[ingress]=off".parse()?;
//! assert!(filter.may_take("everspan.invocation", "invocation-end Greeter/greet"));
//! assert!(!filter.may_take("everspan.invocation", "ingress Greeter/greet"));
//! # Ok::<(), everspan_trace::LevelFilterError>(())
//! ```

use std::str::FromStr;

use crate::{KeyValue, Span};

mod directive;
mod error;
mod parse;
mod value;

use directive::Directive;
pub use error::LevelFilterError;

/// Directives `target[span{field=value,…}]=level`, separated by commas; each part may be left out.
///
/// All spans have the level `info`: the levels `trace`, `debug` and `info` take a span, `warn`, `error` and `off` do
/// not, and no level means `trace`. The *target* is the beginning of a scope, the *span* the kind of a catalogued span
/// or a whole name, a *field* an attribute that must be there, with a value if one is given: a number, `true`, `false`,
/// or a regular expression for the whole text. A value, or a name, with one of `,[]{}"` in it stands in double quotes.
///
/// Of the directives that match a span the most specific one decides: the longest target, then one with a span, then
/// the one with most fields, then the last. A span that no directive matches is left out.
/// (The syntax is that of `tracing_subscriber::EnvFilter`. There a directive with a span or fields can only let more
/// through; here it decides like any other, so that `info,[ingress]=off` does what it says.)
#[derive(Clone, Debug, PartialEq)]
pub struct LevelFilter {
    /// The most specific first.
    directives: Vec<Directive>,
}

impl LevelFilter {
    /// Whether the span is exported.
    pub fn takes(&self, span: &Span) -> bool {
        self.decide(&span.scope, &span.name, |directive| {
            directive.has_fields(&span.attributes)
        })
    }

    /// Whether a span of this scope and name is exported, with one set of attributes or another. What is not need not
    /// be built.
    pub fn may_take(&self, scope: &str, name: &str) -> bool {
        let matching = || {
            self.directives
                .iter()
                .filter(|directive| directive.names(scope, name))
        };
        // Attributes can only choose among what stands before the first directive that needs none.
        let up_to_the_sure_one = matching().take_while(|directive| directive.needs_fields());
        let sure = matching().find(|directive| !directive.needs_fields());
        up_to_the_sure_one.chain(sure).any(Directive::takes)
    }

    /// Whether a span of this scope and name is exported, if its attributes have no say in it.
    pub fn takes_by_name(&self, scope: &str, name: &str) -> Option<bool> {
        let first = self
            .directives
            .iter()
            .find(|directive| directive.names(scope, name));
        match first {
            Some(directive) if directive.needs_fields() && self.may_take(scope, name) => None,
            Some(directive) => Some(directive.takes() && !directive.needs_fields()),
            None => Some(false),
        }
    }

    /// Whether every span is exported, whatever it is.
    pub fn takes_all(&self) -> bool {
        let default = self.directives.iter().find(|directive| directive.matches_all());
        default.is_some_and(Directive::takes) && self.directives.iter().all(Directive::takes)
    }

    fn decide(&self, scope: &str, name: &str, has_fields: impl Fn(&Directive) -> bool) -> bool {
        let decides = |directive: &&Directive| directive.names(scope, name) && has_fields(directive);
        self.directives.iter().find(decides).is_some_and(Directive::takes)
    }
}

impl Default for LevelFilter {
    /// `info`: every span.
    fn default() -> Self {
        Self {
            directives: vec![Directive::default()],
        }
    }
}

impl FromStr for LevelFilter {
    type Err = LevelFilterError;

    fn from_str(text: &str) -> Result<Self, LevelFilterError> {
        let mut directives = parse::directives(text)?;
        // Later ones first, so that the stable sort leaves the last of equals in front.
        directives.reverse();
        directives.sort_by_key(|directive| std::cmp::Reverse(directive.specificity()));
        Ok(Self { directives })
    }
}

/// Whether `attributes` has what one field of a directive asks for.
fn has_field(field: &directive::Field, attributes: &[KeyValue]) -> bool {
    attributes
        .iter()
        .any(|attribute| attribute.key == field.key.as_str() && field.value.matches(&attribute.value))
}

#[cfg(test)]
mod tests;
