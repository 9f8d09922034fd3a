//! Whatever a collector answers: nobody panics, and the meaning stays within its bounds.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use prost::Message;

use super::client::Answer;
use super::grpc::{Doubts, ExportResponse, PartialSuccess};
use super::{grpc, http as over_http};
use crate::{Delivery, retry_info};

const NAMES: [&str; 6] = [
    "content-type",
    "retry-after",
    "location",
    "grpc-status",
    "grpc-message",
    "grpc-status-details-bin",
];
/// What a header value begins as, before it is damaged.
const VALUES: [&str; 14] = [
    "",
    "0",
    "8",
    "14",
    "4294967296",
    "-1",
    "application/json",
    "application/x-protobuf; a=b",
    "18446744073709551615",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "%E4%zz%",
    "http://elsewhere/\u{7f}",
    "CAgSA25vdA",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn over_http_the_status_alone_decides(answer in answer()) {
        let status = answer.status.as_u16();
        let delivery = over_http::meaning(Ok(answer));
        let is_as_told = match status {
            200..=299 => matches!(delivery, Delivery::Taken { .. }),
            429 | 502 | 503 | 504 => matches!(delivery, Delivery::Later { .. }),
            _ => matches!(delivery, Delivery::Refused { .. }),
        };
        prop_assert!(is_as_told, "{status} {delivery:?}");
        prop_assert!(why(&delivery).chars().count() < 400);
    }

    #[test]
    fn over_grpc_a_batch_is_never_tried_for_ever_for_being_too_large(answer in answer()) {
        let again = || Answer {
            status: answer.status,
            headers: answer.headers.clone(),
            body: answer.body.clone(),
            trailers: answer.trailers.clone(),
        };
        let mut doubts = Doubts::default();
        let tries: Vec<Delivery> = (0..8).map(|_| grpc::meaning(Ok(again()), &mut doubts)).collect();
        let is_too_large = why(&tries[0]).starts_with("RESOURCE_EXHAUSTED");
        let waits = tries.iter().all(|delivery| matches!(delivery, Delivery::Later { wait: None, .. }));
        prop_assert!(!(is_too_large && waits), "{tries:?}");
    }

    #[test]
    fn a_wait_is_read_as_written_or_not_at_all(seconds: i64, nanos: i32, damage in damage()) {
        let mut details = retry_info::encode(seconds, nanos);
        if let Some(wait) = retry_info::decode(&details) {
            prop_assert!(seconds >= 0 && nanos >= 0 && wait.as_secs() >= seconds.unsigned_abs());
        }
        damage.apply(&mut details);
        // Any wait may come of it, and none is as good.
        let _ = retry_info::decode(&details);
    }
}

fn why(delivery: &Delivery) -> &str {
    match delivery {
        Delivery::Taken { message, .. } => message.as_deref().unwrap_or_default(),
        Delivery::Later { why, .. } | Delivery::Refused { why } => why,
    }
}

fn answer() -> impl Strategy<Value = Answer> {
    let status = prop_oneof![select(vec![200, 400, 429, 503]), 100..1_000u16];
    (status, headers(), proptest::option::of(body()), headers()).prop_map(
        |(status, headers, body, trailers)| Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body,
            trailers,
        },
    )
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    vec((select(&NAMES[..]), value()), 0..4).prop_map(|pairs| {
        pairs
            .into_iter()
            .filter_map(|(name, value)| {
                Some((
                    HeaderName::from_static(name),
                    HeaderValue::from_bytes(&value).ok()?,
                ))
            })
            .collect()
    })
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        select(&VALUES[..]).prop_map(|text| text.as_bytes().to_vec()),
        (select(&VALUES[..]), damage()).prop_map(|(text, damage)| damage.applied(text.as_bytes().to_vec())),
        vec(any::<u8>(), 0..20),
    ]
}

/// A valid body, a damaged one, or anything.
fn body() -> impl Strategy<Value = Bytes> {
    let valid = prop_oneof![
        (any::<i64>(), ".{0,40}")
            .prop_map(|(rejected_spans, error_message)| protobuf(rejected_spans, error_message)),
        (any::<i64>(), ".{0,40}").prop_map(|(rejected, message)| {
            let partial = serde_json::json!({"rejectedSpans": rejected.to_string(), "errorMessage": message});
            serde_json::json!({"partialSuccess": partial, "message": message})
                .to_string()
                .into_bytes()
        }),
        Just(b"[".repeat(10_000)),
    ];
    let damaged = (valid, proptest::option::of(damage()));
    prop_oneof![
        damaged.prop_map(|(body, damage)| match damage {
            Some(damage) => damage.applied(body),
            None => body,
        }),
        vec(any::<u8>(), 0..60),
    ]
    .prop_map(Bytes::from)
}

/// As over gRPC: with the prefix of a message.
fn protobuf(rejected_spans: i64, error_message: String) -> Vec<u8> {
    let response = ExportResponse {
        partial_success: Some(PartialSuccess {
            rejected_spans,
            error_message,
        }),
    };
    [vec![0; 5], response.encode_to_vec()].concat()
}

/// One byte is another, or the rest is missing.
#[derive(Clone, Debug)]
struct Damage {
    at: Index,
    xor: u8,
    cuts: bool,
}

fn damage() -> impl Strategy<Value = Damage> {
    (any::<Index>(), 1..=255u8, any::<bool>()).prop_map(|(at, xor, cuts)| Damage { at, xor, cuts })
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let at = self.at.index(bytes.len());
        if self.cuts {
            bytes.truncate(at);
        } else {
            bytes[at] ^= self.xor;
        }
    }

    fn applied(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        self.apply(&mut bytes);
        bytes
    }
}
