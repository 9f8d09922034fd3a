//! Attribute keys, each with the type of its value, so that a wrong type does not compile.

mod aggregate;
mod checkpoint;
mod invocation;
mod key;

pub use aggregate::Aggregate;
pub use checkpoint::*;
pub use invocation::*;
pub use key::{AttributeDef, Key, KeyPrefix};

pub use crate::Text;

/// Every attribute: those of invocations and of the resource, and those of checkpoints and recovery.
pub const ATTRIBUTES: &[&[AttributeDef]] = &[
    invocation::ATTRIBUTES,
    checkpoint::ATTRIBUTES,
    checkpoint::PREFIXES,
    checkpoint::AGGREGATES,
];
