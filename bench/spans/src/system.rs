//! What is measured: something that takes spans and sends them.

use std::fmt;
use std::str::FromStr;

use crate::Result;

/// The two systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Ours,
    Theirs,
}

/// Makes spans and sends them to a receiver.
pub(crate) trait System {
    /// Makes the `n`-th span and hands it on, as user code would.
    fn emit(&mut self, n: u64);

    /// Meets a span that is not sampled. `true` when it would have been made after all.
    fn decline(&mut self, n: u64) -> bool;

    /// A turn of the caller is over: what was kept back leaves its thread.
    fn end_turn(&mut self);

    /// Waits until all that was handed on is sent, or dropped.
    fn settle(&mut self) -> Result<()>;

    /// Sends what waits and ends. How many spans it knows to have dropped, if it counts them.
    fn finish(self) -> Result<Option<u64>>;
}

impl Name {
    pub(crate) const BOTH: [Self; 2] = [Self::Ours, Self::Theirs];
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "everspan",
            Self::Theirs => "opentelemetry",
        })
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let known = Self::BOTH.into_iter().find(|name| name.to_string() == text);
        known.ok_or_else(|| format!("unknown system `{text}`"))
    }
}
