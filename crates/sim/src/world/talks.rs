//! Conversations with services, and what goes wrong on their way.

use std::collections::VecDeque;

use bytes::Bytes;
use everspan_durable::attempt::{Action, Attempt, Callees, Settings as AttemptSettings};
use everspan_durable::effect::StartAttempt;
use everspan_durable::record::{Body, HandlerFacts, Pin};
use everspan_durable::target::HandlerKind;
use everspan_protocol::ids::{DeploymentId, InvocationId};

use super::{Event, Resolver, World};
use crate::program::{HANDLER, OBJECT, PLAIN};
use crate::sdk::Sdk;
use crate::settings::facts;

const CONTENT_TYPE: &str = "application/vnd.restate.invocation.v6";

/// The deployments: two services.
struct Deployments;

impl Callees for Deployments {
    fn find(&self, service: &str, handler: &str, _idempotent: bool) -> Option<HandlerFacts> {
        ([PLAIN, OBJECT].contains(&service) && handler == HANDLER).then(|| facts(service))
    }
}

/// A conversation, both its ends, and what is between them.
pub(super) struct Talk {
    pub(super) attempt: Attempt,
    number: u32,
    /// The key whose lock it holds.
    locks: Option<String>,
    sdk: Sdk,
    hangs: bool,
    to_service: VecDeque<Option<Bytes>>,
    from_service: VecDeque<Said>,
}

enum Said {
    Head,
    Bytes(Bytes),
    Eof,
    Broken,
}

impl Talk {
    pub(super) fn possible(&self, id: InvocationId, now_ms: u64, events: &mut Vec<Event>) {
        if !self.to_service.is_empty() && !self.hangs {
            events.push(Event::ToService(id));
        }
        if !self.from_service.is_empty() {
            events.push(Event::FromService(id));
        }
        if self.attempt.deadline_ms().is_some_and(|at_ms| at_ms <= now_ms) {
            events.push(Event::Tick(id));
        }
    }
}

impl World {
    pub(super) fn start(&mut self, start: &StartAttempt) {
        self.note(|| {
            format!(
                "attempt {} of {} begins: {:?}",
                start.attempt, start.id, start.cause
            )
        });
        self.checker.begun(start);
        assert!(
            !self.talks.contains_key(&start.id),
            "{} has one conversation at a time",
            start.id
        );
        let locks = (start.kind == HandlerKind::Exclusive).then(|| start.target.key.clone());
        let locks = locks.flatten();
        if let Some(key) = &locks {
            let other = self
                .talks
                .iter()
                .find(|(_, talk)| talk.locks.as_ref() == Some(key));
            assert!(
                other.is_none(),
                "{} begins on key {key} beside {:?}",
                start.id,
                other.map(|(id, _)| id)
            );
        }
        let settings = AttemptSettings {
            pin: Pin {
                deployment: DeploymentId::from_bytes([1; 16]),
                address: "sim".into(),
                protocol_version: 6,
                policy: self.settings.policy.clone(),
            },
            policy: self.settings.policy.clone(),
            inactivity_ms: self.settings.inactivity_ms,
            abort_ms: 3000,
            message_max: 1 << 20,
            bidirectional: self.settings.inactivity_ms > 0,
        };
        let (attempt, actions) = Attempt::begin(start, settings, self.outside.now_ms);
        let talk = Talk {
            attempt,
            number: start.attempt,
            locks,
            sdk: Sdk::new(),
            hangs: self.chance(self.settings.hanging_service),
            to_service: VecDeque::new(),
            from_service: VecDeque::from([Said::Head]),
        };
        self.talks.insert(start.id, talk);
        self.act(&start.id, actions);
    }

    pub(super) fn notify(&mut self, id: &InvocationId, attempt: u32, frame: Bytes) {
        let now_ms = self.outside.now_ms;
        if let Some(talk) = self.talks.get_mut(id)
            && talk.number == attempt
        {
            let actions = talk.attempt.notify(frame, now_ms);
            self.act(id, actions);
        }
    }

    pub(super) fn abort(&mut self, id: &InvocationId, attempt: u32) {
        if self.talks.get(id).is_some_and(|talk| talk.number == attempt) {
            self.talks.remove(id);
        }
    }

    pub(super) fn tick(&mut self, id: &InvocationId) {
        let now_ms = self.outside.now_ms;
        let Some(talk) = self.talks.get_mut(id) else {
            return;
        };
        let actions = talk.attempt.tick(now_ms);
        self.act(id, actions);
    }

