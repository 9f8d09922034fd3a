use std::time::UNIX_EPOCH;

use http::StatusCode;

use super::*;

fn answer(status: u16, kind: &str, body: impl Into<Bytes>) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, kind.parse().unwrap());
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body: Some(body.into()),
        trailers: HeaderMap::new(),
    }
}

fn plain(status: u16, body: &'static str) -> Answer {
    answer(status, "text/plain", body)
}

fn check(answer: Answer, expected: &Delivery) {
    let shown = format!("{answer:?}");
    assert_eq!(&meaning(Ok(answer)), expected, "{shown}");
}

fn refused(why: &str) -> Delivery {
    Delivery::Refused { why: why.to_owned() }
}

fn later(why: &str) -> Delivery {
    let why = why.to_owned();
    Delivery::Later { wait: None, why }
}

fn taken(rejected: u64, message: &str) -> Delivery {
    let message = Some(message.to_owned());
    Delivery::Taken { rejected, message }
}

#[test]
fn only_four_failures_pass() {
    check(plain(429, ""), &later("HTTP 429 Too Many Requests"));
    check(plain(502, "oh"), &later("HTTP 502 Bad Gateway: oh"));
    check(
        plain(503, "oh\n no\0"),
        &later("HTTP 503 Service Unavailable: oh no"),
    );
    check(plain(504, ""), &later("HTTP 504 Gateway Timeout"));
    check(plain(400, ""), &refused("HTTP 400 Bad Request"));
    check(plain(401, "token?"), &refused("HTTP 401 Unauthorized: token?"));
    check(plain(413, ""), &refused("HTTP 413 Payload Too Large"));
    check(plain(500, ""), &refused("HTTP 500 Internal Server Error"));
    assert_eq!(meaning(Err(NoAnswer("reset".to_owned()))), later("reset"));
}

#[test]
fn a_redirect_is_not_followed_and_named() {
    let mut moved = plain(307, "ignored");
    moved.headers.insert(LOCATION, "http://other/".parse().unwrap());
    let why = "HTTP 307 Temporary Redirect: redirects to `http://other/` are not followed";
    check(moved, &refused(why));
}

#[test]
fn the_collector_s_own_words_are_told_and_bounded() {
    let status = RpcStatus {
        message: "no such tenant".to_owned(),
    };
    let protobuf = answer(400, "application/x-protobuf", status.encode_to_vec());
    check(protobuf, &refused("HTTP 400 Bad Request: no such tenant"));
    let json = answer(
        400,
        "application/json; charset=utf-8",
        r#"{"code":3,"message":"no"}"#,
    );
    check(json, &refused("HTTP 400 Bad Request: no"));
    let other_json = answer(400, "application/json", r#"{"detail":"no"}"#);
    check(other_json, &refused(r#"HTTP 400 Bad Request: {"detail":"no"}"#));
    let Delivery::Refused { why } = meaning(Ok(answer(400, "text/html", "x".repeat(10_000)))) else {
        panic!("a 400 is a refusal");
    };
    assert_eq!(
        why,
        format!("HTTP 400 Bad Request: {}", "x".repeat(MESSAGE_CHARS_MAX))
    );
}

#[test]
fn a_part_may_be_rejected() {
    let response = ExportResponse {
        partial_success: Some(PartialSuccess {
            rejected_spans: 2,
            error_message: "too old".to_owned(),
        }),
    };
    let protobuf = answer(200, "application/x-protobuf", response.encode_to_vec());
    check(protobuf, &taken(2, "too old"));
    for rejected in [r#""2""#, "2"] {
        let json = format!(r#"{{"partialSuccess":{{"rejectedSpans":{rejected},"errorMessage":"too old"}}}}"#);
        check(answer(200, "application/json", json), &taken(2, "too old"));
    }
    let warning = answer(
        200,
        "application/json",
        r#"{"partialSuccess":{"errorMessage":"hm"}}"#,
    );
    check(warning, &taken(0, "hm"));
}

#[test]
fn what_was_taken_stays_taken_whatever_the_body() {
    for (kind, body) in [
        ("application/x-protobuf", ""),
        ("application/json", "{}"),
        ("application/json", r#"{"partialSuccess":{}}"#),
        ("application/json", r#"{"partialSuccess":{"rejectedSpans":"-1"}}"#),
        ("application/json", r#"{"partialSuccess":7}"#),
        ("text/html", "<p>thanks</p>"),
    ] {
        check(answer(200, kind, body), &Delivery::taken());
    }
    check(plain(202, "later"), &Delivery::taken());
    let cut_off = Answer {
        body: None,
        ..plain(200, "")
    };
    check(cut_off, &Delivery::taken());
    for (kind, body) in [("application/json", "{"), ("application/x-protobuf", "\x0f")] {
        let Delivery::Taken { rejected: 0, message } = meaning(Ok(answer(200, kind, body))) else {
            panic!("the batch was taken");
        };
        assert!(message.unwrap().starts_with("unreadable answer: "), "{kind}");
    }
}

#[test]
fn the_wait_is_told_in_seconds_or_as_a_date() {
    let now = UNIX_EPOCH + Duration::from_secs(784_111_777 - 30);
    for (text, seconds) in [
        ("7", Some(7)),
        (" 0 ", Some(0)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Some(30)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("99999999999999999999999", None),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().unwrap());
        assert_eq!(
            asked_wait(&headers, now),
            seconds.map(Duration::from_secs),
            "{text}"
        );
    }
    let mut busy = plain(503, "");
    busy.headers.insert(RETRY_AFTER, "2".parse().unwrap());
    assert!(matches!(
        meaning(Ok(busy)),
        Delivery::Later { wait: Some(wait), .. } if wait == Duration::from_secs(2)
    ));
}
