//! Spans of user code, as far as their makers say; what they leave out is filled in when they are added.

use std::borrow::Cow;

use crate::{Environment, Event, KeyValue, Link, Span, SpanContext, SpanKind, Status, Text, Value};

/// A span, and the spans below it, before they have ids. Made by [`Span::builder`], taken by
/// [`MetricGroup::add_span`](crate::MetricGroup::add_span).
///
/// Start and end are optional, apart and together: the start defaults to now, the end to the start.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a builder does nothing until it is added to a group"]
pub struct SpanBuilder {
    scope: Cow<'static, str>,
    name: Text,
    kind: SpanKind,
    context: Option<SpanContext>,
    parent: Option<SpanContext>,
    start_ns: Option<u64>,
    end_ns: Option<u64>,
    attributes: Vec<KeyValue>,
    events: Vec<Event>,
    links: Vec<Link>,
    status: Status,
    children: Vec<SpanBuilder>,
}

impl Span {
    /// Begins a span of user code. The scope is where it comes from, a type or module by its path; the name is what
    /// happened.
    ///
    /// ```
    /// # use everspan_trace::Span;
    /// let span = Span::builder("my::Cache", "Load").attribute("entries", 17).attribute("warm", true);
    /// let span = Span::builder(std::any::type_name::<Vec<u8>>(), "Grow");
    /// ```
    pub fn builder(scope: impl Into<Cow<'static, str>>, name: impl Into<Text>) -> SpanBuilder {
        SpanBuilder {
            scope: scope.into(),
            name: name.into(),
            kind: SpanKind::Internal,
            context: None,
            parent: None,
            start_ns: None,
            end_ns: None,
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            status: Status::Unset,
            children: Vec::new(),
        }
    }
}

impl SpanBuilder {
    /// The start, in milliseconds since the Unix epoch. Without it the span starts when it is added.
    pub fn start_ts_millis(self, millis: u64) -> Self {
        self.start_ns(millis.saturating_mul(NS_PER_MS))
    }

    /// The end, in milliseconds since the Unix epoch. Without it the span ends when it starts; an end before the start
    /// is taken for the start.
    pub fn end_ts_millis(self, millis: u64) -> Self {
        self.end_ns(millis.saturating_mul(NS_PER_MS))
    }

    /// As [`start_ts_millis`](Self::start_ts_millis), in nanoseconds.
    pub fn start_ns(mut self, ns: u64) -> Self {
        self.start_ns = Some(ns);
        self
    }

    /// As [`end_ts_millis`](Self::end_ts_millis), in nanoseconds.
    pub fn end_ns(mut self, ns: u64) -> Self {
        self.end_ns = Some(ns);
        self
    }

    /// An attribute: text, a whole number, a floating-point number, or true or false. A key that is there already gets
    /// the new value.
    pub fn attribute(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        put(&mut self.attributes, KeyValue::new(key, value));
        self
    }

    /// Several attributes, such as those of [`catalog::attr`](crate::catalog::attr).
    pub fn attributes(mut self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        for attribute in attributes {
            put(&mut self.attributes, attribute);
        }
        self
    }

    /// A span below this one, in the same trace.
    ///
    /// ```
    /// # use everspan_trace::Span;
    /// let span = Span::builder("my::Import", "Import")
    ///     .child(Span::builder("my::Import", "Read"))
    ///     .child(Span::builder("my::Import", "Write").attribute("rows", 17));
    /// ```
    pub fn child(mut self, child: SpanBuilder) -> Self {
        self.children.push(child);
        self
    }

    /// The role; without it the span is internal.
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// How it went; without it nothing is claimed.
    pub fn status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// Something that happened meanwhile, at a time in nanoseconds since the Unix epoch.
    pub fn event(
        mut self,
        time_ns: u64,
        name: impl Into<Text>,
        attributes: impl IntoIterator<Item = KeyValue>,
    ) -> Self {
        self.events.push(Event {
            time_ns,
            name: name.into(),
            attributes: attributes.into_iter().collect(),
        });
        self
    }

    /// A pointer to a span that is related, but is not the parent.
    pub fn link(mut self, context: SpanContext, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        self.links.push(Link {
            context,
            attributes: attributes.into_iter().collect(),
        });
        self
    }

    /// The span's own ids, when they are derived from something; without it they are new ones. Below a parent only the
    /// span id counts.
    pub fn context(mut self, context: SpanContext) -> Self {
        self.context = Some(context);
        self
    }

    /// The span above, which may be one of another process: the span joins its trace, also in not being sampled.
    pub fn parent(mut self, parent: SpanContext) -> Self {
        self.parent = Some(parent);
        self
    }

    pub(crate) fn scope(&self) -> &str {
        &self.scope
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The context of the span above, when there is one.
    pub(crate) fn above(&self) -> Option<&SpanContext> {
        self.parent.as_ref()
    }

    /// The context that the span gets.
    pub(crate) fn identity(&mut self, environment: &dyn Environment) -> SpanContext {
        match (&self.parent, self.context.take()) {
            (Some(parent), Some(own)) => parent.with_span_id(own.span_id),
            (Some(parent), None) => parent.with_span_id(environment.new_span_id()),
            (None, Some(own)) => own,
            (None, None) => SpanContext::sampled(environment.new_trace_id(), environment.new_span_id()),
        }
    }

    /// The span, and the builders of its children, which have it as their parent. `variables` are attached as far as
    /// the span has no attributes of those keys.
    pub(crate) fn finish(
        self,
        context: SpanContext,
        now_ns: u64,
        variables: &[KeyValue],
    ) -> (Span, Vec<SpanBuilder>) {
        let start_ns = self.start_ns.unwrap_or(now_ns);
        let mut attributes = self.attributes;
        for variable in variables {
            if !attributes.iter().any(|own| own.key == variable.key) {
                attributes.push(variable.clone());
            }
        }
        let mut children = self.children;
        for child in &mut children {
            child.parent = Some(context.clone());
        }
        let span = Span {
            scope: self.scope,
            name: self.name,
            kind: self.kind,
            parent: self.parent.as_ref().map(|parent| parent.span_id),
            parent_is_remote: false,
            context,
            start_ns,
            end_ns: self.end_ns.unwrap_or(start_ns).max(start_ns),
            attributes,
            events: self.events,
            dropped_events_count: 0,
            links: self.links,
            status: self.status,
        };
        (span, children)
    }
}

const NS_PER_MS: u64 = 1_000_000;

/// Adds an attribute, or gives the one of its key the new value.
fn put(attributes: &mut Vec<KeyValue>, attribute: KeyValue) {
    match attributes.iter_mut().find(|own| own.key == attribute.key) {
        Some(own) => own.value = attribute.value,
        None => attributes.push(attribute),
    }
}
