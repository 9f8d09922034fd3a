//! What clients may ask for, and what they hear when it is too much, or too early, or nonsense.

#![allow(clippy::unwrap_used, reason = "a test")]

mod world {
    pub(crate) mod child;
    pub(crate) mod http;
    pub(crate) mod server;
    pub(crate) mod service;
}

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use world::http::{Answer, Http2, request};
use world::server::{PATIENCE, Server};
use world::service::{Service, argument};

/// Echoes the argument.
async fn echo() -> Service {
    let json_only = json!({ "required": true, "contentType": "application/json" });
    let services = json!([
        { "name": "Echo", "ty": "SERVICE", "handlers": [
            { "name": "any" },
            { "name": "json", "input": json_only },
            { "name": "nothing", "input": {} },
            { "name": "hidden", "ingressPrivate": true },
        ] },
        { "name": "Obj", "ty": "VIRTUAL_OBJECT", "handlers": [{ "name": "any" }] },
        { "name": "Flow", "ty": "WORKFLOW", "handlers": [{ "name": "run" }] },
    ]);
    let service = Service::start(services, |mut talk| async move {
        let (_, entries) = talk.replay().await;
        talk.accept();
        talk.finish(&argument(&entries));
    });
    service.await
}

async fn served(settings: &[(&str, &str)]) -> (Server, Service, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    let (server, service) = (Server::start(data.path(), settings), echo().await);
    let answer = server.register(&service.url).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    (server, service, data)
}

fn error(answer: &Answer, status: u16, message: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let json = answer.json();
    assert_eq!(json["code"], status, "{json}");
    assert!(
        json["message"].as_str().unwrap().contains(message),
        "{message}: {json}"
    );
    assert_eq!(answer.header("x-restate-error-source"), Some("ingress"));
}

const NONE: &[(&str, &str)] = &[];
const TEXT: &[(&str, &str)] = &[("content-type", "text/plain")];
const UNKNOWN: &str = "/restate/invocation/inv_15Wax0tkZdwB5gIFlDKpBv4GTOb8FYfw1R/output";

/// Method and path, headers, body, status, part of the message.
type Wrong = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
    u16,
    &'static str,
);

const CALLS: &[Wrong] = &[
    ("GET /Nobody/any", NONE, "", 404, "Nobody is not registered"),
    ("GET /Echo/nobody", NONE, "", 404, "no handler nobody"),
    ("PUT /Echo/any", NONE, "", 405, "PUT"),
    ("DELETE /Echo/any", NONE, "", 405, "DELETE"),
    ("POST /Echo", NONE, "", 400, "bad path"),
    ("POST /", NONE, "", 400, "bad path"),
    ("POST /Echo/key/any", NONE, "", 400, "expected /Echo/HANDLER"),
    ("POST /Obj/any", NONE, "", 400, "expected /Obj/KEY/HANDLER"),
    ("POST /Obj/%ff%fe/any", NONE, "", 400, "UTF-8"),
    ("POST /Echo/json", TEXT, "x", 400, "content type"),
    ("POST /Echo/json", NONE, "", 400, "needs a body"),
    ("POST /Echo/nothing", NONE, "x", 400, "takes no body"),
    ("POST /Echo/hidden", NONE, "", 400, "not public"),
    ("POST /Echo/any?delay=1s", NONE, "", 400, "delay"),
    ("POST /Echo/any/send?delay=soon", NONE, "", 400, "bad delay"),
    ("POST /Echo/any/send?delay=-1s", NONE, "", 400, "negative"),
    (
        "POST /Echo/any/send?delay=99999999999999999d",
        NONE,
        "",
        400,
        "bad delay",
    ),
    (
        "POST /Echo/any",
        &[("idempotency-key", "")],
        "",
        400,
        "idempotency key",
    ),
    (
        "POST /Flow/k/run",
        &[("idempotency-key", "k")],
        "",
        400,
        "idempotency key",
    ),
];

