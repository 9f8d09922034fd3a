//! The plain, checked configuration: what the server is built from.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::error::ConfigError;
use crate::config::flags::ConfigFlags;
use crate::config::name_values::Headers;
use crate::config::raw::RawConfig;
use crate::config::settings::Settings;

mod checkpoint;
mod from_settings;
mod tracing;

pub use checkpoint::CheckpointConfig;
pub use tracing::{FactoryConfig, JaegerFileConfig, OtlpConfig, ReporterConfig, TracingConfig};

/// Everything the operator decides. Fields are named as their keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Name of the cluster.
    pub cluster_name: String,
    /// Name of this node.
    pub node_name: String,
    /// Directory of all data of this node.
    pub base_dir: PathBuf,
    /// Number of partitions, 1 to 1024; counts only when the data directory is first used.
    pub partitions: u16,
    /// How long a graceful shutdown may take.
    pub shutdown_timeout: Duration,
    /// Directives of the server's log, in the syntax of `tracing_subscriber::EnvFilter`; checked.
    pub log_filter: String,
    /// Format of the server's log.
    pub log_format: LogFormat,
    /// The public listener.
    pub ingress: IngressConfig,
    /// The listener of the operator.
    pub admin: AdminConfig,
    /// Partition workers.
    pub worker: WorkerConfig,
    /// Retries of services that set none themselves.
    pub default_retry_policy: RetryPolicyConfig,
    /// How long the journal of a completed invocation is kept.
    pub default_journal_retention: Duration,
    /// How long the result behind an idempotency key is kept.
    pub default_idempotency_retention: Duration,
    /// How long the result of a completed workflow is kept.
    pub default_workflow_completion_retention: Duration,
    /// The partitioned log.
    pub log: LogConfig,
    /// Keyed state.
    pub state: StateConfig,
    /// Checkpoints.
    pub checkpoint: CheckpointConfig,
    /// Spans.
    pub tracing: TracingConfig,
}

/// Format of the server's own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Several lines per event, for eyes.
    Pretty,
    /// One line per event.
    Compact,
    /// One JSON object per event.
    Json,
}

/// `[ingress]`
#[derive(Clone, Debug, PartialEq)]
pub struct IngressConfig {
    /// Where clients invoke services; port 0 lets the system choose.
    pub bind_address: SocketAddr,
    /// Largest request body, in bytes.
    pub request_size_limit: u64,
}

/// `[admin]`
#[derive(Clone, Debug, PartialEq)]
pub struct AdminConfig {
    /// Where admin API and metrics listen; port 0 lets the system choose.
    pub bind_address: SocketAddr,
}

/// `[worker]`
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerConfig {
    /// Threads; 0 means one per core, see [`WorkerConfig::threads_on`].
    pub threads: usize,
    /// Inputs that may wait at one worker.
    pub mailbox_max: usize,
    /// How often data past its retention is purged.
    pub cleanup_interval: Duration,
    /// Attempts at services.
    pub invoker: InvokerConfig,
}

impl WorkerConfig {
    /// The number of threads on a machine of `cores` cores; at least 1.
    pub fn threads_on(&self, cores: usize) -> usize {
        if self.threads == 0 {
            cores.max(1)
        } else {
            self.threads
        }
    }
}

/// `[worker.invoker]`
#[derive(Clone, Debug, PartialEq)]
pub struct InvokerConfig {
    /// Silence after which a service is asked to suspend.
    pub inactivity_timeout: Duration,
    /// Time after that until its connection is closed.
    pub abort_timeout: Duration,
    /// How long connecting to a deployment may take.
    pub connect_timeout: Duration,
    /// Largest message a service may send, in bytes.
    pub message_size_limit: u64,
    /// Attempts that may run at once.
    pub concurrent_invocations_limit: usize,
    /// Send no state with the start of an attempt.
    pub disable_eager_state: bool,
    /// Most state sent with the start of an attempt, in bytes.
    pub eager_state_size_limit: u64,
    /// How often an HTTP/2 connection to a deployment is pinged.
    pub http2_keep_alive_interval: Duration,
    /// How long a ping may stay unanswered.
    pub http2_keep_alive_timeout: Duration,
    /// Headers added to every request to a deployment.
    pub additional_request_headers: Headers,
}

/// `[default-retry-policy]`
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicyConfig {
    /// Wait before the first retry.
    pub initial_interval: Duration,
    /// Each wait is the one before times this; at least 1.
    pub exponentiation_factor: f64,
    /// Longest wait between two attempts; not below `initial_interval`.
    pub max_interval: Duration,
    /// Attempts, the first included, at least 1; `None` is unlimited.
    pub max_attempts: Option<u32>,
    /// What happens when they are used up.
    pub on_max_attempts: OnMaxAttempts,
}

/// What happens to an invocation whose attempts are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMaxAttempts {
    /// It waits for an operator.
    Pause,
    /// It fails for good.
    Kill,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq)]
pub struct LogConfig {
    /// Size at which a segment is closed, in bytes; 1 MiB to 2 GiB.
    pub segment_size: u64,
}

/// `[state]`
#[derive(Clone, Debug, PartialEq)]
pub struct StateConfig {
    /// State of one partition held in memory before it is flushed, in bytes.
    pub flush_size: u64,
    /// Memory for blocks read from disk, all partitions together, in bytes.
    pub cache_size: u64,
    /// Free disk space below which new requests are refused, in bytes.
    pub min_free_disk: u64,
}

impl Config {
    /// Gathers the layers, checks them and keeps the plain values.
    ///
    /// # Errors
    /// The first thing that is wrong, with key, value and origin.
    pub fn load(
        flags: &ConfigFlags,
        env: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Config, ConfigError> {
        Settings::load(flags, env).map(|settings| settings.config())
    }
}

impl Default for Config {
    /// The configuration of a server that was told nothing.
    fn default() -> Self {
        Settings::check(&RawConfig::default())
            .expect("the defaults of the table go together")
            .config()
    }
}
