//! What the spans of one handler have in common, and those of one invocation: encoded once and copied.

use std::collections::BTreeMap;
use std::fmt::Write;

use everspan_protocol::ids::{DeploymentId, InvocationId};
use everspan_trace::catalog::{self, SpanDef, attr};
use everspan_trace::otlp::{AttributeEncoder, EncodedSpans, SpanEncoder, encode_name};
use everspan_trace::{SpanContext, SpanId};

use crate::record::Pin;
use crate::target::Target;

/// Handlers remembered; when there are more, all are forgotten and remembered anew.
const HANDLERS_MAX: usize = 1024;

/// What was encoded before, for the next span. It decides nothing: without it the spans are the same.
#[derive(Default)]
pub(super) struct Labels {
    handlers: Vec<HandlerLabels>,
    /// By service, then handler: the place in `handlers`.
    places: BTreeMap<String, BTreeMap<String, usize>>,
    /// Spans of one invocation come in twos: request and start, attempt and end.
    invocation: Option<InvocationId>,
    id_text: String,
    id_attribute: Vec<u8>,
    deployment: Option<(DeploymentId, String, u32)>,
    deployment_attributes: Vec<u8>,
}

/// What the spans of a handler have in common.
struct HandlerLabels {
    /// Name and kind, by the kind's prefix.
    names: [(&'static str, Vec<u8>); 4],
    is_keyed: bool,
    /// Target, unless it has a key, service, and method.
    attributes: Vec<u8>,
}

/// Where a span stands in its trace, and in time.
pub(super) struct Frame {
    pub(super) context: SpanContext,
    pub(super) parent: Option<SpanId>,
    pub(super) parent_is_remote: bool,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
}

impl Labels {
    /// Begins a span of this invocation, up to the attributes that all four kinds have.
    pub(super) fn begin<'a>(
        &mut self,
        (id, target): (&InvocationId, &Target),
        def: &SpanDef,
        frame: &Frame,
        spans: &'a mut EncodedSpans,
    ) -> SpanEncoder<'a> {
        self.note_invocation(id);
        let place = self.place_of(target);
        let handler = &self.handlers[place];
        let mut span = spans.begin(&frame.context, frame.parent, frame.parent_is_remote);
        span.copy(handler.name(def));
        span.times(frame.start_ns, frame.end_ns);
        span.copy(&self.id_attribute);
        if target.key.is_some() {
            span.attributes()
                .text(&attr::INVOCATION_TARGET, &target.to_string());
        }
        span.copy(&handler.attributes);
        span
    }

    /// The attributes that say where an attempt ran.
    pub(super) fn of_deployment(&mut self, pin: &Pin) -> &[u8] {
        let is_known = |(id, address, version): &(DeploymentId, String, u32)| {
            *id == pin.deployment && *address == pin.address && *version == pin.protocol_version
        };
        if !self.deployment.as_ref().is_some_and(is_known) {
            self.deployment_attributes.clear();
            let mut attributes = AttributeEncoder::of_span(&mut self.deployment_attributes);
            attributes.text(&attr::DEPLOYMENT_ID, &pin.deployment.to_string());
            attributes.text(&attr::DEPLOYMENT_ADDRESS, &pin.address);
            attributes.int(&attr::SERVICE_PROTOCOL_VERSION, pin.protocol_version);
            self.deployment = Some((pin.deployment, pin.address.clone(), pin.protocol_version));
        }
        &self.deployment_attributes
    }

    fn note_invocation(&mut self, id: &InvocationId) {
        if self.known_text(id).is_none() {
            self.id_text.clear();
            write!(self.id_text, "{id}").expect("a string takes everything");
            self.id_attribute.clear();
            AttributeEncoder::of_span(&mut self.id_attribute).text(&attr::INVOCATION_ID, &self.id_text);
            self.invocation = Some(*id);
        }
    }

    /// The id as text, if it is the one of the newest span.
    pub(super) fn known_text(&self, id: &InvocationId) -> Option<&str> {
        (self.invocation.as_ref() == Some(id)).then_some(self.id_text.as_str())
    }

    fn place_of(&mut self, target: &Target) -> usize {
        let handlers = self.places.get(&target.service);
        let known = handlers.and_then(|handlers| handlers.get(&target.handler));
        match known {
            Some(&place) if self.handlers[place].is_keyed == target.key.is_some() => place,
            _ => self.remember(target),
        }
    }

