//! What a sender process is to do, as the server tells it: through the pipe, since headers may be secrets, and since a
//! file of the configuration may have changed by the time the process is started again.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use everspan_trace::{KeyValue, Value};
use serde::{Deserialize, Serialize};

use crate::OtlpOptions;
use crate::otlp::{Compression, Protocol, TlsOptions};

/// Of the order, the greeting, batches and answers together. A program is its own sender process, so the two ends differ only
/// where somebody has mixed them up.
const VERSION: u32 = 1;

/// The first line a sender process gets.
#[derive(Serialize, Deserialize)]
pub(super) struct Order {
    version: u32,
    protocol: Spoken,
    endpoint: String,
    headers: BTreeMap<String, String>,
    ca: Option<Bytes>,
    certificate: Option<Bytes>,
    key: Option<Bytes>,
    gzip: bool,
    timeout: Duration,
    resource: Vec<(String, Plain)>,
}

/// A path; it need not be text.
type Bytes = Vec<u8>;

#[derive(Serialize, Deserialize)]
enum Spoken {
    Grpc,
    HttpProtobuf,
    HttpJson,
}

/// A value of an attribute.
#[derive(Serialize, Deserialize)]
enum Plain {
    Text(String),
    Int(i64),
    /// The bits: JSON knows neither infinity nor NaN.
    Double(u64),
    Bool(bool),
}

impl Order {
    pub(super) fn of(options: &OtlpOptions) -> Self {
        let bytes = |path: &Option<PathBuf>| path.as_deref().map(bytes);
        let attribute = |one: &KeyValue| (one.key.clone().into_owned(), Plain::of(&one.value));
        Self {
            version: VERSION,
            protocol: match options.protocol {
                Protocol::Grpc => Spoken::Grpc,
                Protocol::HttpProtobuf => Spoken::HttpProtobuf,
                Protocol::HttpJson => Spoken::HttpJson,
            },
            endpoint: options.endpoint.clone(),
            headers: options.headers.clone(),
            ca: bytes(&options.tls.ca),
            certificate: bytes(&options.tls.certificate),
            key: bytes(&options.tls.key),
            gzip: options.compression == Compression::Gzip,
            timeout: options.timeout,
            resource: options.resource.iter().map(attribute).collect(),
        }
    }

    /// The error is a reason in words.
    pub(super) fn into_options(self) -> Result<OtlpOptions, String> {
        if self.version != VERSION {
            return Err(format!(
                "the server speaks version {} with its sender processes, this one speaks version {VERSION}",
                self.version
            ));
        }
        let path = |bytes: Option<Bytes>| bytes.map(|bytes| PathBuf::from(OsString::from_vec(bytes)));
        Ok(OtlpOptions {
            protocol: match self.protocol {
                Spoken::Grpc => Protocol::Grpc,
                Spoken::HttpProtobuf => Protocol::HttpProtobuf,
                Spoken::HttpJson => Protocol::HttpJson,
            },
            endpoint: self.endpoint,
            headers: self.headers,
            tls: TlsOptions {
                ca: path(self.ca),
                certificate: path(self.certificate),
                key: path(self.key),
            },
            compression: if self.gzip {
                Compression::Gzip
            } else {
                Compression::None
            },
            timeout: self.timeout,
            resource: self.resource.into_iter().map(attribute).collect(),
        })
    }
}

impl Plain {
    fn of(value: &Value) -> Self {
        match value {
            Value::Str(text) => Self::Text(text.as_str().to_owned()),
            Value::Int(number) => Self::Int(*number),
            Value::Double(number) => Self::Double(number.to_bits()),
            Value::Bool(truth) => Self::Bool(*truth),
        }
    }
}

impl fmt::Debug for Order {
    /// Headers may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

fn bytes(path: &Path) -> Bytes {
    path.as_os_str().as_bytes().to_vec()
}

fn attribute((key, value): (String, Plain)) -> KeyValue {
    let value = match value {
        Plain::Text(text) => Value::from(text),
        Plain::Int(number) => Value::Int(number),
        Plain::Double(bits) => Value::Double(f64::from_bits(bits)),
        Plain::Bool(truth) => Value::Bool(truth),
    };
    KeyValue::new(key, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through_the_pipe(options: &OtlpOptions) -> Result<OtlpOptions, String> {
        let line = serde_json::to_vec(&Order::of(options)).unwrap();
        let order: Order = serde_json::from_slice(&line).unwrap();
        order.into_options()
    }

    #[test]
    fn options_arrive_as_they_were() {
        let not_text = PathBuf::from(OsString::from_vec(vec![b'/', 0xff]));
        let plain = OtlpOptions::new("http://localhost:4317");
        let full = OtlpOptions {
            protocol: Protocol::HttpJson,
            headers: BTreeMap::from([("authorization".to_owned(), "Bearer \"x\"\t".to_owned())]),
            tls: TlsOptions {
                ca: Some(not_text),
                certificate: Some("a".into()),
                key: Some("b".into()),
            },
            compression: Compression::Gzip,
            timeout: Duration::new(7, 1),
            resource: vec![
                KeyValue::new("text", "é\n"),
                KeyValue::new("int", i64::MIN),
                KeyValue::new("double", f64::INFINITY),
                KeyValue::new("bool", true),
            ],
            ..plain.clone()
        };
        let binary = OtlpOptions {
            protocol: Protocol::HttpProtobuf,
            ..plain.clone()
        };
        for options in [plain, binary, full] {
            assert_eq!(through_the_pipe(&options), Ok(options));
        }
    }

    #[test]
    fn an_order_of_another_version_is_refused() {
        let order = Order {
            version: 2,
            ..Order::of(&OtlpOptions::new("http://localhost:4317"))
        };
        let why = order.into_options().unwrap_err();
        assert!(why.contains("version 2"), "{why}");
    }

    #[test]
    fn an_order_does_not_show_its_headers() {
        let mut options = OtlpOptions::new("http://localhost:4317");
        options
            .headers
            .insert("authorization".to_owned(), "secret".to_owned());
        let shown = format!("{:?}", Order::of(&options));
        assert!(shown.contains("4317") && !shown.contains("secret"), "{shown}");
    }
}
