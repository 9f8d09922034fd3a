//! Where spans are sent: a URL whose scheme says which protocol is spoken there.

use std::fmt;

/// The address of a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The protocol spoken there.
    pub scheme: EndpointScheme,
    /// Host name or IP address; IPv6 in brackets, as in a URL.
    pub host: String,
    /// TCP port; when none was written, the scheme's own.
    pub port: u16,
    /// The path with its leading slash; empty when none was written.
    pub path: String,
}

/// The scheme of an [`Endpoint`]; those this version can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointScheme {
    /// `http`: OTLP over gRPC, not encrypted; port 80 when none is written.
    Http,
    /// `grpc`: the same; port 4317 when none is written.
    Grpc,
}

/// What the configuration takes as an endpoint, in words.
pub(super) const FORM: &str = "an OTLP/gRPC endpoint, such as http://localhost:4317 or grpc://localhost";

/// Schemes that are part of the contract and that this version does not speak yet.
const LATER: [&str; 5] = [
    "https",
    "otlp+http",
    "otlp+https",
    "otlp+json+http",
    "otlp+json+https",
];

impl Endpoint {
    /// The endpoint as an `http` URL, for an HTTP/2 client.
    pub fn http_url(&self) -> String {
        format!("http://{}:{}{}", self.host, self.port, self.path)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}://{}:{}{}",
            self.scheme.name(),
            self.host,
            self.port,
            self.path
        )
    }
}

impl EndpointScheme {
    fn name(self) -> &'static str {
        match self {
            EndpointScheme::Http => "http",
            EndpointScheme::Grpc => "grpc",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            EndpointScheme::Http => 80,
            EndpointScheme::Grpc => 4317,
        }
    }
}

/// The endpoint `text` names, or what is wrong with it. Looks at the syntax only.
pub(super) fn parse(text: &str) -> Result<Endpoint, String> {
    let url: http::Uri = text.trim().parse().map_err(|_| format!("expected {FORM}"))?;
    let scheme = scheme(
        url.scheme_str()
            .ok_or_else(|| format!("no scheme; expected {FORM}"))?,
    )?;
    let authority = url
        .authority()
        .ok_or_else(|| format!("no host; expected {FORM}"))?;
    if authority.as_str().contains('@') {
        return Err("credentials belong into tracing-headers, not into the URL".to_owned());
    }
    if url.query().is_some() {
        return Err("an endpoint takes no query".to_owned());
    }
    let port = port(authority, scheme)?;
    let path = if url.path() == "/" { "" } else { url.path() };
    Ok(Endpoint {
        scheme,
        host: authority.host().to_owned(),
        port,
        path: path.to_owned(),
    })
}

fn port(authority: &http::uri::Authority, scheme: EndpointScheme) -> Result<u16, String> {
    if authority.as_str() == authority.host() {
        return Ok(scheme.default_port());
    }
    let written = authority.port_u16().filter(|port| *port != 0);
    written.ok_or_else(|| "the port must be a number from 1 to 65535".to_owned())
}

fn scheme(name: &str) -> Result<EndpointScheme, String> {
    match name {
        "http" => Ok(EndpointScheme::Http),
        "grpc" => Ok(EndpointScheme::Grpc),
        later if LATER.contains(&later) => Err(format!(
            "the scheme {later} is not supported in this version; supported are http and grpc, both OTLP/gRPC without TLS"
        )),
        other => Err(format!(
            "unknown scheme {other}; supported are http and grpc, both OTLP/gRPC without TLS"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_read_into_its_parts() {
        for (text, shown, url) in [
            (
                "http://localhost:4317",
                "http://localhost:4317",
                "http://localhost:4317",
            ),
            (
                "http://localhost:4317/",
                "http://localhost:4317",
                "http://localhost:4317",
            ),
            ("HTTP://collector", "http://collector:80", "http://collector:80"),
            (
                "grpc://collector",
                "grpc://collector:4317",
                "http://collector:4317",
            ),
            ("grpc://[::1]:9/x", "grpc://[::1]:9/x", "http://[::1]:9/x"),
        ] {
            let endpoint = parse(text).unwrap();
            assert_eq!(
                (endpoint.to_string().as_str(), endpoint.http_url().as_str()),
                (shown, url),
                "{text}"
            );
            assert_eq!(parse(shown), Ok(endpoint), "{text}");
        }
    }

    #[test]
    fn a_bad_endpoint_is_refused_with_what_would_be_right() {
        for (text, reason) in [
            ("localhost:4317", "expected an OTLP/gRPC endpoint"),
            ("localhost", "no scheme"),
            ("not a url", "expected an OTLP/gRPC endpoint"),
            ("http://", "expected an OTLP/gRPC endpoint"),
            ("http://h:99999", "from 1 to 65535"),
            ("http://h:0", "from 1 to 65535"),
            ("http://h:", "from 1 to 65535"),
            ("http://user:secret@h", "tracing-headers"),
            ("http://h/?a=b", "no query"),
            (
                "https://h",
                "scheme https is not supported in this version; supported are http and grpc",
            ),
            (
                "otlp+http://h:4318/v1/traces",
                "otlp+http is not supported in this version",
            ),
            (
                "otlp+json+https://h",
                "otlp+json+https is not supported in this version",
            ),
            ("ftp://h", "unknown scheme ftp"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }
}
