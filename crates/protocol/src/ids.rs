//! Ids as bytes and as text.
//!
//! ```text
//! inv_15Wax0tkZdwB5gIFlDKpBv4GTOb8FYfw1R          invocation: partition key (u64) and a uuid, base62
//! sign_1t6igTFI5R1G-ahyKOb0a0on1NA6LvM8jAAAAEQ    awakeable: raw invocation id and signal index, base64url
//! dp_1…                                           deployment: a uuid, base62
//! ```
//!
//! The digit after the underscore is the version of the text form. Fresh ids need randomness, which is handed in.

mod awakeable;
mod base62;
mod deployment;
mod error;
mod invocation;
mod partition;

pub use awakeable::{AwakeableId, CANCEL_SIGNAL, FIRST_AWAKEABLE_SIGNAL};
pub use deployment::DeploymentId;
pub use error::IdError;
pub use invocation::InvocationId;
pub use partition::{partition_key_of, partition_of};
