//! The spans of an invocation, made from what its state and journal say, at the moment they end (TRACES §1).

use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};
use everspan_trace::catalog::attr::{outcome, result};
use everspan_trace::catalog::{self, attr, event};
use everspan_trace::{Event, KeyValue, Link, Span, SpanContext, SpanId, Status as SpanStatus};

use super::Machine;
use crate::effect::Effect;
use crate::invocation::{AttemptCause, Invocation, TimeSpent};
use crate::record::{AttemptError, Awaiting, IngressRequest, Outcome, Source, Submission};
use crate::target::Target;

mod events;

use events::Events;

/// The most events of a span; beyond it the oldest plain command events go.
const EVENTS_MAX: usize = 128;

/// How an attempt ended, as its span tells it.
pub(super) enum AttemptOutcome<'a> {
    Completed,
    Suspended(&'a Awaiting),
    Failed {
        error: &'a AttemptError,
        next_at_ms: u64,
    },
    Paused {
        error: &'a AttemptError,
    },
    Exhausted {
        error: &'a AttemptError,
    },
    Killed,
    Crashed,
}

impl AttemptOutcome<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Completed => outcome::COMPLETED,
            Self::Suspended(_) => outcome::SUSPENDED,
            Self::Failed { .. } | Self::Exhausted { .. } => outcome::RETRYABLE_ERROR,
            Self::Paused { .. } => outcome::PAUSED,
            Self::Killed => outcome::KILLED,
            Self::Crashed => outcome::CRASHED,
        }
    }

    fn error(&self) -> Option<&AttemptError> {
        match self {
            Self::Failed { error, .. } | Self::Paused { error } | Self::Exhausted { error } => Some(error),
            _ => None,
        }
    }

    fn status(&self) -> SpanStatus {
        match self {
            Self::Completed => SpanStatus::Ok,
            _ => self.error().map_or(SpanStatus::Unset, |error| {
                SpanStatus::Error(error.message.clone())
            }),
        }
    }
}

impl<B: Backend> Machine<B> {
    fn is_traced(&self, flags_of: &SpanContext) -> bool {
        self.options.spans && !self.replaying && flags_of.is_sampled()
    }

    /// The request that made, or met, an invocation; it ends when this record is applied. `known` is the start span
    /// of an invocation that was there before.
    pub(super) fn ingress_span(&mut self, submission: &Submission, known: Option<SpanContext>) {
        let Source::Ingress(request) = &submission.source else {
            return;
        };
        let context = &submission.trace.cause;
        if !self.is_traced(context) {
            return;
        }
        let name = submission.target.span_name();
        let mut span = Span::new(
            &catalog::INGRESS,
            &name,
            context.clone(),
            request.received_ns,
            self.now_ns,
        );
        span.parent = request.parent;
        span.parent_is_remote = request.parent.is_some();
        span.attributes = common(&submission.id, &submission.target);
        span.attributes.extend(of_request(request));
        if let Some(first) = known {
            span.attributes.push(attr::IDEMPOTENCY_REPLAYED.value(true));
            span.links.push(Link {
                context: first,
                attributes: Vec::new(),
            });
        }
        self.span(span);
    }

    /// From the submission to the first attempt, or to an end without one.
    pub(super) fn start_span(&mut self, id: &InvocationId, invocation: &Invocation) {
        let origin = &invocation.trace;
        if !self.is_traced(&origin.cause) {
            return;
        }
        let context = invocation.start_span(id);
        let parent = origin.joins.then_some(origin.cause.span_id);
        let mut span = self.invocation_span(&catalog::START, id, invocation, context, parent);
        span.start_ns = invocation.created_ns;
        if !origin.joins {
            span.links.push(Link {
                context: origin.cause.clone(),
                attributes: Vec::new(),
            });
        }
        self.span(span);
    }

    /// The attempt that just ended.
    pub(super) fn attempt_span(
        &mut self,
        id: &InvocationId,
        invocation: &Invocation,
        ended: &AttemptOutcome<'_>,
    ) -> Result<(), StateError> {
        if !self.is_traced(&invocation.trace.cause) {
            return Ok(());
        }
        let number = invocation.attempt.number;
        let context = invocation.attempt_span(id, number);
        let parent = Some(invocation.start_span(id).span_id);
        let mut span = self.invocation_span(&catalog::ATTEMPT, id, invocation, context, parent);
        span.start_ns = invocation.attempt.started_ns;
        span.status = ended.status();
        span.attributes
            .push(attr::ATTEMPT_NUMBER.value(i64::from(number)));
        span.attributes
            .push(attr::ATTEMPT_CAUSE.value(invocation.attempt.cause.name()));
        span.attributes.push(attr::ATTEMPT_OUTCOME.value(ended.name()));
        if let Some(pin) = &invocation.pin {
            span.attributes
                .push(attr::DEPLOYMENT_ID.value(pin.deployment.to_string()));
            span.attributes
                .push(attr::DEPLOYMENT_ADDRESS.value(pin.address.clone()));
            span.attributes
                .push(attr::SERVICE_PROTOCOL_VERSION.value(i64::from(pin.protocol_version)));
        }
        span.events = Events::of_attempt(&self.tables, id, invocation)?;
        self.end_event(&mut span, id, invocation, ended)?;
        drop_oldest_commands(&mut span);
        if invocation.attempt.cause != AttemptCause::First {
            let before = invocation.attempt_span(id, number - 1);
            span.links.push(Link {
                context: before,
                attributes: Vec::new(),
            });
        }
        self.span(span);
        Ok(())
    }

