//! Where spans are sent: a URL whose scheme says which protocol is spoken there.
//!
//! A scheme is made of tokens with `+` between them, in any order:
//!
//! ```text
//!   http  https                    OTLP/gRPC              ports 80 and 443
//!   grpc  grpcs                    OTLP/gRPC              port 4317
//!   otlp+http       otlp+https     OTLP/HTTP, protobuf    ports 80 and 443; also otlp+proto+http(s)
//!   otlp+json+http  …+https        OTLP/HTTP, JSON        ports 80 and 443
//! ```

use std::fmt;

/// The address of a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The scheme as it was written, in lower case.
    pub scheme: String,
    /// The protocol spoken there.
    pub protocol: EndpointProtocol,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Host name or IP address; IPv6 in brackets, as in a URL.
    pub host: String,
    /// TCP port; when none was written, the scheme's own.
    pub port: u16,
    /// The path with its leading slash; empty when none was written.
    pub path: String,
}

/// The protocol spoken at an [`Endpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointProtocol {
    /// OTLP over gRPC.
    Grpc,
    /// OTLP over HTTP, protobuf.
    HttpProtobuf,
    /// OTLP over HTTP, JSON.
    HttpJson,
}

/// What the configuration takes as an endpoint, in words.
pub(super) const FORM: &str = "a URL such as http://localhost:4317 for OTLP/gRPC \
     or otlp+http://localhost:4318/v1/traces for OTLP/HTTP";

const SCHEMES: &str = "http, https, grpc, grpcs (OTLP/gRPC), otlp+http, otlp+https (OTLP/HTTP), \
     otlp+json+http, otlp+json+https (OTLP/HTTP with JSON)";

impl Endpoint {
    /// The endpoint as an `http` or `https` URL, for an HTTP client.
    pub fn http_url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}:{}{}", self.host, self.port, self.path)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}:{}{}", self.scheme, self.host, self.port, self.path)
    }
}

impl fmt::Display for EndpointProtocol {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            EndpointProtocol::Grpc => "OTLP/gRPC",
            EndpointProtocol::HttpProtobuf => "OTLP/HTTP, protobuf",
            EndpointProtocol::HttpJson => "OTLP/HTTP, JSON",
        })
    }
}

/// What a scheme says.
#[derive(Clone, Copy)]
struct Scheme {
    protocol: EndpointProtocol,
    tls: bool,
    default_port: u16,
}

/// The endpoint `text` names, or what is wrong with it. Looks at the syntax only.
pub(super) fn parse(text: &str) -> Result<Endpoint, String> {
    let url: http::Uri = text.trim().parse().map_err(|_| format!("expected {FORM}"))?;
    let name = url
        .scheme_str()
        .ok_or_else(|| format!("no scheme; expected {FORM}"))?
        .to_ascii_lowercase();
    let scheme = scheme(&name)?;
    let authority = url
        .authority()
        .ok_or_else(|| format!("no host; expected {FORM}"))?;
    if authority.as_str().contains('@') {
        return Err("credentials belong into the headers, not into the URL".to_owned());
    }
    if url.query().is_some() {
        return Err("an endpoint takes no query".to_owned());
    }
    if authority.host().is_empty() {
        return Err(format!("no host; expected {FORM}"));
    }
    let port = port(authority, scheme)?;
    let path = if url.path() == "/" { "" } else { url.path() };
    Ok(Endpoint {
        scheme: name,
        protocol: scheme.protocol,
        tls: scheme.tls,
        host: authority.host().to_owned(),
        port,
        path: path.to_owned(),
    })
}

fn port(authority: &http::uri::Authority, scheme: Scheme) -> Result<u16, String> {
    if authority.as_str() == authority.host() {
        return Ok(scheme.default_port);
    }
    let written = authority.port_u16().filter(|port| *port != 0);
    written.ok_or_else(|| "the port must be a number from 1 to 65535".to_owned())
}