    fn remember(&mut self, target: &Target) -> usize {
        if self.handlers.len() == HANDLERS_MAX {
            self.handlers.clear();
            self.places.clear();
        }
        let place = self.handlers.len();
        self.handlers.push(HandlerLabels::new(target));
        let handlers = self.places.entry(target.service.clone()).or_default();
        handlers.insert(target.handler.clone(), place);
        place
    }
}

impl HandlerLabels {
    fn new(target: &Target) -> Self {
        let span_name = target.span_name();
        let kinds = [
            &catalog::INGRESS,
            &catalog::START,
            &catalog::ATTEMPT,
            &catalog::END,
        ];
        let name = |def: &SpanDef| {
            let mut name = Vec::new();
            encode_name(&def.name(&span_name), def.kind, &mut name);
            (def.prefix, name)
        };
        let mut encoded = Vec::new();
        let mut attributes = AttributeEncoder::of_span(&mut encoded);
        if target.key.is_none() {
            attributes.text(&attr::INVOCATION_TARGET, &target.to_string());
        }
        put_handler(target, &mut attributes);
        Self {
            names: kinds.map(name),
            is_keyed: target.key.is_some(),
            attributes: encoded,
        }
    }

    fn name(&self, def: &SpanDef) -> &[u8] {
        let mut names = self.names.iter();
        let found = names.find(|(prefix, _)| *prefix == def.prefix);
        &found.expect("there are four kinds of spans of invocations").1
    }
}

/// What stands behind the target.
pub(super) fn put_handler(target: &Target, attributes: &mut AttributeEncoder<'_>) {
    attributes.text(&attr::RPC_SERVICE, &target.service);
    attributes.text(&attr::RPC_METHOD, &target.handler);
}

#[cfg(test)]
mod tests {
    use everspan_trace::catalog::INVOCATION_SCOPE;
    use everspan_trace::{Span, derive_span_id, derive_trace_id};

    use super::*;

    fn target(service: &str, key: Option<&str>) -> Target {
        Target {
            service: service.to_owned(),
            key: key.map(str::to_owned),
            handler: "greet".to_owned(),
        }
    }

    fn span(labels: &mut Labels, of: (&InvocationId, &Target)) -> Span {
        let frame = Frame {
            context: SpanContext::sampled(derive_trace_id(b"1"), derive_span_id(b"1", 0)),
            parent: None,
            parent_is_remote: false,
            start_ns: 1,
            end_ns: 2,
        };
        let mut spans = EncodedSpans::new(INVOCATION_SCOPE);
        labels.begin(of, &catalog::END, &frame, &mut spans).finish();
        spans.decode().next().expect("one was encoded")
    }

    #[test]
    fn what_is_remembered_says_the_same_as_what_is_new() {
        let ids = [1, 2].map(|number| InvocationId::from_parts(7, [number; 16]));
        let targets = [
            target("A", None),
            target("A", Some("k")),
            target("A", None),
            target("B", Some("x")),
        ];
        let mut labels = Labels::default();
        for target in &targets {
            for id in &ids {
                let known = span(&mut labels, (id, target));
                assert_eq!(known, span(&mut Labels::default(), (id, target)));
                assert_eq!(known.name, catalog::END.name(&target.span_name()));
                let expected = [
                    attr::INVOCATION_ID.value(id.to_string()),
                    attr::INVOCATION_TARGET.value(target.to_string()),
                    attr::RPC_SERVICE.value(target.service.clone()),
                    attr::RPC_METHOD.value("greet"),
                ];
                assert_eq!(known.attributes, expected);
            }
        }
    }

    #[test]
    fn each_deployment_is_told_as_it_is() {
        let pin = |id: u8, address: &str, protocol_version| Pin {
            deployment: DeploymentId::from_bytes([id; 16]),
            address: address.to_owned(),
            protocol_version,
            policy: crate::policy::RetryPolicy::default(),
        };
        let mut labels = Labels::default();
        for pin in [pin(1, "a", 5), pin(1, "a", 6), pin(1, "b", 6), pin(2, "b", 6)] {
            let known = labels.of_deployment(&pin).to_vec();
            assert_eq!(known, labels.of_deployment(&pin));
            assert_eq!(known, Labels::default().of_deployment(&pin));
        }
    }

    #[test]
    fn handlers_without_end_are_forgotten() {
        let mut labels = Labels::default();
        for number in 0..3 * HANDLERS_MAX {
            let target = target(&number.to_string(), None);
            let place = labels.place_of(&target);
            assert_eq!(place, labels.place_of(&target));
            assert!(labels.handlers.len() <= HANDLERS_MAX && labels.places.len() <= HANDLERS_MAX);
        }
    }
}
