//! A job as a program: configuration, flags, help, signals, progress, an HTTP endpoint, reporters.
//!
//! ```text
//!  flags, variables, file ──► Configuration ──► environment and options ──► build (the program's) ──► job
//!                                    └──► reporters, endpoint, progress, signals ──────────────────────┘
//! ```

mod command;
mod error;
mod options;
mod parameters;
mod progress;
mod reporters;
mod signals;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use everspan_export::Reporters;
use everspan_trace::Factories;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::api::environment::StreamExecutionEnvironment;
use crate::config::{ConfigError, Configuration, Layers};
use crate::failure::Result;
use crate::http::{self, Endpoint};
use crate::runtime::{JobExecutionResult, JobHandle};
pub use error::ProgramError;
pub use parameters::Parameters;

/// How long spans that wait may take to leave when the job has ended.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

/// A job that is a program of its own.
///
/// ```no_run
/// use everspan_stream::{FileSink, JobProgram};
///
/// fn main() -> std::process::ExitCode {
///     JobProgram::new("word-count", "Counts the words of text files.")
///         .parameter("input", "A text file, or a directory of them")
///         .parameter_or("output", "counts", "Where the counts are written")
///         .run(|env, parameters| {
///             env.read_text_file(parameters.get("input"))
///                 .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
///                 .key_by(String::clone)
///                 .map_with_state("count", |_word, count: &mut u64, word| {
///                     *count += 1;
///                     format!("{word} {count}")
///                 })
///                 .sink_to(FileSink::text_lines(parameters.get("output")));
///             Ok(())
///         })
/// }
/// ```
///
/// `word-count --help` tells its parameters and every configuration key; a mistake in them ends it with exit code 2,
/// a job that fails with 1. SIGINT and SIGTERM cancel the job; its checkpoints stay.
pub struct JobProgram {
    name: &'static str,
    about: &'static str,
    parameters: Vec<parameters::Declared>,
    layers: Result<Layers, ConfigError>,
    factories: Factories,
}

impl JobProgram {
    /// A program that takes no parameters. `name` is also the job's, unless `pipeline.name` says otherwise.
    pub fn new(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            about,
            parameters: Vec::new(),
            layers: Ok(Layers::default()),
            factories: Factories::default(),
        }
    }

    /// A flag `--name VALUE` that must be given.
    #[must_use]
    pub fn parameter(self, name: &'static str, help: &'static str) -> Self {
        self.declare(name, None, help)
    }

    /// A flag `--name VALUE` with a default.
    #[must_use]
    pub fn parameter_or(self, name: &'static str, default: &'static str, help: &'static str) -> Self {
        self.declare(name, Some(default), help)
    }

    /// A configuration key with what it is unless the file, a variable or a flag says otherwise.
    #[must_use]
    pub fn default_config(mut self, key: &str, value: &str) -> Self {
        self.layers = self.layers.and_then(|mut layers| {
            layers.program(key, value)?;
            Ok(layers)
        });
        self
    }

    /// Kinds of reporters of the program's own, beside those that are built in.
    #[must_use]
    pub fn trace_reporters(mut self, factories: Factories) -> Self {
        self.factories = factories;
        self
    }

    /// Runs the job that `build` makes, to its end, with the flags and variables of this process.
    pub fn run<F>(self, build: F) -> ExitCode
    where
        F: FnOnce(&StreamExecutionEnvironment, &Parameters) -> Result,
    {
        match self.try_run(std::env::args_os(), std::env::vars_os(), build) {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => error.tell(),
        }
    }

    /// As [`run`](Self::run), with the flags and variables given; the first flag is the name of the program.
    ///
    /// # Errors
    ///
    /// What is wrong with them, or why the job failed.
    pub fn try_run<F>(
        self,
        arguments: impl IntoIterator<Item = OsString>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        build: F,
    ) -> Result<JobExecutionResult, ProgramError>
    where
        F: FnOnce(&StreamExecutionEnvironment, &Parameters) -> Result,
    {
        let mut layers = self.layers?;
        let command = command::command(self.name, self.about, &self.parameters);
        let matches = command.try_get_matches_from(arguments)?;
        command::lay(&mut layers, &matches, variables)?;
        let configuration = Configuration::check(layers)?;
        let parameters = Parameters::read(&self.parameters, &matches);
        let name = configuration
            .text("pipeline.name")
            .unwrap_or(self.name)
            .to_owned();
        start_log();
        let place = Place::new(&name, &configuration, &self.factories)?;

        let env = StreamExecutionEnvironment::new();
        options::shape(&env, &configuration);
        build(&env, &parameters).map_err(ProgramError::of_build)?;
        let options = options::of_job(&configuration, place.reporters.clone());
        let handle = env.start(&name, options)?;
        place.follow(&name, handle)
    }

    fn declare(mut self, name: &'static str, default: Option<&'static str>, help: &'static str) -> Self {
        self.parameters.push(parameters::Declared { name, default, help });
        self
    }
}

/// Lines of this process's own log, unless the program has set up another.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // The program may have set up a log of its own: then it gets these lines.
    drop(log.try_init());
}

/// What stands around a job: the thread for sockets, reporters, the endpoint's listener.
struct Place {
    runtime: Runtime,
    reporters: Arc<Reporters>,
    listener: TcpListener,
}

impl Place {
    fn new(name: &str, configuration: &Configuration, factories: &Factories) -> Result<Self, ProgramError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .thread_name("everspan-sockets")
            .build()
            .map_err(ProgramError::Thread)?;
        let reporters = reporters::start(name, configuration, factories, runtime.handle())?;
        let listener = runtime.block_on(listen(configuration))?;
        Ok(Self {
            runtime,
            reporters: Arc::new(reporters),
            listener,
        })
    }

    /// Waits for the end of the job, telling of it meanwhile.
    fn follow(self, name: &str, handle: JobHandle) -> Result<JobExecutionResult, ProgramError> {
        let control = handle.control();
        if let Ok(address) = self.listener.local_addr() {
            tracing::info!(job = name, endpoint = %format_args!("http://{address}"), "the job runs");
        }
        let endpoint = Endpoint {
            name: name.to_owned(),
            control: control.clone(),
            reporters: self.reporters.clone(),
        };
        self.runtime.spawn(http::serve(self.listener, Arc::new(endpoint)));
        self.runtime.spawn(signals::cancel_on_signal(control.clone()));
        let progress = self.runtime.spawn(progress::tell(name.to_owned(), control));
        let result = handle.wait();
        progress.abort();
        // An error says only that it was aborted.
        drop(self.runtime.block_on(progress));
        progress::end_line();
        if !self.runtime.block_on(self.reporters.shutdown(FLUSH_TIMEOUT)) {
            tracing::warn!("spans did not leave in time: {FLUSH_TIMEOUT:?}");
        }
        result.map_err(ProgramError::Job)
    }
}

async fn listen(configuration: &Configuration) -> Result<TcpListener, ConfigError> {
    let ip: IpAddr = configuration
        .text("rest.address")
        .expect("has a default")
        .parse()
        .expect("was checked");
    let port = configuration.count("rest.port").expect("has a default");
    let address = SocketAddr::new(ip, u16::try_from(port).expect("was checked"));
    let or_any = !configuration.is_given("rest.port");
    http::listen(address, or_any)
        .await
        .map_err(|error| configuration.refuse("rest.port", format!("cannot listen at {address}: {error}")))
}
