//! Manifests, good and bad, as rows.

use std::time::Duration;

use everspan_protocol::manifest::{
    HandlerInput, HandlerOutput, HandlerType, Manifest, OnMaxAttempts, ProtocolMode, RawManifest, ServiceType,
};

fn manifest(services: &str) -> String {
    format!(
        r#"{{"protocolMode":"BIDI_STREAM","minProtocolVersion":5,"maxProtocolVersion":7,"services":{services}}}"#
    )
}

fn read(text: &str) -> Manifest {
    Manifest::from_json(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

const FULL: &str = r#"{
  "protocolMode": "REQUEST_RESPONSE", "minProtocolVersion": 6, "maxProtocolVersion": 6,
  "lambdaCompression": "zstd", "new": {"in": "v9"},
  "services": [{
    "name": "my.Object-1", "ty": "VIRTUAL_OBJECT", "documentation": "doc", "metadata": {"a": "b"},
    "inactivityTimeout": 0, "abortTimeout": 1, "journalRetention": 2, "idempotencyRetention": 3,
    "enableLazyState": true, "ingressPrivate": false,
    "retryPolicyInitialInterval": 4, "retryPolicyMaxInterval": 5, "retryPolicyMaxAttempts": 6,
    "retryPolicyExponentiationFactor": 2, "retryPolicyOnMaxAttempts": "PAUSE",
    "handlers": [
      {"name": "set"},
      {"name": "get", "ty": "SHARED", "documentation": "h", "metadata": {"c": "d"},
       "input": {"required": true, "contentType": "application/*", "jsonSchema": {"type": "string"}},
       "output": {"contentType": "text/plain", "setContentTypeIfEmpty": true, "jsonSchema": true},
       "inactivityTimeout": 60000, "ingressPrivate": true, "retryPolicyMaxAttempts": 99999999999,
       "retryPolicyOnMaxAttempts": "KILL", "eagerStateKeysWhitelist": ["x"]}
    ]
  }]
}"#;

#[test]
fn everything_in_a_manifest_is_read() {
    let manifest = read(FULL);
    assert_eq!(manifest.mode, ProtocolMode::RequestResponse);
    assert_eq!((manifest.min_version, manifest.max_version), (6, 6));
    let service = &manifest.services[0];
    assert_eq!(
        (service.name.as_str(), service.ty),
        ("my.Object-1", ServiceType::VirtualObject)
    );
    assert_eq!(service.documentation.as_deref(), Some("doc"));
    assert_eq!(service.metadata["a"], "b");
    assert_eq!(service.handlers["set"].ty, Some(HandlerType::Exclusive));
    let get = &service.handlers["get"];
    assert_eq!(
        (get.ty, get.documentation.as_deref()),
        (Some(HandlerType::Shared), Some("h"))
    );
    assert_eq!(get.metadata["c"], "d");
    let json_schema = Some(serde_json::json!({"type": "string"}));
    let content_type = "application/*".to_owned();
    assert_eq!(
        get.input,
        HandlerInput::Body {
            content_type,
            required: true,
            json_schema
        }
    );
    assert_eq!(
        get.output,
        HandlerOutput {
            content_type: Some("text/plain".into()),
            set_content_type_if_empty: true,
            json_schema: Some(true.into())
        }
    );
}

#[test]
fn options_of_a_handler_win_over_those_of_its_service() {
    let manifest = read(FULL);
    let service = &manifest.services[0];
    let ms = |ms| Some(Duration::from_millis(ms));
    let set = service.handlers["set"].options.or(&service.options);
    assert_eq!(set, service.options);
    assert_eq!((set.inactivity_timeout, set.abort_timeout), (ms(0), ms(1)));
    assert_eq!((set.journal_retention, set.idempotency_retention), (ms(2), ms(3)));
    assert_eq!(
        (set.enable_lazy_state, set.ingress_private),
        (Some(true), Some(false))
    );
    assert_eq!(
        (set.retry.initial_interval, set.retry.max_interval),
        (ms(4), ms(5))
    );
    assert_eq!((set.retry.max_attempts, set.retry.factor), (Some(6), Some(2.0)));
    let get = service.handlers["get"].options.or(&service.options);
    assert_eq!((get.inactivity_timeout, get.abort_timeout), (ms(60_000), ms(1)));
    assert_eq!(
        (get.enable_lazy_state, get.ingress_private),
        (Some(true), Some(true))
    );
    assert_eq!(
        (get.retry.max_attempts, get.retry.initial_interval),
        (Some(u32::MAX), ms(4))
    );
    assert_eq!(get.retry.on_max_attempts, Some(OnMaxAttempts::Kill));
}

#[test]
fn a_raw_manifest_survives_json() {
    let raw: RawManifest = serde_json::from_str(FULL).unwrap();
    let json = serde_json::to_string(&raw).unwrap();
    assert_eq!(serde_json::from_str::<RawManifest>(&json).unwrap(), raw);
    assert_eq!(Manifest::from_json(json.as_bytes()), Ok(read(FULL)));
}

#[test]
fn handler_types_follow_the_service_type() {
    use HandlerType::{Exclusive, Shared, Workflow};
    for (service, handler, expected) in [
        ("SERVICE", "", Some(None)),
        ("SERVICE", r#","ty":null"#, Some(None)),
        ("SERVICE", r#","ty":"SHARED""#, Some(None)),
        ("SERVICE", r#","ty":"EXCLUSIVE""#, None),
        ("SERVICE", r#","ty":"WORKFLOW""#, None),
        ("VIRTUAL_OBJECT", "", Some(Some(Exclusive))),
        ("VIRTUAL_OBJECT", r#","ty":"EXCLUSIVE""#, Some(Some(Exclusive))),
        ("VIRTUAL_OBJECT", r#","ty":"SHARED""#, Some(Some(Shared))),
        ("VIRTUAL_OBJECT", r#","ty":"WORKFLOW""#, None),
        ("WORKFLOW", "", Some(Some(Workflow))),
        (
            "WORKFLOW",
            r#","ty":"WORKFLOW","workflowCompletionRetention":1"#,
            Some(Some(Workflow)),
        ),
        ("WORKFLOW", r#","ty":"SHARED""#, Some(Some(Shared))),
        ("WORKFLOW", r#","ty":"EXCLUSIVE""#, None),
    ] {
        let text = manifest(&format!(
            r#"[{{"name":"S","ty":"{service}","handlers":[{{"name":"h"{handler}}}]}}]"#
        ));
        let ty = Manifest::from_json(text.as_bytes())
            .ok()
            .map(|manifest| manifest.services[0].handlers["h"].ty);
        assert_eq!(ty, expected, "{service} {handler}");
    }
}

#[test]
fn inputs_and_outputs_have_defaults() {
    let body = |content_type: &str, required, json_schema| HandlerInput::Body {
        content_type: content_type.to_owned(),
        required,
        json_schema,
    };
    let output = |content_type: Option<&str>| HandlerOutput {
        content_type: content_type.map(str::to_owned),
        set_content_type_if_empty: false,
        json_schema: None,
    };
    let json = Some("application/json");
    for (text, input, expected_output) in [
        ("", body("*/*", false, None), output(json)),
        (r#","input":{},"output":{}"#, HandlerInput::Empty, output(None)),
        (
            r#","input":null,"output":null"#,
            body("*/*", false, None),
            output(json),
        ),
        (
            r#","input":{"required":true}"#,
            body("*/*", true, None),
            output(json),
        ),
        (
            r#","input":{"jsonSchema":{}}"#,
            body("application/json", false, Some(serde_json::json!({}))),
            output(json),
        ),
        (
            r#","input":{"contentType":"a/b"}"#,
            body("a/b", false, None),
            output(json),
        ),
    ] {
        let services = format!(r#"[{{"name":"S","ty":"SERVICE","handlers":[{{"name":"h"{text}}}]}}]"#);
        let manifest = read(&manifest(&services));
        let handler = &manifest.services[0].handlers["h"];
        assert_eq!(
            (&handler.input, &handler.output),
            (&input, &expected_output),
            "{text}"
        );
    }
}

#[test]
fn bad_services_are_refused_with_the_value() {
    for (services, expected) in [
        (
            r#"[{"name":"1S","ty":"SERVICE","handlers":[]}]"#,
            r#"bad service name "1S""#,
        ),
        (
            r#"[{"name":"a/b","ty":"SERVICE","handlers":[]}]"#,
            r#"bad service name "a/b""#,
        ),
        (
            r#"[{"name":"S","ty":"OBJECT","handlers":[]}]"#,
            r#"service S has unknown type "OBJECT""#,
        ),
        (
            r#"[{"name":"S","ty":"SERVICE","handlers":[]},{"name":"S","ty":"WORKFLOW","handlers":[]}]"#,
            "service S appears twice",
        ),
        (r#"[{"name":"S","ty":"SERVICE"}]"#, "missing field `handlers`"),
        (r#"[{"ty":"SERVICE","handlers":[]}]"#, "missing field `name`"),
        (
            r#"[{"name":"S","ty":"SERVICE","handlers":[],"retryPolicyExponentiationFactor":0}]"#,
            "service S: retryPolicyExponentiationFactor 0 is not above 0",
        ),
        (
            r#"[{"name":"S","ty":"SERVICE","handlers":[],"abortTimeout":-1}]"#,
            "-1",
        ),
        (
            r#"[{"name":"S","ty":"SERVICE","handlers":[],"abortTimeout":"1m"}]"#,
            "1m",
        ),
    ] {
        refuse(&manifest(services), expected);
    }
}

#[test]
fn bad_handlers_are_refused_with_the_value() {
    for (ty, handlers, expected) in [
        (
            "SERVICE",
            r#"{"name":"a-b"}"#,
            r#"handler "a-b" of service S: bad name"#,
        ),
        (
            "SERVICE",
            r#"{"name":"a"},{"name":"a"}"#,
            r#"handler "a" of service S: appears twice"#,
        ),
        (
            "WORKFLOW",
            r#"{"name":"a"},{"name":"a"}"#,
            r#"handler "a" of service S: appears twice"#,
        ),
        (
            "WORKFLOW",
            r#"{"name":"a"},{"name":"b"}"#,
            r#"handler "b" of service S: the workflow is run by a already"#,
        ),
        ("SERVICE", r#"{"name":"a","ty":"X"}"#, r#"unknown type "X""#),
        (
            "SERVICE",
            r#"{"name":"a","ty":"EXCLUSIVE"}"#,
            "type EXCLUSIVE does not fit a SERVICE",
        ),
        (
            "VIRTUAL_OBJECT",
            r#"{"name":"a","workflowCompletionRetention":5}"#,
            "workflowCompletionRetention 5 on",
        ),
        (
            "WORKFLOW",
            r#"{"name":"a","ty":"SHARED","workflowCompletionRetention":0}"#,
            "Retention 0 on",
        ),
        (
            "SERVICE",
            r#"{"name":"a","retryPolicyMaxAttempts":0}"#,
            "retryPolicyMaxAttempts 0",
        ),
        (
            "SERVICE",
            r#"{"name":"a","retryPolicyExponentiationFactor":-1.5}"#,
            "Factor -1.5 is not",
        ),
        (
            "SERVICE",
            r#"{"name":"a","retryPolicyOnMaxAttempts":"STOP"}"#,
            r#"OnMaxAttempts "STOP""#,
        ),
    ] {
        refuse(
            &manifest(&format!(
                r#"[{{"name":"S","ty":"{ty}","handlers":[{handlers}]}}]"#
            )),
            expected,
        );
    }
}

#[test]
fn bad_envelopes_are_refused_with_the_value() {
    for (min, max, mode, expected) in [
        ("7", "7", r#""BIDI_STREAM""#, "speaks protocol versions 7 to 7"),
        ("1", "5", r#""BIDI_STREAM""#, "speaks protocol versions 1 to 5"),
        ("7", "5", r#""BIDI_STREAM""#, "range 7..5 is empty"),
        (
            "-1",
            "7",
            r#""BIDI_STREAM""#,
            "protocol version -1 is out of range",
        ),
        (
            "5",
            "70000",
            r#""BIDI_STREAM""#,
            "protocol version 70000 is out of range",
        ),
        ("5", "7", "null", "no protocolMode"),
        ("5", "7", r#""HALF""#, r#"unknown protocolMode "HALF""#),
        ("5", "\"7\"", r#""BIDI_STREAM""#, "cannot be read"),
    ] {
        refuse(
            &format!(
                r#"{{"protocolMode":{mode},"minProtocolVersion":{min},"maxProtocolVersion":{max},"services":[]}}"#
            ),
            expected,
        );
    }
    refuse("", "cannot be read");
    refuse("[]", "cannot be read");
}

fn refuse(text: &str, expected: &str) {
    let error = Manifest::from_json(text.as_bytes()).expect_err(text).to_string();
    assert!(error.contains(expected), "{text}: {error}");
}
