//! What an invocation runs: a handler of a service, perhaps on a key.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// How a handler may run beside others of the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum HandlerKind {
    /// A handler of a plain service: no key, no state, no lock.
    Service = 0,
    /// A handler of a virtual object that holds the lock of its key while it is under way.
    Exclusive = 1,
    /// A handler of a virtual object that reads state and takes no lock.
    Shared = 2,
    /// The `run` handler of a workflow: once per key.
    Workflow = 3,
    /// Any other handler of a workflow.
    WorkflowShared = 4,
}

impl HandlerKind {
    /// Whether the target of such a handler has a key.
    pub fn is_keyed(self) -> bool {
        self != Self::Service
    }

    /// Whether the handler may change the state of its key.
    pub fn may_write(self) -> bool {
        matches!(self, Self::Exclusive | Self::Workflow)
    }

    /// Whether an invocation of it waits in the queue of its key.
    pub fn takes_lock(self) -> bool {
        self == Self::Exclusive
    }

    /// Whether it belongs to a workflow, and so may use promises.
    pub fn is_workflow(self) -> bool {
        matches!(self, Self::Workflow | Self::WorkflowShared)
    }
}

/// The handler an invocation runs.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Target {
    /// Service name.
    pub service: String,
    /// Object or workflow key; `None` for a plain service.
    pub key: Option<String>,
    /// Handler name.
    pub handler: String,
}

impl Target {
    /// The longest object or workflow key, bytes.
    pub const KEY_MAX: usize = 16 * 1024;

    /// The part of a span's name: `Greeter/greet`, or `Counter/{key}/add` with the literal text `{key}`, so that
    /// names stay few (TRACES §1).
    pub fn span_name(&self) -> String {
        match self.key {
            Some(_) => format!("{}/{{key}}/{}", self.service, self.handler),
            None => format!("{}/{}", self.service, self.handler),
        }
    }
}

impl fmt::Display for Target {
    /// `Greeter/greet` or `Counter/k1/add`; the key as it is, not encoded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{}/{}/{}", self.service, key, self.handler),
            None => write!(f, "{}/{}", self.service, self.handler),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stands_in_the_target_and_not_in_the_span_name() {
        let target = Target {
            service: "Counter".into(),
            key: Some("a/b".into()),
            handler: "add".into(),
        };
        assert_eq!(target.to_string(), "Counter/a/b/add");
        assert_eq!(target.span_name(), "Counter/{key}/add");
    }
}
