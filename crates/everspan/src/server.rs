//! The server put together: data directory, workers, invoker, listeners; start, and an orderly stop.

mod admin_port;
mod checkpointing;
mod disk;
mod listen;
mod metrics;
mod reporters;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everspan_durable::machine::Keep;
use everspan_export::sender_process::SenderProcess;
use everspan_export::{Mark, Reporters};
use everspan_trace::Factories;
use rand::Rng;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin::Admin;
use crate::checkpoints::{Checkpoints, CheckpointsOptions, Start, StartProgress};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::ingress::{Ingress, RefusedSpans};
use crate::invoker::{Connector, ConnectorOptions, Invoker, InvokerOptions};
use crate::registry::{Defaults, Registry};
use crate::worker::{self, Limits, OpenReporters, Workers, WorkersOptions};
use admin_port::AdminPort;
use reporters::Prepared;

/// A running server.
pub struct Server {
    workers: Workers,
    checkpoints: Checkpoints,
    reporters: Arc<Reporters>,
    stopping: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    shutdown_timeout: Duration,
    /// Where the ingress listens.
    pub ingress_address: SocketAddr,
    /// Where the admin API listens.
    pub admin_address: SocketAddr,
}

/// Why a server does not start; the text names what to change.
#[derive(Debug)]
pub enum ServerError {
    /// The configuration asks for something that cannot be.
    Usage(String),
    /// Something else is in the way.
    Failed(String),
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerError::Usage(why) | ServerError::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ServerError {}

fn failed(error: impl fmt::Display) -> ServerError {
    ServerError::Failed(error.to_string())
}

impl Server {
    /// Starts everything; when this returns, requests are answered.
    ///
    /// # Errors
    /// What is in the way, and whether it is the configuration.
    pub async fn start(config: &Config) -> Result<Self, ServerError> {
        Self::start_with(config, &Factories::default(), None).await
    }

    /// The same with factories of one's own beside those that are built in, which `traces.reporter.NAME.factory` may name;
    /// and with what is started to send spans, if this program can be that (`tracing-sender-process`).
    ///
    /// # Errors
    /// As `start`.
    pub async fn start_with(
        config: &Config,
        factories: &Factories,
        sender: Option<&SenderProcess>,
    ) -> Result<Self, ServerError> {
        let ingress_listener = listen::bind("ingress.bind-address", config.ingress.bind_address).await?;
        let admin_listener = listen::bind("admin.bind-address", config.admin.bind_address).await?;
        let ingress_address = ingress_listener.local_addr().map_err(failed)?;
        let admin_address = admin_listener.local_addr().map_err(failed)?;

        let data = open_data(&config.base_dir, config.partitions)?;
        let (stopping, stop) = watch::channel(false);
        let progress = StartProgress::of(data.partitions());
        let (admin_port, admin_task) = AdminPort::serve(admin_listener, Arc::clone(&progress), stop.clone());
        tracing::info!(admin = %admin_address, "the server starts");
        let checkpointing = checkpointing::options(config, &data)?;
        let prepared = Prepared::new(config, factories, sender, &data.spool())?;
        let runtime = Handle::current();
        let open_reporters = Box::new(move |ends: &[Mark]| prepared.open(ends, &runtime));
        let Services {
            registry,
            connector,
            invoker,
        } = services(config, &data)?;
        let (workers, start) = start_workers(
            config,
            data.clone(),
            open_reporters,
            invoker,
            checkpointing.clone(),
            Arc::clone(&progress),
        )
        .await?;
        let reporters = Arc::clone(&workers.reporters);
        let checkpoints = checkpointing::start(checkpointing, start, &workers)?;
        let refused = Arc::new(RefusedSpans::new(&reporters));
        let ingress = Arc::new(ingress(config, &workers, &registry, &refused));
        let admin = Admin {
            router: Arc::clone(&workers.router),
            registry,
            connector,
            ingress_url: format!("http://{ingress_address}/"),
            checkpoints: checkpoints.handle(),
            metrics: metrics::source(
                workers.log_counters(),
                Arc::clone(&workers.router),
                Arc::clone(&reporters),
                refused,
                checkpoints.handle(),
                progress,
            ),
        };
        admin_port.open(admin.routes());
        let tasks = vec![
            tokio::spawn(listen::ingress(ingress_listener, ingress, stop.clone())),
            admin_task,
            tokio::spawn(disk::watch(
                data,
                workers.log_status(),
                Arc::clone(&workers.router),
                config.state.min_free_disk,
                stop,
            )),
        ];
        Ok(Self {
            workers,
            checkpoints,
            reporters,
            stopping,
            tasks,
            shutdown_timeout: config.shutdown_timeout,
            ingress_address,
            admin_address,
        })
    }

