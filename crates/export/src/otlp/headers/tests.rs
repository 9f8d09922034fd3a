use std::collections::BTreeMap;

use super::*;

fn options(protocol: Protocol, headers: &[(&str, &str)]) -> OtlpOptions {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    OtlpOptions {
        protocol,
        headers: headers.iter().map(owned).collect::<BTreeMap<_, _>>(),
        ..OtlpOptions::new("http://c:1")
    }
}

#[test]
fn the_user_s_headers_stand_beside_the_protocol_s() {
    let given = [("Authorization", "Bearer s3cret"), ("user-agent", "mine")];
    let mut options = options(Protocol::Grpc, &given);
    options.compression = Compression::Gzip;
    let headers = of(&options).unwrap();
    let mut found: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("authorization", "Bearer s3cret"),
            ("content-type", "application/grpc"),
            ("grpc-encoding", "gzip"),
            ("grpc-timeout", "10000m"),
            ("te", "trailers"),
            ("user-agent", "mine"),
        ]
    );
    options.protocol = Protocol::HttpJson;
    let headers = of(&options).unwrap();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["content-encoding"], "gzip");
    assert_eq!(headers.len(), 4);
}

#[test]
fn secrets_are_not_shown() {
    let options = options(Protocol::HttpProtobuf, &[("authorization", "s3cret")]);
    let shown = format!("{options:?} {:?}", of(&options).unwrap());
    assert!(
        shown.contains("authorization") && !shown.contains("s3cret"),
        "{shown}"
    );
}

#[test]
fn a_bad_header_is_named_without_its_value() {
    for (name, value, words) in [
        ("x y", "s3cret", "cannot be sent over http"),
        ("", "s3cret", "cannot be sent over http"),
        ("x-key", "s3cret\n", "cannot be sent over http"),
        ("Content-Type", "s3cret", "is written by the exporter itself"),
        ("te", "s3cret", "is written by the exporter itself"),
    ] {
        for protocol in [Protocol::Grpc, Protocol::HttpProtobuf, Protocol::HttpJson] {
            let error = of(&options(protocol, &[(name, value)])).unwrap_err().to_string();
            assert_eq!(error, format!("tracing header `{name}` {words}"));
        }
    }
    for name in ["x-bin", "grpc-timeout"] {
        assert!(of(&options(Protocol::Grpc, &[(name, "v")])).is_err());
        assert!(of(&options(Protocol::HttpJson, &[(name, "v")])).is_ok());
    }
}

#[test]
fn a_timeout_fits_into_eight_digits() {
    for (timeout, text) in [
        (Duration::from_millis(1), "1m"),
        (Duration::from_secs(10), "10000m"),
        (Duration::from_millis(99_999_999), "99999999m"),
        (Duration::from_secs(100_000), "100000S"),
        (Duration::MAX, "99999999S"),
    ] {
        assert_eq!(grpc_timeout(timeout), text);
    }
}
