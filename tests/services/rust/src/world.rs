//! The outside world: the driver's HTTP endpoint, which counts and remembers what handlers do.

use restate_sdk::prelude::HandlerError;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The input of every handler that takes more than one word; a handler reads only its own fields.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ask {
    /// Base address of the outside world, `http://host:port`.
    pub world: String,
    /// Name under which the world counts.
    pub id: String,
    pub key: String,
    pub keys: Vec<String>,
    pub n: u64,
    pub ms: u64,
    pub failures: u64,
    pub attempts: u32,
    pub message: String,
    pub code: u16,
    pub value: String,
    /// An invocation id or an awakeable id.
    pub target: String,
}

/// Counts one execution of `step` and returns how many there have been, this one included.
pub(crate) async fn hit(world: &str, id: &str, step: u64) -> Result<u64, HandlerError> {
    Ok(get(world, &format!("/hit/{id}/{step}")).await?.parse()?)
}

/// Leaves `text` for the driver under `id`.
pub(crate) async fn tell(world: &str, id: &str, text: &str) -> Result<(), HandlerError> {
    get(world, &format!("/tell/{id}/{text}")).await?;
    Ok(())
}

async fn get(world: &str, path: &str) -> Result<String, HandlerError> {
    let host = world.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    match response.split_once("\r\n\r\n") {
        Some((head, body)) if head.split(' ').nth(1) == Some("200") => Ok(body.to_owned()),
        _ => Err(HandlerError::from(format!("the world answered {response:?}"))),
    }
}
