//! The world's conversations with services, and what it does with effects.

use bytes::Bytes;
use everspan_durable::attempt::{Action, Attempt, Settings};
use everspan_durable::effect::{Effect, StartAttempt};
use everspan_durable::record::Body;
use everspan_protocol::frame::Decoder;
use everspan_protocol::ids::InvocationId;
use everspan_protocol::message::Start;
use everspan_trace::Span;

use super::{CONTENT_TYPE, Code, Conversation, Service, World, pin};
use crate::core::CoreSdk;
use crate::sdk::{Said, Sdk};
use crate::stop::Stop;

impl World {
    pub(super) fn carry_out(&mut self, partition: usize, effect: Effect) {
        match effect {
            Effect::StartAttempt(start) => self.start(&start),
            Effect::Notify { id, attempt, frame } => {
                let now_ms = self.now_ms;
                if let Some(talk) = self.talks.get_mut(&id)
                    && talk.number == attempt
                {
                    let actions = talk.attempt.notify(frame, now_ms);
                    self.act(&id, actions);
                }
            }
            Effect::AbortAttempt { id, attempt } => {
                if self.talks.get(&id).is_some_and(|talk| talk.number == attempt) {
                    self.talks.remove(&id);
                }
            }
            Effect::Accepted { id, known, .. } => self.accepted.push((id, known)),
            Effect::Completed { id, outcome, .. } => self.outcomes.entry(id).or_default().push(outcome),
            Effect::Send { to, seq, message } => {
                let from = u16::try_from(partition).expect("few partitions");
                let delivered = Body::Delivered { from, seq, message };
                self.queue.push_back((usize::from(to), delivered));
                self.queue
                    .push_back((partition, Body::Acknowledged { by: to, seq }));
            }
            Effect::Spans(spans) => spans.decode().for_each(|span| self.span(span)),
        }
    }

    fn span(&mut self, span: Span) {
        let is_same = |other: &&Span| {
            (other.context.trace_id, other.context.span_id) == (span.context.trace_id, span.context.span_id)
        };
        let same = self.spans.iter().find(is_same);
        if let Some(same) = same {
            assert_eq!(same, &span, "a span id stands for one span");
        } else {
            self.spans.push(span);
        }
    }

    fn start(&mut self, start: &StartAttempt) {
        self.note_start(start);
        let target = (start.target.service.clone(), start.target.handler.clone());
        let nobody = Code::Scripted(|_| Err(Stop::Break));
        let found = self.services.handlers.get(&target);
        let service = match found.map_or(nobody, |(_, code)| *code) {
            Code::Scripted(handler) => Service::Scripted(Box::new(Sdk::new(handler))),
            Code::Official(handler) => Service::Official(Box::new(CoreSdk::new(handler))),
        };
        let settings = Settings {
            pin: pin(),
            policy: self.policy.clone(),
            inactivity_ms: self.inactivity_ms,
            abort_ms: 60_000,
            message_max: 1 << 20,
            bidirectional: self.inactivity_ms > 0,
        };
        let (mut attempt, actions) = Attempt::begin(start, settings, self.now_ms);
        let head = attempt.response(200, Some(CONTENT_TYPE), CONTENT_TYPE, None, self.now_ms);
        assert!(head.is_empty());
        let talk = Conversation {
            number: start.attempt,
            attempt,
            service,
        };
        self.talks.insert(start.id, talk);
        self.act(&start.id, actions);
    }

    fn note_start(&mut self, start: &StartAttempt) {
        let mut decoder = Decoder::new(1 << 24);
        decoder.push(start.replay.clone());
        let head = decoder.next().expect("frames").expect("a Start");
        let message: Start = head.message().expect("a Start");
        let mut entries = Vec::new();
        while let Some(frame) = decoder.next().expect("frames") {
            entries.push(frame.ty);
        }
        assert_eq!(message.known_entries as usize, entries.len());
        self.handed.entry(start.id).or_default().push(start.span.clone());
        let starts = self.starts.entry(start.id).or_default();
        starts.push((start.attempt, message, entries));
    }

    /// The service says this, whatever its handler does.
    pub(crate) fn say(&mut self, id: &InvocationId, bytes: Vec<u8>) {
        let now_ms = self.now_ms;
        let talk = self.talks.get_mut(id).expect("a conversation");
        let actions = talk.attempt.data(bytes.into(), &self.services, now_ms);
        self.act(id, actions);
        self.settle();
    }

    pub(super) fn act(&mut self, id: &InvocationId, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send(bytes) => self.tell(id, Some(bytes)),
                Action::HalfClose => self.tell(id, None),
                Action::Store(progress) => {
                    let partition = self.partition_of(id);
                    self.queue.push_back((partition, Body::Progress(progress)));
                }
                Action::Reset => {}
            }
        }
        if self.talks.get(id).is_some_and(|talk| talk.attempt.is_over()) {
            self.talks.remove(id);
        }
    }

    fn tell(&mut self, id: &InvocationId, piece: Option<Bytes>) {
        let now_ms = self.now_ms;
        let Some(talk) = self.talks.get_mut(id) else {
            return;
        };
        let said = match &mut talk.service {
            Service::Scripted(sdk) => sdk.input(piece, now_ms, &mut self.side_effects),
            Service::Official(sdk) => sdk.input(piece, now_ms),
        };
        for said in said {
            let Some(talk) = self.talks.get_mut(id) else {
                return;
            };
            let actions = match said {
                Said::Bytes(bytes) => talk.attempt.data(bytes.into(), &self.services, now_ms),
                Said::Eof => talk.attempt.finished(),
                Said::Broken => talk.attempt.broken("the stream broke"),
            };
            self.act(id, actions);
        }
    }
}
