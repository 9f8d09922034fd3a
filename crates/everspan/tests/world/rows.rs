//! The rows of the catalog for checkpoints and starts, beside what collectors have received.

#![allow(dead_code, reason = "each test file uses a part of this world")]

use std::collections::BTreeSet;

use everspan_trace::catalog::attr::ATTRIBUTES;
use everspan_trace::catalog::{CHECKPOINT_SCOPE, Place, SPANS};

use super::collector::{Collector, attributes};

/// The name of a span and the key of an attribute on it.
pub(crate) type Row = (String, String);

/// Every row of the catalog.
pub(crate) fn of_catalog() -> BTreeSet<Row> {
    let all = ATTRIBUTES.iter().copied().flatten();
    let rows = all.flat_map(|def| {
        let spans = def.on.iter().filter_map(|place| match place {
            Place::Span(span) if span.scope == CHECKPOINT_SCOPE => Some(span.prefix),
            _ => None,
        });
        spans
            .map(|span| (span.to_owned(), def.key.to_owned()))
            .collect::<Vec<_>>()
    });
    rows.collect()
}

/// Every row that stands on a span.
pub(crate) fn seen(collectors: &[&Collector]) -> BTreeSet<Row> {
    let spans = collectors.iter().flat_map(|collector| collector.of_runtime());
    let rows = spans.flat_map(|span| {
        let keys = attributes(&span).into_keys();
        let keys = keys.map(|key| match key.strip_prefix("failureLabel.") {
            Some(_) => "failureLabel.<label>".to_owned(),
            None => key,
        });
        keys.map(|key| (span.name.clone(), key)).collect::<Vec<_>>()
    });
    rows.collect()
}

/// Rows of the catalog that stand on no span, but those with a key that contains one of `not`.
pub(crate) fn missing(collectors: &[&Collector], not: &[&str]) -> Vec<Row> {
    let seen = seen(collectors);
    let is_wanted = |(_, key): &Row| !not.iter().any(|part| key.contains(part));
    let rows = of_catalog().into_iter().filter(is_wanted);
    rows.filter(|row| !seen.contains(row)).collect()
}

/// Rows on spans that the catalog does not have.
pub(crate) fn strangers(collectors: &[&Collector]) -> Vec<Row> {
    seen(collectors).difference(&of_catalog()).cloned().collect()
}

/// Spans of the catalog that nobody told.
pub(crate) fn untold(collectors: &[&Collector]) -> Vec<&'static str> {
    let spans = collectors.iter().flat_map(|collector| collector.of_runtime());
    let names: BTreeSet<String> = spans.map(|span| span.name).collect();
    let defs = SPANS.iter().filter(|def| def.scope == CHECKPOINT_SCOPE);
    defs.map(|def| def.prefix)
        .filter(|name| !names.contains(*name))
        .collect()
}
