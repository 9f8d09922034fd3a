//! Everything the story plays on: data directory, collector, server, services.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::child::ServiceProcess;
use super::collector::Collector;
use super::story::DemoError;
use crate::config::{Config, ConfigFlags};
use crate::run::client::Client;
use crate::server::Server;

const MIB: u64 = 1 << 20;

/// All parts, running.
pub(super) struct Stage {
    pub(super) collector: Collector,
    pub(super) server: Server,
    pub(super) services: ServiceProcess,
    pub(super) ingress: Client,
    pub(super) admin: Client,
    data: TempDir,
}

impl Stage {
    /// Starts everything and registers the services. Ports are `port_base` and the three after it, or free ones.
    pub(super) async fn set(port_base: Option<u16>) -> Result<Self, DemoError> {
        let port = |nth: u16| port_base.map_or(0, |base| base + nth);
        let data = tempfile::Builder::new().prefix("everspan-demo-").tempdir()?;
        let services = ServiceProcess::start(port(2)).await?;
        let collector = Collector::start(loopback(port(3)))
            .await
            .map_err(|error| format!("the demo's collector, port {}: {error}", port(3)))?;
        let mut config = config(collector.address.port());
        config.base_dir = data.path().join("everspan-data");
        config.ingress.bind_address = loopback(port(0));
        config.admin.bind_address = loopback(port(1));
        let server = Server::start(&config).await?;
        let stage = Self {
            ingress: Client::new(&format!("http://{}", server.ingress_address))?,
            admin: Client::new(&format!("http://{}", server.admin_address))?,
            collector,
            server,
            services,
            data,
        };
        let registration = json!({ "uri": stage.services_url() });
        stage
            .admin
            .exchange(http::Method::POST, "/deployments", Some(&registration))
            .await?
            .success()?;
        Ok(stage)
    }

    pub(super) fn services_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.services.port)
    }

    /// Kills the services and starts them again on the same port; returns the ids of both processes.
    pub(super) async fn crash_services(self) -> Result<(Self, u32, u32), DemoError> {
        let killed = self.services.pid;
        let port = self.services.kill().await?;
        let services = ServiceProcess::start(port).await?;
        let started = services.pid;
        Ok((Self { services, ..self }, killed, started))
    }

    /// Stops everything in order and removes the data.
    pub(super) async fn strike(self) {
        self.server.stop().await;
        drop(self.services);
        drop(self.collector);
        if let Err(error) = self.data.close() {
            eprintln!("everspan: the demo's data directory is not removed: {error}");
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A small server in a hurry: it retries after 150 ms and sends each span within 20 ms.
fn config(collector_port: u16) -> Config {
    let flags = ConfigFlags::default()
        .with("partitions", "2")
        .with("tracing-endpoint", format!("http://127.0.0.1:{collector_port}"))
        .with("tracing-batch-delay", "20ms");
    let mut config = Config::load(&flags, []).expect("these flags are as their keys expect");
    config.log.segment_size = 4 * MIB;
    config.state.cache_size = 8 * MIB;
    config.shutdown_timeout = Duration::from_secs(30);
    config.default_retry_policy.initial_interval = Duration::from_millis(150);
    config.default_retry_policy.max_interval = Duration::from_secs(1);
    config
}
