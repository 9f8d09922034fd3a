use super::*;

fn check(endpoint: &str, uri_or_error: &str) {
    let found = match OtlpOptions::new(endpoint).checked_endpoint() {
        Ok(endpoint) => endpoint.uri().to_string(),
        Err(error) => error.to_string(),
    };
    assert!(found.contains(uri_or_error), "{endpoint}: {found}");
}

#[test]
fn an_endpoint_is_used_or_named_in_the_error() {
    check("http://localhost:4317", "http://localhost:4317/");
    check("grpc://collector:4317", "http://collector:4317/");
    check("http://[::1]:4317/ignored", "http://[::1]:4317/");
    check(
        "https://c:1",
        "`https://c:1` asks for tls, which is not supported yet",
    );
    check("ftp://c:1", "`ftp://c:1` must start with http:// or grpc://");
    check("otlp+http://c:1", "`otlp+http://c:1` must start with");
    check("localhost:4317", "`localhost:4317` is not a url");
    check("", "`` is not a url");
    check("http://", "`http://` is not a url");
    check("http://a b", "`http://a b` is not a url");
}

#[test]
fn a_bad_header_is_named_without_its_value() {
    let mut options = OtlpOptions::new("http://c:1");
    options
        .headers
        .insert("Authorization".into(), "Bearer s3cret".into());
    assert_eq!(
        options.checked_headers().unwrap().get("authorization").unwrap(),
        "Bearer s3cret"
    );
    for (name, value) in [("x y", "s3cret"), ("x-key", "s3cret\n"), ("x-bin", "s3cret")] {
        options.headers = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let error = options.checked_headers().unwrap_err().to_string();
        assert_eq!(error, format!("tracing header `{name}` cannot be sent over http"));
    }
}
