//! From an endpoint as it was written to the URL that requests go to.

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use super::Protocol;
use crate::ExportError;

const GRPC_METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// What the OTLP specification adds to an endpoint that names no path of its own.
const HTTP_PATH: &str = "/v1/traces";
const GRPC_PORT: u16 = 4317;

/// Where requests go.
pub(super) struct Target {
    /// Scheme `http` or `https`, host, port if any, path.
    pub(super) uri: Uri,
}

impl Target {
    pub(super) fn of(protocol: Protocol, endpoint: &str) -> Result<Self, ExportError> {
        let bad_endpoint = || ExportError::BadEndpoint {
            endpoint: without_credentials(endpoint),
        };
        let given: Uri = endpoint.parse().map_err(|_| bad_endpoint())?;
        let authority = given.authority().ok_or_else(bad_endpoint)?;
        if authority.as_str().contains('@') {
            return Err(ExportError::CredentialsInEndpoint {
                endpoint: without_credentials(endpoint),
            });
        }
        if authority.host().is_empty() || has_bad_port(authority) {
            return Err(bad_endpoint());
        }
        let (scheme, default_port) = match given.scheme_str() {
            Some("http") => (Scheme::HTTP, None),
            Some("https") => (Scheme::HTTPS, None),
            Some("grpc") => (Scheme::HTTP, Some(GRPC_PORT)),
            Some("grpcs") => (Scheme::HTTPS, Some(GRPC_PORT)),
            None => return Err(bad_endpoint()),
            Some(_) => {
                return Err(ExportError::UnknownScheme {
                    endpoint: endpoint.to_owned(),
                });
            }
        };
        let authority = match default_port {
            Some(port) if authority.port().is_none() => format!("{authority}:{port}"),
            _ => authority.to_string(),
        };
        Uri::builder()
            .scheme(scheme)
            .authority(authority)
            .path_and_query(path(protocol, &given))
            .build()
            .map(|uri| Self { uri })
            .map_err(|_| bad_endpoint())
    }

    /// For the log: without the method's path, which is the same for every gRPC collector.
    pub(super) fn place(&self) -> String {
        let text = self.uri.to_string();
        text.strip_suffix(GRPC_METHOD)
            .map_or_else(|| text.clone(), str::to_owned)
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.uri.scheme() == Some(&Scheme::HTTPS)
    }
}

fn path(protocol: Protocol, given: &Uri) -> PathAndQuery {
    match protocol {
        Protocol::Grpc => PathAndQuery::from_static(GRPC_METHOD),
        Protocol::HttpProtobuf | Protocol::HttpJson => match given.path_and_query() {
            Some(path) if path != "/" => path.clone(),
            _ => PathAndQuery::from_static(HTTP_PATH),
        },
    }
}

/// `http::Uri` lets `host:` and ports that are too large pass.
fn has_bad_port(authority: &Authority) -> bool {
    let has_port = authority.as_str().len() > authority.host().len();
    has_port && authority.port_u16().is_none_or(|port| port == 0)
}

/// What stands before the `@` of a URL may be a secret.
fn without_credentials(endpoint: &str) -> String {
    let start = endpoint.find("://").map_or(0, |colon| colon + 3);
    let (scheme, rest) = endpoint.split_at(start);
    match rest.rfind('@') {
        Some(at) => format!("{scheme}…{}", &rest[at..]),
        None => endpoint.to_owned(),
    }
}

#[cfg(test)]
mod tests;
