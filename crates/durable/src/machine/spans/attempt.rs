//! The span of an attempt.

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};
use everspan_trace::catalog::attr::outcome;
use everspan_trace::catalog::{self, attr, event};
use everspan_trace::{Event, KeyValue, Span, Status as SpanStatus};

use super::events::Events;
use super::text::{MESSAGE_MAX, STACKTRACE_MAX, cut, rfc3339};
use super::{events, invocation_span, link};
use crate::invocation::{AttemptCause, AttemptState, Invocation};
use crate::machine::Machine;
use crate::record::{AttemptError, Awaiting};

/// An attempt that has ended: with the journal, all that its span tells.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub(crate) struct EndedAttempt {
    pub(crate) attempt: AttemptState,
    pub(crate) ended_ns: u64,
    /// Entries in the journal when it ended.
    pub(crate) journal_len: u32,
    /// Whether a deployment had answered the invocation by then.
    pub(crate) pinned: bool,
    pub(crate) outcome: AttemptOutcome,
}

/// How an attempt ended, as its span tells it.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub(crate) enum AttemptOutcome {
    Completed,
    /// The handler answered a cancellation with its failure.
    Cancelled,
    Suspended {
        /// What for, in words.
        awaits: String,
    },
    /// It is tried again.
    Failed {
        error: AttemptError,
        next_at_ms: u64,
        failures: u32,
    },
    /// It failed as the last of its kind, and an operator decides.
    Paused {
        error: AttemptError,
        failures: u32,
    },
    /// It failed as the last of its kind, and the invocation with it.
    Exhausted {
        error: AttemptError,
    },
    /// The server stopped in order.
    Yielded,
    Killed,
    /// The server died.
    Crashed,
}

impl AttemptOutcome {
    fn name(&self) -> &'static str {
        match self {
            Self::Completed => outcome::COMPLETED,
            Self::Cancelled => outcome::CANCELLED,
            Self::Suspended { .. } => outcome::SUSPENDED,
            Self::Failed { .. } | Self::Exhausted { .. } => outcome::RETRYABLE_ERROR,
            Self::Paused { .. } => outcome::PAUSED,
            Self::Yielded => outcome::YIELDED,
            Self::Killed => outcome::KILLED,
            Self::Crashed => outcome::CRASHED,
        }
    }

    fn error(&self) -> Option<&AttemptError> {
        match self {
            Self::Failed { error, .. } | Self::Paused { error, .. } | Self::Exhausted { error } => {
                Some(error)
            }
            _ => None,
        }
    }

    /// The same with texts no longer than a span carries them.
    pub(super) fn cut(mut self) -> Self {
        if let Self::Failed { error, .. } | Self::Paused { error, .. } | Self::Exhausted { error } = &mut self
        {
            error.message = cut(&error.message, MESSAGE_MAX);
            error.stacktrace = cut(&error.stacktrace, STACKTRACE_MAX);
        }
        self
    }

    fn status(&self) -> SpanStatus {
        match self {
            Self::Completed | Self::Cancelled => SpanStatus::Ok,
            _ => self.error().map_or(SpanStatus::Unset, |error| {
                SpanStatus::Error(cut(&error.message, MESSAGE_MAX))
            }),
        }
    }

    /// The event that says so, where there is one.
    fn event(&self) -> Option<(&'static str, Vec<KeyValue>)> {
        match self {
            Self::Suspended { awaits } => {
                Some((event::SUSPENDED, vec![attr::AWAITING.value(awaits.clone())]))
            }
            Self::Yielded => Some((event::YIELDED, Vec::new())),
            _ => self.error().map(|error| (event::EXCEPTION, exception(error))),
        }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = vec![attr::ATTEMPT_OUTCOME.value(self.name())];
        if let Some(error) = self.error() {
            attributes.push(attr::ERROR_CODE.value(i64::from(error.code)));
        }
        if let Self::Failed { next_at_ms, .. } = self {
            let next_at = rfc3339(*next_at_ms);
            if !next_at.is_empty() {
                attributes.push(attr::RETRY_NEXT_AT.value(next_at));
            }
        }
        if let Self::Failed { failures, .. } | Self::Paused { failures, .. } = self {
            attributes.push(attr::RETRY_COUNT.value(i64::from(*failures)));
        }
        attributes
    }
}

fn exception(error: &AttemptError) -> Vec<KeyValue> {
    let mut attributes = vec![
        attr::EXCEPTION_TYPE.value(error.code.to_string()),
        attr::EXCEPTION_MESSAGE.value(cut(&error.message, MESSAGE_MAX)),
    ];
    if !error.stacktrace.is_empty() {
        attributes.push(attr::EXCEPTION_STACKTRACE.value(cut(&error.stacktrace, STACKTRACE_MAX)));
    }
    attributes
}

impl<B: Backend> Machine<B> {
    /// The span of an attempt that has ended.
    pub(super) fn attempt_span(
        &mut self,
        id: &InvocationId,
        invocation: &Invocation,
        ended: &EndedAttempt,
    ) -> Result<Span, StateError> {
        let AttemptState {
            number,
            cause,
            started_ns,
            ..
        } = ended.attempt;
        let common = self.labels.of(id, &invocation.target);
        let context = invocation.attempt_span(id, number);
        let parent = Some(invocation.start_span(id).span_id);
        let mut span = invocation_span(&catalog::ATTEMPT, &common, context, parent);
        (span.start_ns, span.end_ns) = (started_ns, ended.ended_ns);
        span.status = ended.outcome.status();
        span.attributes
            .push(attr::ATTEMPT_NUMBER.value(i64::from(number)));
        span.attributes.push(attr::ATTEMPT_CAUSE.value(cause.name()));
        span.attributes.extend(ended.outcome.attributes());
        if let Some(pin) = invocation.pin.as_ref().filter(|_| ended.pinned) {
            span.attributes.extend([
                attr::DEPLOYMENT_ID.value(pin.deployment.to_string()),
                attr::DEPLOYMENT_ADDRESS.value(pin.address.clone()),
                attr::SERVICE_PROTOCOL_VERSION.value(i64::from(pin.protocol_version)),
            ]);
        }
        span.events = Events::of_attempt(&self.tables, id, &ended.attempt, ended.journal_len)?;
        if let Some((name, attributes)) = ended.outcome.event() {
            span.events.push(Event {
                time_ns: ended.ended_ns,
                name: name.into(),
                attributes,
            });
        }
        drop_oldest_commands(&mut span, self.options.spans.events_max);
        if cause != AttemptCause::First {
            span.links.push(link(invocation.attempt_span(id, number - 1)));
        }
        Ok(span)
    }

    /// What the attempt under way, about to suspend, waits for; empty if nobody is told.
    pub(crate) fn awaits_in_words(
        &self,
        id: &InvocationId,
        invocation: &Invocation,
        awaiting: &Awaiting,
    ) -> Result<String, StateError> {
        if self.shows_attempt(invocation) {
            events::in_words(&self.tables, id, invocation, awaiting)
        } else {
            Ok(String::new())
        }
    }
}

/// Lifecycle events stay; of the plain commands the oldest go first (TRACES §1).
fn drop_oldest_commands(span: &mut Span, events_max: usize) {
    let mut surplus = span.events.len().saturating_sub(events_max);
    span.events.retain(|event| {
        let drop = surplus > 0 && !event::is_lifecycle(&event.name);
        surplus -= usize::from(drop);
        span.dropped_events_count += u32::from(drop);
        !drop
    });
}
