//! The command line: subcommands and their flags. Deciding what a flag means is left to `config`.
//!
//! ```
//! use clap::Parser;
//! use everspan::cli::{Cli, Command};
//! let cli = Cli::parse_from(["everspan", "--base-dir", "/data"]);
//! assert!(matches!(cli.into_command(), Command::Server(_)));
//! ```

use clap::{Args, Parser, Subcommand};

use crate::config::ConfigFlags;

#[cfg(test)]
mod tests;

/// A stateful runtime that shows its work.
#[derive(Clone, Parser)]
#[command(
    name = "everspan",
    bin_name = "everspan",
    version,
    about = "Everspan: a stateful runtime that shows its work",
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true,
    max_term_width = 110
)]
pub struct Cli {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

impl Cli {
    /// What is to be done; the server when nothing else was asked for.
    pub fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Server(self.server))
    }
}

/// What is to be done.
#[derive(Clone, Subcommand)]
pub enum Command {
    /// Run the server (also when no command is given)
    #[command(after_help = AFTER_HELP, max_term_width = 110)]
    Server(ServerArgs),
    /// Run a server with built-in services, make a few calls and show their traces
    Demo(DemoArgs),
    /// Register and list deployments of services
    Deployments(DeploymentsArgs),
    /// Look at invocations, cancel or kill them
    Invocations(InvocationsArgs),
    /// Have a running server make a checkpoint, and wait for it
    Checkpoint(CheckpointArgs),
    /// Have a running server make a savepoint: a checkpoint that is kept until you remove it
    Savepoint(SavepointArgs),
    /// Fill an empty data directory from a checkpoint
    #[command(max_term_width = 110)]
    Restore(RestoreArgs),
}

/// Flags of the server.
#[derive(Args, Clone, Default)]
pub struct ServerArgs {
    /// The configuration keys that have a flag.
    #[command(flatten)]
    pub config: ConfigFlags,
    /// Print the effective configuration as TOML, with the source of each value, and exit
    #[arg(long, help_heading = "Configuration")]
    pub dump_config: bool,
}

/// Flags of the demo.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct DemoArgs {
    /// Leave after printing the traces, instead of staying up to be tried out
    #[arg(long)]
    pub exit: bool,
    /// Print without colors
    #[arg(long)]
    pub no_color: bool,
    /// Listen on this port and the ones after it, instead of on free ports
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65_000))]
    pub port_base: Option<u16>,
}

/// Where a running server is administered.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct AdminUrl {
    /// Address of the server's admin API
    #[arg(
        long = "admin-url",
        value_name = "URL",
        env = "EVERSPAN_ADMIN_URL",
        default_value = "http://127.0.0.1:9070",
        global = true
    )]
    pub url: String,
}

/// `everspan checkpoint`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct CheckpointArgs {
    /// The server that is asked.
    #[command(flatten)]
    pub admin: AdminUrl,
}

/// `everspan savepoint`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct SavepointArgs {
    /// The server that is asked.
    #[command(flatten)]
    pub admin: AdminUrl,
    /// Directory (on the server's host) or URL it goes to, instead of checkpoint.destination
    #[arg(long, value_name = "DIR|URL")]
    pub to: Option<String>,
}

/// `everspan restore`
#[derive(Args, Clone)]
pub struct RestoreArgs {
    /// Directory or URL of the checkpoints [default: checkpoint.destination]
    #[arg(long, value_name = "DIR|URL")]
    pub from: Option<String>,
    /// Number of the checkpoint [default: the newest that is whole]
    #[arg(long, value_name = "NUMBER")]
    pub checkpoint: Option<u64>,
    /// The configuration keys that have a flag.
    #[command(flatten)]
    pub config: ConfigFlags,
}

/// `everspan deployments …`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct DeploymentsArgs {
    /// The server that is asked.
    #[command(flatten)]
    pub admin: AdminUrl,
    /// What is asked of it.
    #[command(subcommand)]
    pub command: DeploymentsCommand,
}

/// What is asked about deployments.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum DeploymentsCommand {
    /// Discover the services at an address and register them
    Register {
        /// Where the services listen, such as http://localhost:9080
        uri: String,
        /// Replace a deployment that is registered under this address
        #[arg(long)]
        force: bool,
    },
    /// List the registered deployments and their services
    List,
}

/// `everspan invocations …`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct InvocationsArgs {
    /// The server that is asked.
    #[command(flatten)]
    pub admin: AdminUrl,
    /// What is asked of it.
    #[command(subcommand)]
    pub command: InvocationsCommand,
}

/// What is asked about invocations.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum InvocationsCommand {
    /// List the invocations the server knows
    List,
    /// Show one invocation with its journal
    Show {
        /// The invocation id, inv_…
        id: String,
    },
    /// Cancel: the handler may clean up, and its calls are cancelled, too
    Cancel {
        /// The invocation id, inv_…
        id: String,
    },
    /// Kill: end at once, without cleaning up
    Kill {
        /// The invocation id, inv_…
        id: String,
    },
}

const AFTER_HELP: &str = "\
Every key of the configuration is a TOML key and a variable, the main ones are also flags:
  flag      --worker-threads 4
  any flag  --set worker.threads=4         for keys without a flag of their own
  variable  EVERSPAN_WORKER__THREADS=4     upper case, - becomes _, tables are joined by __
  file      threads = 4 under [worker]     named by --config-file or EVERSPAN_CONFIG_FILE
Flags win over variables, variables over the file. --dump-config shows all keys and their values.
Durations are written 500ms, 10s, 1m, 1h or 1d, sizes 64KiB, 32MiB or 1GiB.

Examples:
  everspan                                             listen on 127.0.0.1, ports 8080 and 9070
  everspan --base-dir /var/lib/everspan --ingress-bind-address 0.0.0.0:8080
  everspan --tracing-endpoint http://localhost:4317    send spans to a collector, too
  everspan -c everspan.toml --dump-config              check a file and show what it amounts to
  everspan demo                                        see a retry and a crash as traces
  everspan deployments register http://localhost:9080  add services to a running server";
