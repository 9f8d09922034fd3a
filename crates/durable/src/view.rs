//! What an operator may see of a partition: invocations and journals, as plain data.

use everspan_protocol::frame::MessageType;
use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};

use crate::invocation::{Completed, Invocation, JournalEntry, Status};
use crate::machine::Machine;
use crate::record::{AttemptError, Awaiting, Outcome};
use crate::target::Target;

/// An invocation as operators see it.
#[derive(Clone, Debug, PartialEq)]
pub struct InvocationView {
    /// Its id.
    pub id: InvocationId,
    /// What it runs.
    pub target: Target,
    /// `scheduled`, `pending`, `running`, `backing-off`, `suspended`, `paused` or `completed`.
    pub status: &'static str,
    /// Submitted, ns since the epoch.
    pub created_ns: u64,
    /// Ended, ns since the epoch.
    pub completed_ns: Option<u64>,
    /// Attempts made, the one under way included.
    pub attempts: u32,
    /// Failures since its last progress.
    pub failures: u32,
    /// The next attempt, or the begin of a delayed invocation, ms since the epoch.
    pub next_at_ms: Option<u64>,
    /// The newest failure.
    pub last_error: Option<AttemptError>,
    /// What it waits for.
    pub awaiting: Option<Awaiting>,
    /// The deployment it runs on.
    pub deployment: Option<String>,
    /// The idempotency key it came with.
    pub idempotency_key: Option<String>,
    /// The trace, 32 hex digits.
    pub trace_id: String,
    /// Entries in its journal.
    pub journal_len: u32,
    /// The result.
    pub outcome: Option<Outcome>,
}

/// A journal entry as operators see it.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryView {
    /// Its index.
    pub index: u32,
    /// `Command: Run`, `Notification: Sleep`, ….
    pub kind: String,
    /// The name its command was given; empty for none.
    pub name: String,
    /// Stored, ns since the epoch.
    pub at_ns: u64,
    /// During which attempt; 0 = before the first.
    pub attempt: u32,
    /// Bytes of its body.
    pub size: usize,
}

/// What is known of an invocation's result.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultView {
    /// No such invocation.
    Unknown,
    /// It has not ended.
    UnderWay,
    /// It has, with this result, kept until then (ms since the epoch).
    Ended(Outcome, u64),
}

impl<B: Backend> Machine<B> {
    /// One invocation.
    pub fn view(&self, id: &InvocationId) -> Result<Option<InvocationView>, StateError> {
        if let Some(invocation) = self.tables_ref().invocation(id)? {
            return Ok(Some(under_way(*id, invocation)));
        }
        Ok(self
            .tables_ref()
            .completed(id)?
            .map(|completed| ended(*id, completed)))
    }

    /// Its result.
    pub fn result(&self, id: &InvocationId) -> Result<ResultView, StateError> {
        if let Some(completed) = self.tables_ref().completed(id)? {
            return Ok(ResultView::Ended(completed.outcome, completed.expires_ms));
        }
        let under_way = self.tables_ref().invocation(id)?.is_some();
        Ok(if under_way {
            ResultView::UnderWay
        } else {
            ResultView::Unknown
        })
    }

    /// Its journal, in order.
    pub fn journal(&self, id: &InvocationId) -> Result<Vec<EntryView>, StateError> {
        let len = match self.view(id)? {
            Some(view) => view.journal_len,
            None => 0,
        };
        (0..len)
            .map(|index| Ok(entry(index, &self.tables_ref().entry(id, index)?)))
            .collect()
    }

    /// Invocations under way, at most `limit`, then ended ones up to `limit` altogether.
    pub fn list(&self, limit: usize) -> Result<Vec<InvocationView>, StateError> {
        let active = self.tables_ref().invocations(None, limit)?;
        let mut views: Vec<_> = active
            .into_iter()
            .map(|(id, invocation)| under_way(id, invocation))
            .collect();
        let rest = limit.saturating_sub(views.len());
        let done = self.tables_ref().completed_ones(None, rest)?;
        views.extend(done.into_iter().map(|(id, completed)| ended(id, completed)));
        Ok(views)
    }
}

fn under_way(id: InvocationId, invocation: Invocation) -> InvocationView {
    let trace_id = invocation.start_span(&id).trace_id.to_string();
    let next_at_ms = match invocation.status {
        Status::Scheduled { at_ms } => Some(at_ms),
        Status::BackingOff { until_ms } => Some(until_ms),
        _ => None,
    };
    InvocationView {
        id,
        status: invocation.status.name(),
        created_ns: invocation.created_ns,
        completed_ns: None,
        attempts: invocation.attempt.number,
        failures: invocation.failures,
        next_at_ms,
        last_error: invocation.last_error,
        awaiting: match invocation.status {
            Status::Suspended(awaiting) => Some(awaiting),
            _ => None,
        },
        deployment: invocation.pin.map(|pin| pin.deployment.to_string()),
        idempotency_key: invocation.idempotency_key,
        trace_id,
        journal_len: invocation.journal_len,
        target: invocation.target,
        outcome: None,
    }
}

fn ended(id: InvocationId, completed: Completed) -> InvocationView {
    InvocationView {
        id,
        status: "completed",
        created_ns: completed.created_ns,
        completed_ns: Some(completed.completed_ns),
        attempts: completed.attempts,
        failures: 0,
        next_at_ms: None,
        last_error: None,
        awaiting: None,
        deployment: completed.pin.map(|pin| pin.deployment.to_string()),
        idempotency_key: completed.idempotency_key,
        trace_id: completed.start_span.trace_id.to_string(),
        journal_len: completed.journal_len,
        target: completed.target,
        outcome: Some(completed.outcome),
    }
}

fn entry(index: u32, entry: &JournalEntry) -> EntryView {
    let ty = MessageType(entry.ty);
    let family = if ty.is_command() {
        "Command"
    } else {
        "Notification"
    };
    EntryView {
        index,
        kind: format!("{family}: {}", ty.name().unwrap_or("Custom")),
        name: if ty.is_command() {
            crate::entry::name(&entry.body)
        } else {
            String::new()
        },
        at_ns: entry.at_ns,
        attempt: entry.attempt,
        size: entry.body.len(),
    }
}
