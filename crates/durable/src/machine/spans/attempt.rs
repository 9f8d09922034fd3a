//! The span of an attempt.

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};
use everspan_trace::catalog::attr::outcome;
use everspan_trace::catalog::{self, attr, event};
use everspan_trace::otlp::{AttributeEncoder, SpanEncoder};

use super::Teller;
use super::event_list::EventList;
use super::events::{self, Events};
use super::labels::Frame;
use super::text::{MESSAGE_MAX, STACKTRACE_MAX, cut, rfc3339};
use crate::invocation::{AttemptCause, AttemptState, Invocation};
use crate::machine::Machine;
use crate::record::{AttemptError, Awaiting};
use crate::tables::Tables;

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
            error.message = cut(&error.message, MESSAGE_MAX).into_owned();
            error.stacktrace = cut(&error.stacktrace, STACKTRACE_MAX).into_owned();
        }
        self
    }

    fn put_status(&self, span: &mut SpanEncoder<'_>) {
        match self {
            Self::Completed | Self::Cancelled => span.ok(),
            _ => {
                if let Some(error) = self.error() {
                    span.error(&cut(&error.message, MESSAGE_MAX));
                }
            }
        }
    }

    /// Adds the event that says so, where there is one.
    fn put_event(&self, ended_ns: u64, events: &mut EventList) {
        match self {
            Self::Suspended { awaits } => events
                .add(event::SUSPENDED, ended_ns)
                .text(&attr::AWAITING, awaits),
            Self::Yielded => {
                events.add(event::YIELDED, ended_ns);
            }
            _ => {
                if let Some(error) = self.error() {
                    put_exception(error, &mut events.add(event::EXCEPTION, ended_ns));
                }
            }
        }
    }

    fn put_attributes(&self, attributes: &mut AttributeEncoder<'_>) {
        attributes.text(&attr::ATTEMPT_OUTCOME, self.name());
        if let Some(error) = self.error() {
            attributes.int(&attr::ERROR_CODE, error.code);
        }
        if let Self::Failed { next_at_ms, .. } = self {
            let next_at = rfc3339(*next_at_ms);
            if !next_at.is_empty() {
                attributes.text(&attr::RETRY_NEXT_AT, &next_at);
            }
        }
        if let Self::Failed { failures, .. } | Self::Paused { failures, .. } = self {
            attributes.int(&attr::RETRY_COUNT, *failures);
        }
    }
}

fn put_exception(error: &AttemptError, attributes: &mut AttributeEncoder<'_>) {
    attributes.text(&attr::EXCEPTION_TYPE, &error.code.to_string());
    attributes.text(&attr::EXCEPTION_MESSAGE, &cut(&error.message, MESSAGE_MAX));
    if !error.stacktrace.is_empty() {
        attributes.text(
            &attr::EXCEPTION_STACKTRACE,
            &cut(&error.stacktrace, STACKTRACE_MAX),
        );
    }
}

impl Teller {
    /// An attempt that has ended, with the events that its journal and its outcome tell.
    fn attempt<B: Backend>(
        &mut self,
        (id, invocation): (&InvocationId, &Invocation),
        ended: &EndedAttempt,
        events_max: usize,
        tables: &Tables<B>,
    ) -> Result<(), StateError> {
        Events::collect(tables, id, &ended.attempt, ended.journal_len, &mut self.events)?;
        ended.outcome.put_event(ended.ended_ns, &mut self.events);
        let AttemptState {
            number,
            cause,
            started_ns,
            ..
        } = ended.attempt;
        let frame = Frame {
            context: invocation.attempt_span(id, number),
            parent: Some(invocation.start_span(id).span_id),
            parent_is_remote: false,
            start_ns: started_ns,
            end_ns: ended.ended_ns,
        };
        let of = (id, &invocation.target);
        let mut span = self.labels.begin(of, &catalog::ATTEMPT, &frame, &mut self.told);
        let mut attributes = span.attributes();
        attributes.int(&attr::ATTEMPT_NUMBER, number);
        attributes.text(&attr::ATTEMPT_CAUSE, cause.name());
        ended.outcome.put_attributes(&mut attributes);
        if let Some(pin) = invocation.pin.as_ref().filter(|_| ended.pinned) {
            span.copy(self.labels.of_deployment(pin));
        }
        self.events.put(events_max, &mut span);
        if cause != AttemptCause::First {
            span.link(&invocation.attempt_span(id, number - 1));
        }
        ended.outcome.put_status(&mut span);
        span.finish();
        Ok(())
    }
}

impl<B: Backend> Machine<B> {
    /// Tells an attempt that has ended.
    pub(super) fn tell_attempt(
        &mut self,
        id: &InvocationId,
        invocation: &Invocation,
        ended: &EndedAttempt,
    ) -> Result<(), StateError> {
        let events_max = self.options.spans.events_max;
        self.spans
            .attempt((id, invocation), ended, events_max, &self.tables)
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
