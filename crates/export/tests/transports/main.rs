//! The OTLP destination against the receiver program: every protocol, with and without TLS and gzip, and bad days.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod certificates;
mod receiver;
mod span;
mod strange;

use std::path::Path;
use std::time::Duration;

use certificates::Authority;
use everspan_export::otlp::{self, Compression, Protocol, TlsOptions};
use everspan_export::{Batch, Delivery, Destination, OtlpOptions};
use everspan_trace::{KeyValue, catalog};
use receiver::Receiver;

const PROTOCOLS: [Protocol; 3] = [Protocol::Grpc, Protocol::HttpProtobuf, Protocol::HttpJson];

fn options(protocol: Protocol, endpoint: String) -> OtlpOptions {
    OtlpOptions {
        protocol,
        resource: vec![KeyValue::new("service.name", "Everspan")],
        ..OtlpOptions::new(endpoint)
    }
}

fn destination(options: OtlpOptions) -> Box<dyn Destination> {
    otlp::destination(options).unwrap()
}

/// So many copies of one span.
fn batch(spans: usize) -> Batch {
    let mut encoded = Vec::new();
    for _ in 0..spans {
        everspan_trace::otlp::encode_span(&span::span(), &mut encoded);
    }
    let mut batch = Batch::new();
    batch.push(catalog::INVOCATION_SCOPE, &encoded, spans);
    batch
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Why a batch was not taken now.
fn later(delivery: Delivery) -> String {
    match delivery {
        Delivery::Later { wait: None, why } => why,
        other => panic!("{other:?}"),
    }
}

fn check_line(receiver: &Receiver) {
    let mut lines = receiver.lines();
    assert_eq!(lines.len(), 1);
    let line = lines[0].as_object_mut().unwrap();
    assert!(line["recv_ns"].as_u64().unwrap() > 1_700_000_000_000_000_000);
    line.remove("recv_ns");
    assert_eq!(lines[0], span::line());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_arrives_over_every_protocol() {
    for protocol in PROTOCOLS {
        for compression in [Compression::None, Compression::Gzip] {
            let folder = tempfile::tempdir().unwrap();
            let receiver = Receiver::start(folder.path(), &[]);
            let options = OtlpOptions {
                compression,
                ..options(protocol, format!("http://{}", receiver.address))
            };
            let mut destination = destination(options);
            assert_eq!(
                destination.deliver(&batch(1)).await,
                Delivery::taken(),
                "{protocol:?}"
            );
            check_line(&receiver);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_protocol_is_spoken_over_tls_and_mutual_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let (server, client) = (
        authority.sign(folder.path(), "127.0.0.1"),
        authority.sign(folder.path(), "client"),
    );
    let certificate = [
        "--certificate",
        path(&server.certificate),
        "--key",
        path(&server.key),
    ];
    let mutual = [&certificate[..], &["--client-ca", path(&authority.path)]].concat();
    for protocol in PROTOCOLS {
        for (arguments, client) in [(&certificate[..], None), (&mutual[..], Some(&client))] {
            let folder = tempfile::tempdir().unwrap();
            let receiver = Receiver::start(folder.path(), arguments);
            let options = OtlpOptions {
                tls: TlsOptions {
                    ca: Some(authority.path.clone()),
                    certificate: client.map(|pair| pair.certificate.clone()),
                    key: client.map(|pair| pair.key.clone()),
                },
                ..options(protocol, format!("https://{}", receiver.address))
            };
            let mut destination = destination(options);
            assert_eq!(
                destination.deliver(&batch(1)).await,
                Delivery::taken(),
                "{protocol:?}"
            );
            check_line(&receiver);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_not_trusted_gets_no_span_and_the_reason_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, stranger) = (
        Authority::new(folder.path(), "authority"),
        Authority::new(folder.path(), "stranger"),
    );
    let right = authority.sign(folder.path(), "127.0.0.1");
    let wrong_host = authority.sign(folder.path(), "elsewhere.example");
    for protocol in PROTOCOLS {
        for (server, trusted, client_ca, words) in [
            (&right, Some(&stranger), None, "UnknownIssuer"),
            (&right, None, None, "UnknownIssuer"),
            (&wrong_host, Some(&authority), None, "not valid for name"),
            (&right, Some(&authority), Some(&authority), "CertificateRequired"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let mut arguments = vec!["--certificate", path(&server.certificate)];
            arguments.extend(["--key", path(&server.key)]);
            arguments.extend(client_ca.iter().flat_map(|ca| ["--client-ca", path(&ca.path)]));
            let receiver = Receiver::start(folder.path(), &arguments);
            let tls = TlsOptions {
                ca: trusted.map(|authority| authority.path.clone()),
                ..TlsOptions::default()
            };
            let options = OtlpOptions {
                tls,
                ..options(protocol, format!("https://{}", receiver.address))
            };
            let why = later(destination(options).deliver(&batch(1)).await);
            assert!(why.contains(words), "{protocol:?}: {why}");
            assert_eq!(receiver.lines().len(), 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_collector_names_the_wait() {
    for protocol in PROTOCOLS {
        let folder = tempfile::tempdir().unwrap();
        let arguments = ["--refuse-first", "2", "--retry-after-ms", "1500"];
        let receiver = Receiver::start(folder.path(), &arguments);
        let mut destination = destination(options(protocol, format!("http://{}", receiver.address)));
        let asked = match protocol {
            Protocol::Grpc => Duration::from_millis(1500),
            Protocol::HttpProtobuf | Protocol::HttpJson => Duration::from_secs(2),
        };
        for _ in 0..2 {
            let Delivery::Later { wait, why } = destination.deliver(&batch(1)).await else {
                panic!("the receiver refuses two")
            };
            assert_eq!(wait, Some(asked), "{protocol:?}");
            assert!(why.ends_with("not now"), "{why}");
        }
        assert_eq!(destination.deliver(&batch(1)).await, Delivery::taken());
        let words = "received 1 spans: 0 duplicate, 0 rejected, 2 requests refused";
        assert_eq!(receiver.stop(), words);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_collector_rejects_of_a_batch_is_told() {
    for protocol in PROTOCOLS {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start(folder.path(), &["--reject-every", "3"]);
        let mut destination = destination(options(protocol, format!("http://{}", receiver.address)));
        let partial = Delivery::Taken {
            rejected: 3,
            message: Some("some were rejected".to_owned()),
        };
        assert_eq!(destination.deliver(&batch(10)).await, partial, "{protocol:?}");
        assert_eq!(receiver.lines().len(), 7);
        let words = "received 7 spans: 6 duplicate, 3 rejected, 0 requests refused";
        assert_eq!(receiver.stop(), words);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_was_away_is_found_again() {
    for protocol in PROTOCOLS {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start(folder.path(), &[]);
        let address = receiver.address;
        let mut destination = destination(options(protocol, format!("http://{address}")));
        assert_eq!(destination.deliver(&batch(1)).await, Delivery::taken());
        drop(receiver);
        later(destination.deliver(&batch(1)).await);
        let why = later(destination.deliver(&batch(1)).await);
        assert!(why.contains("Connection refused"), "{protocol:?}: {why}");
        let receiver = Receiver::start_at(address, folder.path(), &[]);
        assert_eq!(
            destination.deliver(&batch(1)).await,
            Delivery::taken(),
            "{protocol:?}"
        );
        assert_eq!(receiver.lines().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_too_slow_is_given_up() {
    for protocol in PROTOCOLS {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start(folder.path(), &["--delay-ms", "5000"]);
        let options = OtlpOptions {
            timeout: Duration::from_millis(200),
            ..options(protocol, format!("http://{}", receiver.address))
        };
        let why = later(destination(options).deliver(&batch(1)).await);
        assert_eq!(why, "no answer within 200 ms", "{protocol:?}");
    }
}
