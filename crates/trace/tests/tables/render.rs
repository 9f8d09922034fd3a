//! Markdown of the catalog.

use everspan_trace::SpanKind;
use everspan_trace::catalog::attr::{ATTRIBUTES, AttributeDef};
use everspan_trace::catalog::event::EVENTS;
use everspan_trace::catalog::{INVOCATION_SCOPE, Place, SPANS, SpanDef};

pub(crate) fn spans(scope: &str) -> String {
    let mut out = "| span | kind | parent | from – to | status |\n|---|---|---|---|---|\n".to_owned();
    for def in SPANS.iter().filter(|def| def.scope == scope) {
        let target = if def.has_target { " <target>" } else { "" };
        let SpanDef {
            prefix,
            parent,
            time,
            status,
            ..
        } = def;
        out += &format!(
            "| `{prefix}{target}` | {} | {parent} | {time} | {status} |\n",
            kind(def.kind)
        );
    }
    out
}

pub(crate) fn attributes(scope: &str) -> String {
    let is_here = |place: &Place| match place {
        Place::Span(def) => def.scope == scope,
        Place::Resource => scope == INVOCATION_SCOPE,
        Place::Event(_) => false,
    };
    let on = |def: &AttributeDef| places(scope, def.on);
    attribute_table(is_here, on)
}

pub(crate) fn event_attributes(scope: &str) -> String {
    let is_here = |place: &Place| match place {
        Place::Event(name) => EVENTS
            .iter()
            .any(|def| def.name == *name && def.on[0].scope == scope),
        _ => false,
    };
    let on = |def: &AttributeDef| {
        let names = def.on.iter().filter_map(|place| match place {
            Place::Event(name) => Some(format!("`{}`", name.rsplit('.').next().unwrap_or(name))),
            _ => None,
        });
        names.collect::<Vec<_>>().join(", ")
    };
    attribute_table(is_here, on)
}

pub(crate) fn events(scope: &str) -> String {
    let mut out = "| event | on | meaning |\n|---|---|---|\n".to_owned();
    for def in EVENTS {
        let on: Vec<Place> = def
            .on
            .iter()
            .copied()
            .filter(|on| on.scope == scope)
            .map(Place::Span)
            .collect();
        if !on.is_empty() {
            out += &format!(
                "| `{}` | {} | {} |\n",
                def.name,
                places(scope, &on),
                def.description
            );
        }
    }
    out
}

/// Neighbours that differ in their key only (`max…` and `sum…`) share a row.
fn attribute_table(is_here: impl Fn(&Place) -> bool, on: impl Fn(&AttributeDef) -> String) -> String {
    let mut rows: Vec<(Vec<&str>, String)> = Vec::new();
    for def in ATTRIBUTES
        .iter()
        .copied()
        .flatten()
        .filter(|def| def.on.iter().any(&is_here))
    {
        let rest = format!("{} | {} | {}", def.value_type, on(def), def.description);
        match rows.last_mut().filter(|(_, last)| *last == rest) {
            Some((keys, _)) => keys.push(def.key),
            None => rows.push((vec![def.key], rest)),
        }
    }
    let mut out = "| key | type | on | meaning |\n|---|---|---|---|\n".to_owned();
    for (keys, rest) in rows {
        let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        out += &format!("| {} | {rest} |\n", keys.join(", "));
    }
    out
}

/// Where an attribute stands: `all` for every span of the scope. An invocation's spans go by their last word.
fn places(scope: &str, on: &[Place]) -> String {
    let is_on = |def: &SpanDef| {
        on.iter()
            .any(|place| matches!(place, Place::Span(on) if *on == def))
    };
    if SPANS.iter().filter(|def| def.scope == scope).all(is_on) {
        return "all".to_owned();
    }
    let names = on.iter().filter_map(|place| match place {
        Place::Span(def) if def.has_target => Some(def.prefix.trim_start_matches("invocation-").to_owned()),
        Place::Span(def) => Some(format!("`{}`", def.prefix)),
        Place::Resource => Some("resource".to_owned()),
        Place::Event(_) => None,
    });
    names.collect::<Vec<_>>().join(", ")
}

fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "INTERNAL",
        SpanKind::Server => "SERVER",
        SpanKind::Client => "CLIENT",
        SpanKind::Producer => "PRODUCER",
        SpanKind::Consumer => "CONSUMER",
    }
}
