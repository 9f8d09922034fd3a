use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;

use super::*;
use crate::retry_info;

fn answer(code: u32, message: &str) -> Answer {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code.into());
    trailers.insert("grpc-message", message.parse().unwrap());
    Answer {
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: Some(Bytes::new()),
        trailers,
    }
}

fn details(seconds: i64, nanos: i32) -> String {
    BASE64_STANDARD_NO_PAD.encode(retry_info::encode(seconds, nanos))
}

fn with_details(mut answer: Answer, details: &str) -> Answer {
    let details = details.parse().unwrap();
    answer.trailers.insert("grpc-status-details-bin", details);
    answer
}

fn later(wait: Option<Duration>, why: &str) -> Delivery {
    let why = why.to_owned();
    Delivery::Later { wait, why }
}

fn refused(why: &str) -> Delivery {
    Delivery::Refused { why: why.to_owned() }
}

fn check(answer: Answer, expected: &Delivery) {
    let shown = format!("{answer:?}");
    assert_eq!(&meaning(Ok(answer), &mut Doubts::default()), expected, "{shown}");
}

#[test]
fn the_codes_mean_what_the_otlp_specification_says() {
    for (code, name) in [
        (1, "CANCELLED"),
        (4, "DEADLINE_EXCEEDED"),
        (10, "ABORTED"),
        (11, "OUT_OF_RANGE"),
        (14, "UNAVAILABLE"),
        (15, "DATA_LOSS"),
    ] {
        check(answer(code, "no"), &later(None, &format!("{name}: no")));
    }
    for (code, name) in [
        (2, "UNKNOWN"),
        (3, "INVALID_ARGUMENT"),
        (5, "NOT_FOUND"),
        (6, "ALREADY_EXISTS"),
        (7, "PERMISSION_DENIED"),
        (9, "FAILED_PRECONDITION"),
        (12, "UNIMPLEMENTED"),
        (13, "INTERNAL"),
        (16, "UNAUTHENTICATED"),
        (77, "gRPC status 77"),
    ] {
        check(answer(code, "no"), &refused(&format!("{name}: no")));
        let asking = with_details(answer(code, "no"), &details(1, 0));
        check(asking, &refused(&format!("{name}: no")));
    }
}

#[test]
fn a_collector_may_say_when_to_come_back() {
    for (code, name) in [(8, "RESOURCE_EXHAUSTED"), (14, "UNAVAILABLE")] {
        let asking = with_details(answer(code, ""), &details(1, 500_000_000));
        check(asking, &later(Some(Duration::from_millis(1500)), name));
    }
}

#[test]
fn details_that_are_wrong_are_no_details() {
    for wrong in ["", "*", "AAAA", &details(-1, 0), &details(1, -1), "CgMB"] {
        let asking = with_details(answer(14, ""), wrong);
        check(asking, &later(None, "UNAVAILABLE"));
    }
    let mut padded = details(1, 0);
    while !padded.len().is_multiple_of(4) {
        padded.push('=');
    }
    let asking = with_details(answer(14, ""), &padded);
    check(asking, &later(Some(Duration::from_secs(1)), "UNAVAILABLE"));
}

#[test]
fn a_batch_that_stays_too_large_is_given_up() {
    for code in [8, 11] {
        let mut doubts = Doubts::default();
        let mut next = || meaning(Ok(answer(code, "too large?")), &mut doubts);
        for attempt in 1..DOUBTFUL_ATTEMPTS_MAX {
            assert!(matches!(next(), Delivery::Later { wait: None, .. }), "{attempt}");
        }
        assert!(matches!(next(), Delivery::Refused { .. }));
        assert!(
            matches!(next(), Delivery::Later { .. }),
            "the next batch starts anew"
        );
    }
}

#[test]
fn another_answer_ends_the_doubt() {
    let mut doubts = Doubts::default();
    for _ in 0..3 * DOUBTFUL_ATTEMPTS_MAX {
        let busy = meaning(Ok(answer(8, "busy")), &mut doubts);
        assert!(matches!(busy, Delivery::Later { .. }));
        assert_eq!(meaning(Ok(answer(0, "")), &mut doubts), Delivery::taken());
    }
}

#[test]
fn what_rejects_a_part_has_taken_the_rest() {
    let response = ExportResponse {
        partial_success: Some(PartialSuccess {
            rejected_spans: 3,
            error_message: "too old".to_owned(),
        }),
    };
    let mut body = vec![0, 0, 0, 0, 9];
    response.encode(&mut body).unwrap();
    let partial = Answer {
        body: Some(body.into()),
        ..answer(0, "")
    };
    let message = Some("too old".to_owned());
    check(partial, &Delivery::Taken { rejected: 3, message });
}

#[test]
fn a_status_of_ok_is_believed_whatever_the_body() {
    let unreadable = Answer {
        body: Some(Bytes::from_static(b"\0\0\0\0\x01\x0f")),
        ..answer(0, "")
    };
    let Delivery::Taken { rejected: 0, message } = meaning(Ok(unreadable), &mut Doubts::default()) else {
        panic!("the batch was taken");
    };
    assert!(message.unwrap().starts_with("unreadable answer: "));
}

#[test]
fn a_status_may_stand_in_the_headers() {
    let only_headers = answer(14, "down%20for%20tea");
    let only_headers = Answer {
        headers: only_headers.trailers,
        trailers: HeaderMap::new(),
        ..only_headers
    };
    check(only_headers, &later(None, "UNAVAILABLE: down for tea"));
}

#[test]
fn what_speaks_no_grpc_is_judged_by_its_http_status() {
    let plain = |status| Answer {
        status: StatusCode::from_u16(status).unwrap(),
        trailers: HeaderMap::new(),
        ..answer(0, "")
    };
    check(
        plain(503),
        &later(
            None,
            "UNAVAILABLE: HTTP 503 Service Unavailable without a gRPC status",
        ),
    );
    check(
        plain(404),
        &refused("UNIMPLEMENTED: HTTP 404 Not Found without a gRPC status"),
    );
    check(plain(200), &refused("UNKNOWN: the answer holds no gRPC status"));
    let broken_off = Answer {
        body: None,
        ..plain(200)
    };
    check(broken_off, &later(None, "the answer broke off"));
}

#[test]
fn no_answer_is_no_refusal() {
    let silence = meaning(
        Err(NoAnswer("connection reset".to_owned())),
        &mut Doubts::default(),
    );
    assert_eq!(silence, later(None, "connection reset"));
}