    /// The end of the invocation.
    pub(super) fn end_span(&mut self, id: &InvocationId, invocation: &Invocation, ended: &Outcome) {
        if !self.is_traced(&invocation.trace.cause) {
            return;
        }
        let parent = Some(invocation.start_span(id).span_id);
        let context = invocation.end_span(id);
        let mut span = self.invocation_span(&catalog::END, id, invocation, context, parent);
        span.attributes
            .extend(durations(&invocation.time_spent(self.now_ns)));
        match ended {
            Outcome::Success(_) => {
                span.attributes
                    .push(attr::INVOCATION_RESULT.value(result::SUCCESS));
                span.status = SpanStatus::Ok;
            }
            Outcome::Failure(failure) => {
                span.attributes
                    .push(attr::INVOCATION_RESULT.value(result::FAILURE));
                span.attributes
                    .push(attr::INVOCATION_ERROR_CODE.value(i64::from(failure.code)));
                span.attributes
                    .push(attr::ERROR_MESSAGE.value(failure.message.clone()));
                span.status = SpanStatus::Error(failure.message.clone());
            }
        }
        self.span(span);
    }

    /// A wall clock that went back before a restart must not end a span before its start.
    fn span(&mut self, mut span: Span) {
        span.end_ns = span.end_ns.max(span.start_ns);
        self.emit(Effect::Span(Box::new(span)));
    }

    fn invocation_span(
        &self,
        def: &catalog::SpanDef,
        id: &InvocationId,
        invocation: &Invocation,
        context: SpanContext,
        parent: Option<SpanId>,
    ) -> Span {
        let mut span = Span::new(
            def,
            &invocation.target.span_name(),
            context,
            self.now_ns,
            self.now_ns,
        );
        span.parent = parent;
        span.attributes = common(id, &invocation.target);
        span
    }

    fn end_event(
        &self,
        span: &mut Span,
        id: &InvocationId,
        invocation: &Invocation,
        ended: &AttemptOutcome<'_>,
    ) -> Result<(), StateError> {
        if let AttemptOutcome::Suspended(awaiting) = ended {
            let words = events::in_words(&self.tables, id, invocation, awaiting)?;
            span.events
                .push(self.event_now(event::SUSPENDED, vec![attr::AWAITING.value(words)]));
        }
        if let Some(error) = ended.error() {
            span.attributes
                .push(attr::ERROR_CODE.value(i64::from(error.code)));
            let mut attributes = vec![
                attr::EXCEPTION_TYPE.value(error.code.to_string()),
                attr::EXCEPTION_MESSAGE.value(error.message.clone()),
            ];
            if !error.stacktrace.is_empty() {
                attributes.push(attr::EXCEPTION_STACKTRACE.value(error.stacktrace.clone()));
            }
            span.events.push(self.event_now(event::EXCEPTION, attributes));
        }
        if let AttemptOutcome::Failed { next_at_ms, .. } = ended {
            span.attributes
                .push(attr::RETRY_NEXT_AT.value(rfc3339(*next_at_ms)));
            span.attributes
                .push(attr::RETRY_COUNT.value(i64::from(invocation.failures)));
        }
        Ok(())
    }

    fn event_now(&self, name: &'static str, attributes: Vec<KeyValue>) -> Event {
        Event {
            time_ns: self.now_ns,
            name: name.into(),
            attributes,
        }
    }
}

fn common(id: &InvocationId, target: &Target) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(12);
    attributes.push(attr::INVOCATION_ID.value(id.to_string()));
    attributes.push(attr::INVOCATION_TARGET.value(target.to_string()));
    attributes.push(attr::RPC_SERVICE.value(target.service.clone()));
    attributes.push(attr::RPC_METHOD.value(target.handler.clone()));
    attributes
}

/// Where the whole time went.
fn durations(time: &TimeSpent) -> [KeyValue; 5] {
    let ms = |ns: u64| ns as f64 / 1_000_000.0;
    let whole_ns = time.queued_ns + time.running_ns + time.suspended_ns + time.backoff_ns;
    [
        attr::INVOCATION_DURATION_MS.value(ms(whole_ns)),
        attr::INVOCATION_QUEUED_MS.value(ms(time.queued_ns)),
        attr::INVOCATION_RUNNING_MS.value(ms(time.running_ns)),
        attr::INVOCATION_SUSPENDED_MS.value(ms(time.suspended_ns)),
        attr::INVOCATION_BACKOFF_MS.value(ms(time.backoff_ns)),
    ]
}

fn of_request(request: &IngressRequest) -> Vec<KeyValue> {
    let mut attributes = vec![
        attr::HTTP_REQUEST_METHOD.value(request.method.clone()),
        attr::URL_PATH.value(request.path.clone()),
    ];
    if let Some((address, port)) = &request.client {
        attributes.push(attr::CLIENT_ADDRESS.value(address.clone()));
        attributes.push(attr::CLIENT_PORT.value(i64::from(*port)));
    }
    attributes
}

/// Lifecycle events stay; of the plain commands the oldest go first (TRACES §1).
fn drop_oldest_commands(span: &mut Span) {
    let mut surplus = span.events.len().saturating_sub(EVENTS_MAX);
    span.events.retain(|event| {
        let drop = surplus > 0 && !event::is_lifecycle(&event.name);
        surplus -= usize::from(drop);
        span.dropped_events_count += u32::from(drop);
        !drop
    });
}

fn rfc3339(at_ms: u64) -> String {
    let at = i64::try_from(at_ms)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map(|timestamp| timestamp.to_string()).unwrap_or_default()
}
