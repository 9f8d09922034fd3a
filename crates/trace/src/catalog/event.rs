//! Names of events on spans.

use super::{ATTEMPT, JOB_FAILURE, SpanDef};

/// What the tables say of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventDef {
    /// Its name.
    pub name: &'static str,
    /// The kinds of spans that have it.
    pub on: &'static [&'static SpanDef],
    /// What it means.
    pub description: &'static str,
}

macro_rules! events {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal on [$($span:ident),*];)*) => {
        $($(#[doc = $doc])* pub const $name: &str = $text;)*
        /// Every event.
        pub const EVENTS: &[EventDef] = &[$(EventDef {
            name: $name,
            on: &[$(&$span),*],
            description: concat!($($doc),*).trim_ascii(),
        }),*];
    };
}

events! {
    /// The handler created a journal command.
    NEW_COMMAND = "restate.invocation.lifecycle.new_command" on [ATTEMPT];
    /// A `ctx.run` block ended: it has its result.
    RUN_ENDED = "restate.invocation.lifecycle.run_ended" on [ATTEMPT];
    /// The invocation waits, without a connection.
    SUSPENDED = "restate.invocation.lifecycle.suspended" on [ATTEMPT];
    /// The invocation gave its place away.
    YIELDED = "restate.invocation.lifecycle.yielded" on [ATTEMPT];
    /// An error, as OpenTelemetry records it.
    EXCEPTION = "exception" on [ATTEMPT, JOB_FAILURE];
}

/// Whether an event belongs to the life of an attempt, so that it is kept when a span is full.
pub fn is_lifecycle(name: &str) -> bool {
    name != NEW_COMMAND
}
