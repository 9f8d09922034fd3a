//! Forgetting ended invocations when their retention is over.

use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};

use super::Machine;
use crate::record::Expiry;
use crate::target::{HandlerKind, Target};

impl<B: Backend> Machine<B> {
    /// Retentions that ended by `now_ms`, at most `limit`; `from_ms` spares looking at what was done before.
    pub fn due_expiries(&self, from_ms: u64, now_ms: u64, limit: usize) -> Result<Vec<Expiry>, StateError> {
        self.tables.expired(from_ms, now_ms, limit)
    }

    pub(super) fn expired(&mut self, expiries: &[Expiry]) -> Result<(), StateError> {
        for expiry in expiries {
            self.tables.delete_expiry(expiry);
            let Some(mut completed) = self.tables.completed(&expiry.id)? else {
                continue;
            };
            if !expiry.journal_only && completed.expires_ms != expiry.at_ms {
                continue; // of an earlier invocation with this id
            }
            self.tables.delete_journal(&expiry.id, completed.journal_len);
            if expiry.journal_only {
                completed.journal_len = 0;
                self.tables.put_completed(&expiry.id, &completed);
            } else {
                self.tables.delete_completed(&expiry.id);
                self.forget_workflow(completed.handler.kind, &completed.target)?;
            }
        }
        Ok(())
    }

    /// Forgets an ended invocation before its retention is over.
    pub(super) fn purge(&mut self, id: &InvocationId) -> Result<(), StateError> {
        let Some(completed) = self.tables.completed(id)? else {
            return Ok(());
        };
        self.expired(&[Expiry {
            at_ms: completed.expires_ms,
            id: *id,
            journal_only: false,
        }])
    }

    /// State and promises of a workflow live as long as its run is remembered.
    pub(super) fn forget_workflow(&mut self, kind: HandlerKind, target: &Target) -> Result<(), StateError> {
        if kind == HandlerKind::Workflow {
            self.tables.delete_workflow(target)
        } else {
            Ok(())
        }
    }
}
