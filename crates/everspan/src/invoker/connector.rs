//! Connections to deployments, shared by all attempts: as many as the streams need.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;

use super::connection::{Connection, KeepAlive, Place};

/// Streams on one connection before another one is opened.
const STREAMS_MAX: usize = 128;

/// How to connect.
#[derive(Clone, Debug)]
pub struct ConnectorOptions {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Pause between pings.
    pub keep_alive_interval: Duration,
    /// Longest wait for the answer to one.
    pub keep_alive_timeout: Duration,
}

/// Why there is no connection.
#[derive(Debug)]
pub struct ConnectError {
    authority: String,
    reason: String,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no connection to the service at {}: {}",
            self.authority, self.reason
        )
    }
}

impl std::error::Error for ConnectError {}

/// The connections of the process.
pub struct Connector {
    options: ConnectorOptions,
    pools: Mutex<BTreeMap<String, Arc<Pool>>>,
}

#[derive(Default)]
struct Pool {
    connections: Mutex<Vec<Connection>>,
    opening: tokio::sync::Mutex<()>,
}

impl Pool {
    fn take(&self) -> Option<(SendRequest<Bytes>, Place)> {
        let mut connections = self.connections.lock().expect("no holder of this lock panics");
        connections.retain(|connection| !connection.is_closed());
        connections
            .iter()
            .find_map(|connection| connection.take(STREAMS_MAX))
    }

    /// A place on a connection that lives; the dead ones found on the way get no further stream.
    async fn take_ready(&self, authority: &str) -> Option<(SendRequest<Bytes>, Place)> {
        while let Some((sender, place)) = self.take() {
            match sender.ready().await {
                Ok(sender) => return Some((sender, place)),
                Err(error) => {
                    place.condemn();
                    tracing::debug!(%authority, %error, "a connection to a service is gone");
                }
            }
        }
        None
    }
}

impl Connector {
    /// A connector without connections.
    pub fn new(options: ConnectorOptions) -> Self {
        Self {
            options,
            pools: Mutex::new(BTreeMap::new()),
        }
    }

    /// A place on a connection to `authority` (`host:port`), opened if need be, and ready for one request; waiting
    /// for others who connect counts as connecting.
    pub(super) async fn stream(&self, authority: &str) -> Result<(SendRequest<Bytes>, Place), ConnectError> {
        let timeout = self.options.connect_timeout;
        let pool = self.pool(authority);
        let stream = tokio::time::timeout(timeout, self.ready(&pool, authority)).await;
        stream
            .unwrap_or_else(|_| Err(format!("not connected after {timeout:?}")))
            .map_err(|reason| ConnectError {
                authority: authority.to_owned(),
                reason,
            })
    }

    fn pool(&self, authority: &str) -> Arc<Pool> {
        let mut pools = self.pools.lock().expect("no holder of this lock panics");
        match pools.get(authority) {
            Some(pool) => Arc::clone(pool),
            None => Arc::clone(pools.entry(authority.to_owned()).or_default()),
        }
    }

    /// Connections are opened one at a time, so that a burst of attempts shares what the first of them opens.
    async fn ready(&self, pool: &Pool, authority: &str) -> Result<(SendRequest<Bytes>, Place), String> {
        if let Some(ready) = pool.take_ready(authority).await {
            return Ok(ready);
        }
        let _opening = pool.opening.lock().await;
        if let Some(ready) = pool.take_ready(authority).await {
            return Ok(ready);
        }
        let keep_alive = KeepAlive {
            interval: self.options.keep_alive_interval,
            timeout: self.options.keep_alive_timeout,
        };
        let connection = Connection::open(authority, keep_alive).await?;
        let (sender, place) = connection.place();
        pool.connections
            .lock()
            .expect("no holder of this lock panics")
            .push(connection);
        let sender = sender.ready().await.map_err(|error| error.to_string())?;
        Ok((sender, place))
    }
}