const OTHERS: &[Wrong] = &[
    (
        "GET /restate/invocation/inv_x/attach",
        NONE,
        "",
        400,
        "bad invocation id",
    ),
    ("GET /restate/workflow/Flow/k/output", NONE, "", 404, "not found"),
    (
        "POST /restate/awakeables/sign_1x/resolve",
        NONE,
        "",
        400,
        "bad awakeable id",
    ),
    (
        "POST /restate/lookup",
        NONE,
        "{",
        400,
        "does not name an invocation",
    ),
    ("GET /restate/nothing", NONE, "", 404, "nothing at"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_make_no_sense_are_told_why() {
    let (server, _service, _data) = served(&[]).await;
    for (ask, headers, body, status, message) in CALLS.iter().chain(OTHERS) {
        let (method, path) = ask.split_once(' ').unwrap();
        let answer = server.call(method, path, headers, body.as_bytes()).await;
        error(&answer, *status, message);
    }
    error(&server.call("GET", UNKNOWN, NONE, b"").await, 404, "not found");
    error(&server.call("PUT", UNKNOWN, NONE, b"").await, 405, "PUT");
    assert_eq!(
        server.post("/Echo/any", "still there").await.text(),
        "still there"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_above_their_limit_are_refused_and_those_at_it_work() {
    let (server, _service, _data) = served(&[]).await;
    for (len, status) in [(16 * 1024, 200), (16 * 1024 + 1, 400), (60_000, 400)] {
        let key = "k".repeat(len);
        let answer = server.post(&format!("/Obj/{key}/any"), "x").await;
        assert_eq!(answer.status, status, "{len}: {}", answer.text());
        let idempotent = [("idempotency-key", key.as_str())];
        let answer = server.call("POST", "/Echo/any", &idempotent, b"x").await;
        assert_eq!(answer.status, status, "{len}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_above_the_limit_is_refused_announced_or_not() {
    let (server, _service, _data) = served(&[("INGRESS__REQUEST_SIZE_LIMIT", "1KiB")]).await;
    error(
        &server.post("/Echo/any", &"x".repeat(1025)).await,
        413,
        "1024 bytes",
    );
    assert_eq!(server.post("/Echo/any", &"x".repeat(1024)).await.body.len(), 1024);
    let answer = spoken(&server.ingress, PATIENCE, |out| {
        out.extend_from_slice(b"POST /Echo/any HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
        out.extend_from_slice(b"400\r\n");
        out.extend_from_slice(&[b'x'; 1024]);
        out.extend_from_slice(b"\r\n1\r\nx\r\n0\r\n\r\n");
    });
    assert!(answer.await.starts_with("HTTP/1.1 413"));
}

/// What the server answers to these bytes, up to the end of its headers, if it does so in time.
async fn spoken(address: &str, patience: Duration, request: impl Fn(&mut Vec<u8>)) -> String {
    let mut bytes = Vec::new();
    request(&mut bytes);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    let mut answer = Vec::new();
    let heard = async {
        while !answer.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => answer.push(byte),
                Err(_) => break,
            }
        }
    };
    // Some requests are never whole, and have no answer.
    drop(tokio::time::timeout(patience, heard).await);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_request_cost_only_their_connection() {
    let (server, _service, _data) = served(&[]).await;
    let garbage: &[&[u8]] = &[
        b"\0\0\0\0\0\0\0\0\0",
        b"GET\r\n\r\n",
        b"POST /Echo/any HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"POST /Echo/any HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc",
    ];
    for bytes in garbage {
        for address in [&server.ingress, &server.admin] {
            let answer = spoken(address, Duration::from_millis(700), |out| {
                out.extend_from_slice(bytes)
            })
            .await;
            assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
        }
    }
    let huge = "h".repeat(1 << 20);
    let answer = server.call("POST", "/Echo/any", &[("x-huge", &huge)], b"").await;
    assert!(matches!(answer.status, 0 | 431), "{}", answer.status);
    assert_eq!(
        server.post("/Echo/any", "still there").await.text(),
        "still there"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_share_one_http2_connection() {
    let (server, _service, _data) = served(&[]).await;
    let client = Http2::connect(&server.ingress).await;
    let calls: Vec<_> = (0..50)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { (n, client.post("/Echo/any", &n.to_string()).await) })
        })
        .collect();
    for call in calls {
        let (n, answer) = call.await.unwrap();
        assert_eq!((answer.status, answer.text()), (200, n.to_string()));
    }
    assert_eq!(client.post("/Nobody/any", "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_requests_at_once_are_told_to_come_again_and_the_others_are_served() {
    let (server, _service, _data) = served(&[("WORKER__MAILBOX_MAX", "1"), ("WORKER__THREADS", "1")]).await;
    let client = Http2::connect(&server.ingress).await;
    let mut refused = 0;
    for _ in 0..50 {
        let sends: Vec<_> = (0..200)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.post("/Echo/any/send", "x").await })
            })
            .collect();
        for send in sends {
            let answer = send.await.unwrap();
            if answer.status == 429 {
                error(&answer, 429, "too many requests");
                assert_eq!(answer.header("retry-after"), Some("1"));
                refused += 1;
            } else {
                assert_eq!(answer.status, 202, "{}", answer.text());
            }
        }
        if refused > 0 {
            break;
        }
    }
    assert!(refused > 0, "10,000 requests never found the mailbox taken");
    assert_eq!(server.post("/Echo/any", "and now").await.text(), "and now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_at_the_end_of_the_world_are_times() {
    let (server, _service, _data) = served(&[]).await;
    let answer = server.post("/Echo/any/send?delay=36500d", "later").await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let id = answer.json()["invocationId"].as_str().unwrap().to_owned();
    let invocation = server.invocation(&id).await;
    assert_eq!(invocation["status"], "scheduled");
    assert!(
        invocation["next_at"].as_str().unwrap().starts_with("21"),
        "{invocation}"
    );
    let cancelled = request(
        &server.admin,
        "PATCH",
        &format!("/invocations/{id}/cancel"),
        &[],
        b"",
    )
    .await;
    assert_eq!(cancelled.status, 200);
    assert_eq!(server.attach(&id).await.status, 409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_no_state_can_hold_are_refused_when_they_are_registered() {
    let (server, _service, _data) = served(&[]).await;
    for len in [1025, 70_000] {
        let services =
            json!([{ "name": "N".repeat(len), "ty": "VIRTUAL_OBJECT", "handlers": [{ "name": "run" }] }]);
        let service = Service::start(services, |_| async {}).await;
        let answer = server.register(&service.url).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(
            answer.text().contains(&format!("{len} bytes")),
            "{}",
            answer.text()
        );
    }
    assert_eq!(
        server.post("/Echo/any", "still there").await.text(),
        "still there"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_does_not_answer_holds_up_no_other() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let data = tempfile::tempdir().unwrap();
    let server = Arc::new(Server::start(data.path(), &[]));
    let hanging = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.register(&url).await }
    });
    let asked = tokio::time::timeout(PATIENCE, silent.accept()).await;
    let (_asked, _) = asked.expect("it is asked").unwrap();
    let service = echo().await;
    assert_eq!(server.register(&service.url).await.status, 201);
    assert!(!hanging.is_finished(), "the other one still waits");
    hanging.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_deployment_is_refused_with_the_reason() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let own = format!("http://{}", server.ingress);
    for (uri, message) in [
        ("https://localhost:1", "http://"),
        ("nonsense", "http://"),
        (nobody.as_str(), "does not answer"),
        (own.as_str(), "status 400"),
    ] {
        let answer = server.register(uri).await;
        assert_eq!(answer.status, 400, "{uri}: {}", answer.text());
        assert!(answer.text().contains(message), "{uri}: {}", answer.text());
    }
}
