//! One HTTP/2 connection to a deployment: prior knowledge, pings, large windows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::quickack::QuickAck;

const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// How a connection is kept.
#[derive(Clone, Debug)]
pub(super) struct KeepAlive {
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
}

/// A connection; cheap to clone.
#[derive(Clone)]
pub(super) struct Connection {
    sender: SendRequest<Bytes>,
    streams: Arc<AtomicUsize>,
    closed: Arc<AtomicBool>,
}

/// A stream's place on its connection, given back when dropped.
pub(super) struct Place {
    streams: Arc<AtomicUsize>,
    closed: Arc<AtomicBool>,
}

impl Place {
    /// The connection turned out to be dead: no further stream on it.
    pub(super) fn condemn(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    /// Connects and waits until the service has shown that it speaks HTTP/2: by then its settings are known.
    pub(super) async fn open(authority: &str, keep_alive: KeepAlive) -> Result<Self, String> {
        let stream = TcpStream::connect(authority)
            .await
            .map_err(|error| error.to_string())?;
        let stream = QuickAck::new(stream).map_err(|error| error.to_string())?;
        let (sender, mut connection) = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_reset_streams(1024)
            .handshake::<_, Bytes>(stream)
            .await
            .map_err(|error| error.to_string())?;
        let closed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&closed);
        let pings = connection.ping_pong().expect("a new connection has its pings");
        let (first, answered) = oneshot::channel();
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = &mut connection => ended.err().map(|error| error.to_string()),
                () = watch(pings, first, keep_alive) => Some("the service did not answer pings".to_owned()),
            };
            flag.store(true, Ordering::Relaxed);
            if let Some(error) = ended {
                tracing::debug!(%error, "connection to a service ended");
            }
        });
        answered
            .await
            .map_err(|_| "it closed the connection, or it does not speak HTTP/2 without TLS".to_owned())?;
        Ok(Self {
            sender,
            streams: Arc::new(AtomicUsize::new(0)),
            closed,
        })
    }

    /// Takes a place if fewer than `max` streams are open, and fewer than the service allows: one more would wait
    /// for the others, which perhaps wait for what it is to do.
    pub(super) fn take(&self, max: usize) -> Option<(SendRequest<Bytes>, Place)> {
        let open = self.streams.load(Ordering::Relaxed);
        if self.closed.load(Ordering::Relaxed) || open >= max.min(self.sender.current_max_send_streams()) {
            return None;
        }
        Some(self.place())
    }

    /// Takes a place on a connection just opened, whatever the service allows.
    pub(super) fn place(&self) -> (SendRequest<Bytes>, Place) {
        self.streams.fetch_add(1, Ordering::Relaxed);
        let place = Place {
            streams: Arc::clone(&self.streams),
            closed: Arc::clone(&self.closed),
        };
        (self.sender.clone(), place)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }
}

/// Tells of the first answer to a ping; returns when one stays unanswered.
async fn watch(mut pings: h2::PingPong, first: oneshot::Sender<()>, keep_alive: KeepAlive) {
    match pings.ping(h2::Ping::opaque()).await {
        Ok(_) => first.send(()).ok(),
        Err(_) => std::future::pending().await,
    };
    loop {
        tokio::time::sleep(keep_alive.interval).await;
        let pong = pings.ping(h2::Ping::opaque());
        match tokio::time::timeout(keep_alive.timeout, pong).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => std::future::pending().await,
            Err(_) => return,
        }
    }
}
