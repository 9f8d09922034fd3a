//! What an invocation waits for, as a tree (V7).

/// A set of notifications and nested futures, and how they combine.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Future {
    /// Completion ids.
    #[prost(uint32, repeated, tag = "1")]
    pub waiting_completions: Vec<u32>,
    /// Indexes of signals.
    #[prost(uint32, repeated, tag = "2")]
    pub waiting_signals: Vec<u32>,
    /// Names of signals.
    #[prost(string, repeated, tag = "3")]
    pub waiting_named_signals: Vec<String>,
    /// Futures inside this one.
    #[prost(message, repeated, tag = "4")]
    pub nested_futures: Vec<Future>,
    /// How the parts combine.
    #[prost(enumeration = "CombinatorType", tag = "5")]
    pub combinator_type: i32,
}

impl Future {
    /// Whether the tree waits for nothing.
    pub fn is_empty(&self) -> bool {
        self.waiting_completions.is_empty()
            && self.waiting_signals.is_empty()
            && self.waiting_named_signals.is_empty()
            && self.nested_futures.iter().all(Self::is_empty)
    }
}

/// When a [`Future`] is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum CombinatorType {
    /// Not told; taken as [`Self::FirstCompleted`].
    Unknown = 0,
    /// One part is completed.
    FirstCompleted = 1,
    /// All parts are completed.
    AllCompleted = 2,
    /// One part succeeded, or all failed.
    FirstSucceededOrAllFailed = 3,
    /// All parts succeeded, or one failed.
    AllSucceededOrFirstFailed = 4,
}
