//! The invoker: moves the bytes of attempts between the pure conversation ([`everspan_durable::attempt`]) and HTTP/2.
//!
//! ```text
//! worker ── StartAttempt ──► task: resolve, connect, pump ⇄ service
//!   ▲   └── Notify, Abort ──►   │
//!   └────────── Progress ◄──────┘
//! ```
//!
//! It decides nothing: which bytes, which record, when to end, is said by the conversation.

mod connection;
mod connector;
mod get;
mod pump;
mod quickack;
mod request;

pub use connector::{ConnectError, Connector, ConnectorOptions};
pub(crate) use get::get;
pub use pump::{AttemptInput, Invoker, InvokerOptions, ProgressSink};
