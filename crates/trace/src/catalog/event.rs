//! Names of events on spans.

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*
        /// Every event name.
        pub const EVENTS: &[&str] = &[$($name),*];
    };
}

events! {
    /// The handler created a journal command: `restate.journal.command.type`, `.name`, `everspan.journal.index`.
    NEW_COMMAND = "restate.invocation.lifecycle.new_command";
    /// A `ctx.run` block ended: `everspan.run.name`, `.duration_ms`, `.result`.
    RUN_ENDED = "restate.invocation.lifecycle.run_ended";
    /// The invocation suspended: `everspan.awaiting`.
    SUSPENDED = "restate.invocation.lifecycle.suspended";
    /// The invocation gave its place away.
    YIELDED = "restate.invocation.lifecycle.yielded";
    /// An error, as OpenTelemetry records it: `exception.type`, `.message`, `.stacktrace`.
    EXCEPTION = "exception";
}

/// Whether an event belongs to the life of an attempt, so that it is kept when a span is full.
pub fn is_lifecycle(name: &str) -> bool {
    name != NEW_COMMAND
}
