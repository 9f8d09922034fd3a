//! Asking a deployment what it offers: `GET {base}/discover`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use everspan_protocol::manifest::{accept_header, version_of};

use crate::address::ServiceAddress;
use crate::invoker::{Connector, get};

const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);
const BODY_MAX: usize = 16 * 1024 * 1024;

/// Why a deployment could not be discovered.
#[derive(Debug)]
pub enum DiscoveryError {
    /// It does not answer.
    Unreachable(String, String),
    /// It answers, but not with a manifest.
    Status(String, u16),
    /// The answer is no manifest we read.
    Manifest(String, String),
}

impl fmt::Display for DiscoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(uri, why) => write!(f, "{uri} does not answer: {why}"),
            Self::Status(uri, 404) => {
                write!(
                    f,
                    "{uri} answered 404: is the address right, and is a path missing in it?"
                )
            }
            Self::Status(uri, status) => write!(f, "{uri} answered with status {status}"),
            Self::Manifest(uri, why) => {
                write!(f, "{uri} answered with a manifest that cannot be used: {why}")
            }
        }
    }
}

impl std::error::Error for DiscoveryError {}

/// A manifest as it came.
pub(super) struct Discovered {
    pub(super) manifest_json: String,
    pub(super) sdk_version: Option<String>,
}

/// Asks, and asks again while the deployment seems to be starting.
pub(super) async fn discover(
    connector: &Connector,
    address: &ServiceAddress,
    headers: &BTreeMap<String, String>,
) -> Result<Discovered, DiscoveryError> {
    let uri = address.uri("/discover");
    let mut last = DiscoveryError::Unreachable(uri.clone(), "not tried".to_owned());
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        last = match ask(connector, address, headers, &uri).await {
            Err(error @ DiscoveryError::Unreachable(..)) => error,
            Err(DiscoveryError::Status(uri, status)) if matches!(status, 408 | 429 | 500..) => {
                DiscoveryError::Status(uri, status)
            }
            settled => return settled,
        };
    }
    Err(last)
}

async fn ask(
    connector: &Connector,
    address: &ServiceAddress,
    headers: &BTreeMap<String, String>,
    uri: &str,
) -> Result<Discovered, DiscoveryError> {
    let mut request = http::Request::get(uri).header(http::header::ACCEPT, accept_header());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let unreachable = |why: String| DiscoveryError::Unreachable(uri.to_owned(), why);
    let request = request.body(()).map_err(|error| unreachable(error.to_string()))?;
    let response = get(connector, address, request, BODY_MAX)
        .await
        .map_err(unreachable)?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(DiscoveryError::Status(uri.to_owned(), status));
    }
    let refuse = |why: String| DiscoveryError::Manifest(uri.to_owned(), why);
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    version_of(header("content-type").unwrap_or_default()).map_err(|error| refuse(error.to_string()))?;
    let sdk_version = header("x-restate-server").map(str::to_owned);
    let manifest_json =
        String::from_utf8(response.into_body()).map_err(|_| refuse("it is not UTF-8".to_owned()))?;
    Ok(Discovered {
        manifest_json,
        sdk_version,
    })
}
