//! A plain GET over the same connections, for discovery.

use std::time::Duration;

use super::Connector;
use crate::address::ServiceAddress;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends the request and reads the whole body, at most `body_max` bytes.
pub(crate) async fn get(
    connector: &Connector,
    address: &ServiceAddress,
    request: http::Request<()>,
    body_max: usize,
) -> Result<http::Response<Vec<u8>>, String> {
    let exchange = exchange(connector, address, request, body_max);
    tokio::time::timeout(TIMEOUT, exchange)
        .await
        .map_err(|_| format!("no answer after {TIMEOUT:?}"))?
}

async fn exchange(
    connector: &Connector,
    address: &ServiceAddress,
    request: http::Request<()>,
    body_max: usize,
) -> Result<http::Response<Vec<u8>>, String> {
    let (mut sender, _place) = connector
        .stream(&address.authority())
        .await
        .map_err(|error| error.to_string())?;
    let (response, _) = sender
        .send_request(request, true)
        .map_err(|error| error.to_string())?;
    let (parts, mut body) = response.await.map_err(|error| error.to_string())?.into_parts();
    let mut bytes = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(|error| error.to_string())?;
        if bytes.len() + piece.len() > body_max {
            return Err(format!("the answer is longer than {body_max} bytes"));
        }
        bytes.extend_from_slice(&piece);
        body.flow_control()
            .release_capacity(piece.len())
            .map_err(|error| error.to_string())?;
    }
    Ok(http::Response::from_parts(parts, bytes))
}
