//! One directive: what it is about, and whether that is exported.

use super::value::FieldValue;
use crate::{KeyValue, catalog};

/// `target[span{field=value}]=level`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Directive {
    /// The beginning of a scope; empty for every one.
    pub(super) target: String,
    pub(super) span: Option<String>,
    pub(super) fields: Vec<Field>,
    pub(super) level: Level,
}

/// An attribute that must be there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) key: String,
    pub(super) value: FieldValue,
}

/// What a level means for spans, which all have the level `info`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Level {
    /// `trace`, `debug`, `info`.
    #[default]
    Takes,
    /// `warn`, `error`, `off`.
    LeavesOut,
}

impl Directive {
    /// Whether it is about spans of this scope and name, as far as these tell.
    pub(super) fn names(&self, scope: &str, name: &str) -> bool {
        let is_called =
            |span: &str| span == name || catalog::kind_of(scope, name).is_some_and(|def| def.prefix == span);
        scope.starts_with(&self.target) && self.span.as_deref().is_none_or(is_called)
    }

    pub(super) fn has_fields(&self, attributes: &[KeyValue]) -> bool {
        self.fields
            .iter()
            .all(|field| super::has_field(field, attributes))
    }

    pub(super) fn needs_fields(&self) -> bool {
        !self.fields.is_empty()
    }

    pub(super) fn matches_all(&self) -> bool {
        self.target.is_empty() && self.span.is_none() && self.fields.is_empty()
    }

    pub(super) fn takes(&self) -> bool {
        self.level == Level::Takes
    }

    /// Greater is more specific.
    pub(super) fn specificity(&self) -> (usize, bool, usize) {
        (self.target.len(), self.span.is_some(), self.fields.len())
    }
}

impl Level {
    /// A name in any case, or the number that the log filter takes for it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let names = |level: &str| text.eq_ignore_ascii_case(level);
        if ["trace", "debug", "info", "5", "4", "3"].into_iter().any(names) {
            Some(Self::Takes)
        } else if ["warn", "error", "off", "2", "1", "0"].into_iter().any(names) {
            Some(Self::LeavesOut)
        } else {
            None
        }
    }
}