    /// Stops in order: no new requests, everything accepted synced and flushed, spans exported. After the shutdown
    /// timeout it returns all the same: what is not flushed is in the log.
    pub async fn stop(self) {
        let end = Instant::now() + self.shutdown_timeout;
        let left = || end.saturating_duration_since(Instant::now());
        self.workers.refuse_requests();
        self.stopping.send_replace(true);
        let note = tokio::time::timeout(left(), self.checkpoints.stop()).await;
        if !stop_workers(self.workers, left()).await {
            tracing::error!("the workers did not stop in time; the next start takes up what the log has");
        } else if let Ok(Some(note)) = note {
            checkpointing::ended(note);
        }
        for task in self.tasks {
            if tokio::time::timeout(left().min(LISTENER_MAX), task)
                .await
                .is_err()
            {
                tracing::warn!("a listener did not stop in time");
            }
        }
        reporters::shut_down(&self.reporters, left()).await;
    }
}

/// Longest wait for a listener whose clients stay.
const LISTENER_MAX: Duration = Duration::from_secs(2);

/// Whether the workers have stopped in order within this time. They are waited for in a thread that nobody waits for:
/// on a full disk they may not stop at all.
async fn stop_workers(workers: Workers, within: Duration) -> bool {
    let (stopped, stops) = tokio::sync::oneshot::channel();
    let waiting = std::thread::Builder::new().name("everspan-stop".to_owned());
    let started = waiting.spawn(move || {
        workers.stop();
        stopped.send(()).ok();
    });
    match started {
        Ok(_) => tokio::time::timeout(within, stops)
            .await
            .is_ok_and(|stopped| stopped.is_ok()),
        Err(error) => {
            tracing::error!(%error, "no thread to stop the workers in");
            false
        }
    }
}

fn open_data(base_dir: &Path, partitions: u16) -> Result<DataDir, ServerError> {
    let fresh_id = format!("{:032x}", rand::rng().random::<u128>());
    let data = DataDir::open(base_dir, partitions, &fresh_id).map_err(failed)?;
    if data.partitions() != partitions {
        tracing::warn!(
            configured = partitions,
            in_use = data.partitions(),
            "the number of partitions was fixed when the data directory was made"
        );
    }
    Ok(data)
}

/// The way to services.
struct Services {
    registry: Arc<Registry>,
    connector: Arc<Connector>,
    invoker: Arc<Invoker>,
}

fn services(config: &Config, data: &DataDir) -> Result<Services, ServerError> {
    let defaults = Defaults::new(config);
    let registry = Arc::new(Registry::open(data.deployments(), defaults.clone()).map_err(failed)?);
    let connector = Arc::new(Connector::new(connector_options(config)));
    let invoker = Arc::new(Invoker::new(
        Arc::clone(&registry),
        Arc::clone(&connector),
        defaults,
        invoker_options(config),
    ));
    Ok(Services {
        registry,
        connector,
        invoker,
    })
}

/// The longest body or message that still makes a record the log takes, bytes.
const RECORD_MAX: u64 = 512 << 20;

/// Of what the sampler leaves out; `None` if nothing is kept.
fn keep(config: &Config) -> Option<Keep> {
    let keep = config.tracing.keep;
    let slow_ms = keep
        .slow
        .map(|least| u64::try_from(least.as_millis()).unwrap_or(u64::MAX));
    (keep.failed || slow_ms.is_some()).then_some(Keep {
        failed: keep.failed,
        slow_ms,
    })
}

fn ingress(
    config: &Config,
    workers: &Workers,
    registry: &Arc<Registry>,
    refused: &Arc<RefusedSpans>,
) -> Ingress {
    Ingress {
        router: Arc::clone(&workers.router),
        registry: Arc::clone(registry),
        sampler: config.tracing.sampler.clone(),
        takers: worker::takers(&workers.reporters),
        refused: Arc::clone(refused),
        body_max: body_max(config),
    }
}

fn body_max(config: &Config) -> usize {
    usize::try_from(config.ingress.request_size_limit.min(RECORD_MAX)).unwrap_or(usize::MAX)
}

fn connector_options(config: &Config) -> ConnectorOptions {
    let invoker = &config.worker.invoker;
    ConnectorOptions {
        connect_timeout: invoker.connect_timeout,
        keep_alive_interval: invoker.http2_keep_alive_interval,
        keep_alive_timeout: invoker.http2_keep_alive_timeout,
    }
}

fn invoker_options(config: &Config) -> InvokerOptions {
    let invoker = &config.worker.invoker;
    InvokerOptions {
        message_max: u32::try_from(invoker.message_size_limit.min(RECORD_MAX)).unwrap_or(u32::MAX),
        headers: invoker.additional_request_headers.clone(),
    }
}

/// Recovery reads and writes a lot: it runs beside the sockets' threads.
async fn start_workers(
    config: &Config,
    mut data: DataDir,
    reporters: OpenReporters,
    invoker: Arc<Invoker>,
    checkpointing: CheckpointsOptions,
    progress: Arc<StartProgress>,
) -> Result<(Workers, Start), ServerError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let limits = Limits::default();
    let options = WorkersOptions {
        log_dir: data.log(),
        state_dir: data.state(),
        cluster: data.id().to_owned(),
        created: data.is_complete(),
        partitions: data.partitions(),
        threads: config.worker.threads_on(cores),
        segment_bytes: config.log.segment_size,
        cache_bytes: config.state.cache_size,
        eager_state_max: usize::try_from(config.worker.invoker.eager_state_size_limit).unwrap_or(usize::MAX),
        cleanup_interval: config.worker.cleanup_interval,
        events_max: config.tracing.events_max,
        keep: keep(config),
        checkpoints: config.checkpoint.destination.is_some(),
        restored_at: data.restored_at().to_vec(),
        limits: Limits {
            mailbox_max: config.worker.mailbox_max,
            attempts_max: config.worker.invoker.concurrent_invocations_limit,
            flush_bytes: config.state.flush_size,
            // One request of the largest size always has room, beside others.
            request_bytes_max: limits.request_bytes_max.max(2 * body_max(config)),
            ..limits
        },
    };
    let runtime = Handle::current();
    let started = tokio::task::spawn_blocking(move || {
        let (at, of) = (runtime.clone(), checkpointing.clone());
        let begin = Box::new(move || checkpointing::begin(&of, at, progress));
        let (workers, start) =
            worker::start(&options, &runtime, reporters, invoker, begin).map_err(failed)?;
        data.complete().map_err(failed)?;
        Ok((workers, start))
    });
    started.await.map_err(failed)?
}