    /// A piece of the request reaches the service, perhaps not whole.
    pub(super) fn ask_service(&mut self, id: &InvocationId) {
        let cut = self.rng.one_in(4).then(|| self.rng.next_u64());
        let Some(talk) = self.talks.get_mut(id) else {
            return;
        };
        let Some(mut piece) = talk.to_service.pop_front() else {
            return;
        };
        if let (Some(bytes), Some(cut)) = (&mut piece, cut) {
            let rest = bytes.split_off(position(cut, bytes.len()));
            talk.to_service.push_front(Some(rest));
        }
        let (bytes, is_over) = talk.sdk.input(piece, &mut self.outside);
        if !bytes.is_empty() {
            talk.from_service.push_back(Said::Bytes(bytes.into()));
        }
        if is_over {
            talk.from_service.push_back(Said::Eof);
        }
        self.look_for_awakeables();
    }

    fn look_for_awakeables(&mut self) {
        for id in std::mem::take(&mut self.outside.new_awakeables) {
            let at_ms = self.outside.now_ms + self.rng.below(3000) as u64;
            self.resolvers.push(Resolver {
                id,
                at_ms,
                sent: false,
            });
        }
    }

    /// A piece of the response reaches the server, perhaps not whole, perhaps as the last one.
    pub(super) fn hear_service(&mut self, id: &InvocationId) {
        let breaks = self.chance(self.settings.broken_stream);
        let cut = self.rng.one_in(4).then(|| self.rng.next_u64());
        let Some(talk) = self.talks.get_mut(id) else {
            return;
        };
        let Some(said) = talk.from_service.pop_front() else {
            return;
        };
        if breaks {
            return self.break_stream(id, said);
        }
        let said = match (said, cut) {
            (Said::Bytes(mut bytes), Some(cut)) => {
                let rest = bytes.split_off(position(cut, bytes.len()));
                talk.from_service.push_front(Said::Bytes(rest));
                Said::Bytes(bytes)
            }
            (said, _) => said,
        };
        self.hear(id, said);
    }

    fn hear(&mut self, id: &InvocationId, said: Said) {
        let now_ms = self.outside.now_ms;
        let Some(talk) = self.talks.get_mut(id) else {
            return;
        };
        let attempt = &mut talk.attempt;
        let actions = match said {
            Said::Head => attempt.response(200, Some(CONTENT_TYPE), CONTENT_TYPE, None, now_ms),
            Said::Bytes(bytes) => attempt.data(bytes, &Deployments, now_ms),
            Said::Eof => attempt.finished(),
            Said::Broken => attempt.broken("the stream broke"),
        };
        self.act(id, actions);
    }

    /// The service dies, answers with an error, sends garbage, or ends its stream too early.
    fn break_stream(&mut self, id: &InvocationId, said: Said) {
        let kind = self.rng.below(4);
        let cut = self.rng.next_u64();
        self.note(|| format!("the stream of {id} goes wrong: {kind}"));
        let now_ms = self.outside.now_ms;
        let Some(talk) = self.talks.get_mut(id) else {
            return;
        };
        let queued = std::mem::take(&mut talk.from_service);
        if matches!(said, Said::Head) {
            let retry_after_ms = (kind == 0).then_some(100);
            let (status, content_type) =
                [(503, None), (500, None), (200, Some("text/html")), (404, None)][kind];
            let actions = talk
                .attempt
                .response(status, content_type, CONTENT_TYPE, retry_after_ms, now_ms);
            return self.act(id, actions);
        }
        if kind == 3 {
            return self.garbage(id, said, queued);
        }
        if let Said::Bytes(mut bytes) = said {
            bytes.truncate(position(cut, bytes.len()));
            self.hear(id, Said::Bytes(bytes));
        }
        self.hear(id, if kind == 2 { Said::Eof } else { Said::Broken });
    }

    /// Garbage behind whole frames: within one it could be anything, a valid frame too.
    fn garbage(&mut self, id: &InvocationId, said: Said, queued: VecDeque<Said>) {
        for said in [said].into_iter().chain(queued) {
            if matches!(said, Said::Bytes(_)) {
                self.hear(id, said);
            }
        }
        self.hear(id, Said::Bytes(Bytes::from_static(&[0x7f; 24])));
    }

    fn act(&mut self, id: &InvocationId, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send(bytes) => self.say(id, Some(bytes)),
                Action::HalfClose => self.say(id, None),
                Action::Store(progress) => self.post(id, Body::Progress(progress)),
                Action::Reset => {}
            }
        }
        if self.talks.get(id).is_some_and(|talk| talk.attempt.is_over()) {
            self.talks.remove(id);
        }
    }

    fn say(&mut self, id: &InvocationId, piece: Option<Bytes>) {
        if let Some(talk) = self.talks.get_mut(id) {
            talk.to_service.push_back(piece);
        }
    }
}

/// Somewhere in a piece of this length.
fn position(drawn: u64, length: usize) -> usize {
    let position = drawn % (length as u64 + 1);
    usize::try_from(position).expect("it is below a usize")
}
