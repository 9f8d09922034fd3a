//! Texts that the spans of one handler have in common, and those of one invocation, made once and shared.

use std::collections::BTreeMap;
use std::sync::Arc;

use everspan_protocol::ids::InvocationId;
use everspan_trace::KeyValue;
use everspan_trace::catalog::{self, SpanDef, attr};

use crate::target::Target;

/// Handlers remembered; when there are more, all are forgotten and remembered anew.
const HANDLERS_MAX: usize = 1024;
/// Attributes of most spans, at most.
const ATTRIBUTES_MAX: usize = 12;

/// What was made before, for the next span. It decides nothing: without it the spans are the same.
#[derive(Default)]
pub(in crate::machine) struct Labels {
    /// By service, then handler.
    handlers: BTreeMap<String, BTreeMap<String, Arc<HandlerLabels>>>,
    remembered: usize,
    /// Spans of one invocation come in twos: request and start, attempt and end.
    invocation: Option<(InvocationId, Arc<str>)>,
}

/// The texts of one handler.
struct HandlerLabels {
    names: Vec<(&'static str, Arc<str>)>,
    /// `None` if the targets have keys.
    target: Option<Arc<str>>,
    service: Arc<str>,
    method: Arc<str>,
}

/// The texts of one invocation.
pub(super) struct Common<'a> {
    id: Arc<str>,
    target: &'a Target,
    handler: Arc<HandlerLabels>,
}

impl Common<'_> {
    /// The name of a span of this kind.
    pub(super) fn name(&self, def: &SpanDef) -> Arc<str> {
        self.handler.name(def)
    }

    /// The attributes that all four kinds have, with room for more.
    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(ATTRIBUTES_MAX);
        attributes.push(attr::INVOCATION_ID.value(self.id.clone()));
        attributes.extend(self.handler.of_target(self.target));
        attributes
    }
}

impl Labels {
    pub(super) fn of<'a>(&mut self, id: &InvocationId, target: &'a Target) -> Common<'a> {
        Common {
            id: self.of_invocation(id),
            target,
            handler: self.of_handler(target),
        }
    }

    fn of_handler(&mut self, target: &Target) -> Arc<HandlerLabels> {
        let known = self
            .handlers
            .get(&target.service)
            .and_then(|handlers| handlers.get(&target.handler));
        match known {
            Some(labels) if labels.target.is_none() == target.key.is_some() => labels.clone(),
            _ => self.remember(target),
        }
    }

    fn remember(&mut self, target: &Target) -> Arc<HandlerLabels> {
        if self.remembered == HANDLERS_MAX {
            *self = Self::default();
        }
        let labels = Arc::new(HandlerLabels::new(target));
        let handlers = self.handlers.entry(target.service.clone()).or_default();
        handlers.insert(target.handler.clone(), labels.clone());
        self.remembered += 1;
        labels
    }

    fn of_invocation(&mut self, id: &InvocationId) -> Arc<str> {
        match &self.invocation {
            Some((known, text)) if known == id => text.clone(),
            _ => {
                let text: Arc<str> = id.to_string().into();
                self.invocation = Some((*id, text.clone()));
                text
            }
        }
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
        Self {
            names: kinds.map(|def| (def.prefix, def.name(&span_name).into())).into(),
            target: target.key.is_none().then(|| target.to_string().into()),
            service: target.service.as_str().into(),
            method: target.handler.as_str().into(),
        }
    }

    fn name(&self, def: &SpanDef) -> Arc<str> {
        let mut names = self.names.iter();
        let found = names.find(|(prefix, _)| *prefix == def.prefix);
        found
            .expect("there are four kinds of spans of invocations")
            .1
            .clone()
    }

    fn of_target(&self, target: &Target) -> [KeyValue; 3] {
        let text = self.target.clone().unwrap_or_else(|| target.to_string().into());
        [
            attr::INVOCATION_TARGET.value(text),
            attr::RPC_SERVICE.value(self.service.clone()),
            attr::RPC_METHOD.value(self.method.clone()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(service: &str, key: Option<&str>) -> Target {
        Target {
            service: service.to_owned(),
            key: key.map(str::to_owned),
            handler: "greet".to_owned(),
        }
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
                let (known, new) = (labels.of(id, target), Labels::default().of(id, target));
                assert_eq!(known.attributes(), new.attributes());
                assert_eq!(known.name(&catalog::END), new.name(&catalog::END));
                assert_eq!(*known.name(&catalog::END), catalog::END.name(&target.span_name()));
            }
        }
    }

    #[test]
    fn handlers_without_end_are_forgotten() {
        let mut labels = Labels::default();
        for number in 0..3 * HANDLERS_MAX {
            labels.of_handler(&target(&number.to_string(), None));
            assert!(labels.handlers.len() <= HANDLERS_MAX);
        }
    }
}
