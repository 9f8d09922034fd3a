//! Configuration: one table of keys, four layers, one checked result.
//!
//! Each row of the table (`config/table.rs`) is at once a TOML key, an `EVERSPAN_…` variable and, for the
//! main ones, a `--flag`; the help text, `--dump-config` and `docs/CONFIGURATION.md` are made from the same rows.
//!
//! ```text
//!  defaults ◄ file ◄ OTEL_… ◄ RESTATE_TRACING_… ◄ EVERSPAN_… ◄ flags      (the right one wins)
//!      └────────┴────────┴───────────┴──────────────┴───────────┘
//!                      RawConfig: text + origin
//!                               │ Settings::check
//!                      Settings: typed values + origin ──► dump()
//!                               │ Settings::config
//!                      Config: what the server is built from
//! ```
//!
//! Nothing here reads the process environment: it is an argument. The only I/O is reading the named file.
//!
//! ```
//! use everspan::config::{Config, ConfigFlags};
//! let env = [("EVERSPAN_WORKER__THREADS".into(), "3".into())];
//! let config = Config::load(&ConfigFlags::default(), env).expect("three is a number of threads");
//! assert_eq!(config.worker.threads, 3);
//! ```

mod checked;
mod dump;
mod duration;
mod endpoint;
mod error;
mod flags;
mod keep;
mod key;
mod name_values;
mod nearest;
mod raw;
#[cfg(test)]
mod reference;
mod sampler;
mod settings;
mod size;
mod table;
#[cfg(test)]
mod tests;
mod value;

pub use checked::{
    AdminConfig, CheckpointConfig, Config, FactoryConfig, IngressConfig, InvokerConfig, JaegerFileConfig,
    LogConfig, LogFormat, OnMaxAttempts, OtlpConfig, ReporterConfig, RetryPolicyConfig, StateConfig,
    TracingConfig, WorkerConfig,
};
pub(crate) use duration::parse as parse_duration;
pub(crate) use duration::show as show_duration;
pub use endpoint::{Endpoint, EndpointProtocol};
pub use error::{ConfigError, Origin};
pub use flags::ConfigFlags;
pub use keep::Keep;
pub use name_values::Headers;
pub use raw::RawConfig;
pub use settings::Settings;
pub(crate) use table::FACTORIES;
