//! Beginning an attempt: its number and cause in the state, its Start and journal as bytes.

use bytes::Bytes;
use everspan_protocol::frame::{self, MessageType};
use everspan_protocol::ids::InvocationId;
use everspan_protocol::message::{Start, StateEntry};
use everspan_state::{Backend, StateError};
use everspan_trace::{SpanContext, catalog};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Machine;
use crate::effect::StartAttempt;
use crate::invocation::{AttemptCause, AttemptState, Invocation, Status};

const RANDOM_SEED: u64 = 0x5eed;

impl<B: Backend> Machine<B> {
    /// The invocation has got a slot: its next attempt begins. The caller stores it.
    pub(super) fn run_attempt(
        &mut self,
        id: &InvocationId,
        invocation: &mut Invocation,
        cause: AttemptCause,
    ) {
        if invocation.attempt.number == 0 {
            self.begun(id, invocation);
        }
        invocation.enter(Status::Running, self.now_ns);
        invocation.attempt = AttemptState {
            number: invocation.attempt.number + 1,
            cause,
            started_ns: self.now_ns,
            first_entry: invocation.journal_len,
        };
    }

    /// Everything the conversation begins with, as of now.
    pub(super) fn start_attempt(
        &self,
        id: &InvocationId,
        invocation: &Invocation,
    ) -> Result<StartAttempt, StateError> {
        let mut replay = Vec::with_capacity(512);
        frame::encode_message(
            MessageType::START,
            &self.start_message(id, invocation)?,
            &mut replay,
        );
        for index in 0..invocation.journal_len {
            let entry = self.tables.entry(id, index)?;
            frame::encode(MessageType(entry.ty), &entry.body, &mut replay);
        }
        Ok(StartAttempt {
            id: *id,
            attempt: invocation.attempt.number,
            cause: invocation.attempt.cause,
            target: invocation.target.clone(),
            kind: invocation.handler.kind,
            pin: invocation.pin.clone(),
            span: self.attempt_context(id, invocation),
            replay: replay.into(),
        })
    }

    /// What the service and the callees of the attempt under way continue: the attempt's span, or the caller's where
    /// no span is made.
    pub(crate) fn attempt_context(&self, id: &InvocationId, invocation: &Invocation) -> SpanContext {
        if invocation.kept.is_some() || self.takes(&catalog::ATTEMPT, &invocation.target) {
            invocation.attempt_span(id, invocation.attempt.number)
        } else {
            invocation.trace.cause.clone()
        }
    }

    fn start_message(&self, id: &InvocationId, invocation: &Invocation) -> Result<Start, StateError> {
        let (state_map, partial_state) = self.eager_state(invocation)?;
        let since_entry_ns = self.now_ns.saturating_sub(invocation.last_entry_ns);
        Ok(Start {
            id: Bytes::copy_from_slice(id.as_bytes()),
            debug_id: self.spans.id_text(id),
            known_entries: invocation.journal_len,
            state_map,
            partial_state,
            key: invocation.target.key.clone().unwrap_or_default(),
            retry_count_since_last_stored_entry: invocation.failures,
            duration_since_last_stored_entry: since_entry_ns / 1_000_000,
            random_seed: xxh3_64_with_seed(id.as_bytes(), RANDOM_SEED),
            ..Start::default()
        })
    }

    /// The state of the key as far as it fits, and whether something is left out.
    fn eager_state(&self, invocation: &Invocation) -> Result<(Vec<StateEntry>, bool), StateError> {
        if !invocation.handler.kind.is_keyed() || invocation.handler.lazy_state {
            return Ok((Vec::new(), true));
        }
        let mut entries = Vec::new();
        let mut size = 0;
        for (key, value) in self.tables.values(&invocation.target)? {
            size += key.len() + value.len();
            if size > self.options.eager_state_max {
                return Ok((entries, true));
            }
            entries.push(StateEntry { key, value });
        }
        Ok((entries, false))
    }
}
