//! Where a deployment listens: `http://host:port/base`.

use std::fmt;
use std::str::FromStr;

/// A checked service address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAddress {
    host: String,
    port: u16,
    base: String,
}

/// Why a text is no service address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// It does not parse as a URI.
    Syntax(String),
    /// A scheme we do not speak.
    Scheme(String),
    /// No host in it.
    NoHost(String),
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(text) => write!(
                f,
                "the service address {text:?} is not a URI such as http://localhost:9080"
            ),
            Self::Scheme(text) => {
                write!(
                    f,
                    "the service address {text:?} does not begin with http://, the one scheme this version speaks"
                )
            }
            Self::NoHost(text) => write!(f, "the service address {text:?} has no host"),
        }
    }
}

impl std::error::Error for AddressError {}

impl ServiceAddress {
    /// `host:port`, for connecting.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The whole URI of a path below the base: `uri("/discover")`.
    pub fn uri(&self, path: &str) -> String {
        format!("http://{}:{}{}{}", self.host, self.port, self.base, path)
    }
}

impl fmt::Display for ServiceAddress {
    /// With a slash at the end, as spans and the admin API show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}{}/", self.host, self.port, self.base)
    }
}

impl FromStr for ServiceAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let uri: http::Uri = text.parse().map_err(|_| AddressError::Syntax(text.to_owned()))?;
        if uri.scheme_str() != Some("http") {
            return Err(AddressError::Scheme(text.to_owned()));
        }
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| AddressError::NoHost(text.to_owned()))?;
        Ok(Self {
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(80),
            base: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let cases = [
            ("http://localhost:9080", Ok("http://localhost:9080/")),
            ("http://h:1/base/path/", Ok("http://h:1/base/path/")),
            ("http://h", Ok("http://h:80/")),
            ("http://[::1]:9080", Ok("http://[::1]:9080/")),
            ("https://h:1", Err(AddressError::Scheme("https://h:1".into()))),
            (
                "localhost:9080",
                Err(AddressError::Scheme("localhost:9080".into())),
            ),
            ("", Err(AddressError::Syntax(String::new()))),
        ];
        for (text, expected) in cases {
            let parsed = text.parse::<ServiceAddress>().map(|address| address.to_string());
            assert_eq!(parsed, expected.map(str::to_owned), "{text}");
        }
    }
}
