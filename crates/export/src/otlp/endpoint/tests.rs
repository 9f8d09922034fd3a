use super::*;

fn check(protocol: Protocol, endpoint: &str, uri_or_error: &str) {
    let found = match Target::of(protocol, endpoint) {
        Ok(target) => target.uri.to_string(),
        Err(error) => error.to_string(),
    };
    assert!(found.contains(uri_or_error), "{endpoint}: {found}");
}

#[test]
fn a_grpc_endpoint_is_a_host_whatever_its_path() {
    let export = "opentelemetry.proto.collector.trace.v1.TraceService/Export";
    for (endpoint, base) in [
        ("http://localhost:4317", "http://localhost:4317"),
        ("https://collector", "https://collector"),
        ("grpc://collector", "http://collector:4317"),
        ("grpcs://collector:1", "https://collector:1"),
        ("HTTP://[::1]:4317/ignored?x", "http://[::1]:4317"),
    ] {
        check(Protocol::Grpc, endpoint, &format!("{base}/{export}"));
        assert_eq!(Target::of(Protocol::Grpc, endpoint).unwrap().place(), base);
    }
}

#[test]
fn an_http_endpoint_without_a_path_gets_the_one_of_otlp() {
    for (endpoint, uri) in [
        ("http://c:4318", "http://c:4318/v1/traces"),
        ("http://c:4318/", "http://c:4318/v1/traces"),
        ("https://c/otlp/v1/traces", "https://c/otlp/v1/traces"),
        ("http://c/x/", "http://c/x/"),
        ("http://c/x?tenant=1", "http://c/x?tenant=1"),
    ] {
        check(Protocol::HttpProtobuf, endpoint, uri);
        check(Protocol::HttpJson, endpoint, uri);
    }
}

#[test]
fn what_is_no_endpoint_is_named_in_the_error() {
    for (endpoint, error) in [
        ("ftp://c:1", "`ftp://c:1` must start with"),
        ("otlp+http://c:1", "`otlp+http://c:1` must start with"),
        ("localhost:4317", "`localhost:4317` is not a url"),
        ("", "`` is not a url"),
        ("http://", "`http://` is not a url"),
        ("http://:4317", "`http://:4317` is not a url"),
        ("http://a b", "`http://a b` is not a url"),
        ("http://c:", "`http://c:` is not a url"),
        ("http://c:0", "`http://c:0` is not a url"),
        ("http://c:70000", "`http://c:70000` is not a url"),
    ] {
        check(Protocol::Grpc, endpoint, error);
        check(Protocol::HttpJson, endpoint, error);
    }
}

#[test]
fn credentials_in_an_endpoint_are_refused_and_not_shown() {
    for endpoint in [
        "http://me:s3cret@c:1",
        "http://me:s3cret@",
        "me:s3cret@c:1",
        "http://me:s3cr@et@c:1",
    ] {
        let error = Target::of(Protocol::Grpc, endpoint).err().unwrap().to_string();
        assert!(!error.contains("s3cr") && !error.contains("et@"), "{error}");
    }
    check(
        Protocol::Grpc,
        "http://me:s3cret@c:1",
        "`http://…@c:1` holds credentials: use a header",
    );
}
