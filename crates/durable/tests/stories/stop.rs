//! Why a handler of a story stops before its result.

use everspan_protocol::message as wire;

/// Why a handler stops before its result.
pub(crate) enum Stop {
    /// It waits.
    Blocked,
    /// The attempt fails with this error.
    Fail(wire::Error),
    /// These bytes are sent, then the stream ends.
    Garbage(Vec<u8>),
    /// The stream breaks.
    Break,
    /// A terminal error.
    Terminal(wire::Failure),
}

/// An error frame's content.
pub(crate) fn error(message: &str, next_retry_delay: Option<u64>) -> Stop {
    let message = message.into();
    Stop::Fail(wire::Error {
        code: 500,
        message,
        next_retry_delay,
        ..wire::Error::default()
    })
}