fn scheme(name: &str) -> Result<Scheme, String> {
    let mut tokens: Vec<&str> = name.split('+').collect();
    tokens.sort_unstable();
    let (protocol, tls, default_port) = match tokens[..] {
        ["http"] | ["grpc", "http"] | ["grpc", "http", "otlp"] => (EndpointProtocol::Grpc, false, 80),
        ["https"] | ["grpc", "https"] | ["grpc", "https", "otlp"] => (EndpointProtocol::Grpc, true, 443),
        ["grpc"] | ["grpc", "otlp"] => (EndpointProtocol::Grpc, false, 4317),
        ["grpcs"] | ["grpcs", "otlp"] => (EndpointProtocol::Grpc, true, 4317),
        ["http", "otlp"] | ["http", "otlp", "proto"] => (EndpointProtocol::HttpProtobuf, false, 80),
        ["https", "otlp"] | ["https", "otlp", "proto"] => (EndpointProtocol::HttpProtobuf, true, 443),
        ["http", "json", "otlp"] => (EndpointProtocol::HttpJson, false, 80),
        ["https", "json", "otlp"] => (EndpointProtocol::HttpJson, true, 443),
        _ => return Err(format!("unknown scheme {name}; supported are {SCHEMES}")),
    };
    Ok(Scheme {
        protocol,
        tls,
        default_port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An endpoint, how it is shown, its URL, and the protocol spoken there.
    const GOOD: &[(&str, &str, &str, EndpointProtocol)] = &[
        (
            "http://localhost:4317",
            "http://localhost:4317",
            "http://localhost:4317",
            EndpointProtocol::Grpc,
        ),
        (
            "http://localhost:4317/",
            "http://localhost:4317",
            "http://localhost:4317",
            EndpointProtocol::Grpc,
        ),
        (
            "HTTP://collector",
            "http://collector:80",
            "http://collector:80",
            EndpointProtocol::Grpc,
        ),
        (
            "https://collector",
            "https://collector:443",
            "https://collector:443",
            EndpointProtocol::Grpc,
        ),
        (
            "grpc://collector",
            "grpc://collector:4317",
            "http://collector:4317",
            EndpointProtocol::Grpc,
        ),
        (
            "grpcs://collector",
            "grpcs://collector:4317",
            "https://collector:4317",
            EndpointProtocol::Grpc,
        ),
        (
            "grpc+otlp://[::1]:9/x",
            "grpc+otlp://[::1]:9/x",
            "http://[::1]:9/x",
            EndpointProtocol::Grpc,
        ),
        (
            "otlp+http://h:4318/v1/traces",
            "otlp+http://h:4318/v1/traces",
            "http://h:4318/v1/traces",
            EndpointProtocol::HttpProtobuf,
        ),
        (
            "https+otlp://h",
            "https+otlp://h:443",
            "https://h:443",
            EndpointProtocol::HttpProtobuf,
        ),
        (
            "http+proto+otlp://h/",
            "http+proto+otlp://h:80",
            "http://h:80",
            EndpointProtocol::HttpProtobuf,
        ),
        (
            "otlp+json+http://h:1/x/",
            "otlp+json+http://h:1/x/",
            "http://h:1/x/",
            EndpointProtocol::HttpJson,
        ),
        (
            "json+https+otlp://h",
            "json+https+otlp://h:443",
            "https://h:443",
            EndpointProtocol::HttpJson,
        ),
    ];

    #[test]
    fn an_endpoint_is_read_into_its_parts() {
        for (text, shown, url, protocol) in GOOD {
            let endpoint = parse(text).unwrap();
            assert_eq!(
                (
                    endpoint.to_string().as_str(),
                    endpoint.http_url().as_str(),
                    endpoint.protocol
                ),
                (*shown, *url, *protocol),
                "{text}"
            );
            assert_eq!(parse(shown), Ok(endpoint), "{text}");
        }
    }

    #[test]
    fn a_bad_endpoint_is_refused_with_what_would_be_right() {
        for (text, reason) in [
            ("localhost:4317", "expected a URL such as"),
            ("localhost", "no scheme"),
            ("not a url", "expected a URL such as"),
            ("http://", "expected a URL such as"),
            ("http://h:99999", "from 1 to 65535"),
            ("http://h:0", "from 1 to 65535"),
            ("http://h:", "from 1 to 65535"),
            ("http://user:secret@h", "credentials belong into the headers"),
            ("http://h/?a=b", "no query"),
            ("ftp://h", "unknown scheme ftp; supported are http, https, grpc"),
            ("otlp://h", "unknown scheme otlp"),
            ("json+http://h", "unknown scheme json+http"),
            ("otlp+proto+json+http://h", "unknown scheme otlp+proto+json+http"),
            ("http+http://h", "unknown scheme http+http"),
            ("otlp+http+https://h", "unknown scheme otlp+http+https"),
            ("http+://h", "unknown scheme http+"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }
}
