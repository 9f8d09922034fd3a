//! Servers that are no collectors, or strange ones: each answers with bytes of the test's choice.

use std::time::Duration;

use everspan_export::otlp::Protocol;
use everspan_export::{Delivery, OtlpOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{batch, destination, later, options};

/// Serves one connection: each request gets the answer. The requests' heads, once the connection is closed.
async fn serve(answer: &'static str) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let heads = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heads = Vec::new();
        while let Some(head) = read_request(&mut stream).await {
            heads.push(head);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        heads
    });
    (endpoint, heads)
}

/// The head of a request whose body has a length.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let length = length.lines().next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    Some(head)
}

#[tokio::test]
async fn one_connection_carries_all_requests_and_every_header() {
    let (endpoint, heads) = serve("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let mut options = options(Protocol::HttpProtobuf, endpoint.clone());
    options
        .headers
        .insert("Authorization".to_owned(), "Bearer t".to_owned());
    let mut destination = destination(options);
    assert_eq!(destination.place(), format!("{endpoint}/v1/traces"));
    for _ in 0..3 {
        assert_eq!(destination.deliver(&batch(1)).await, Delivery::taken());
    }
    drop(destination);
    let heads = heads.await.unwrap();
    assert_eq!(heads.len(), 3);
    for line in [
        "post /v1/traces http/1.1",
        "authorization: bearer t",
        "content-type: application/x-protobuf",
        concat!("user-agent: everspan/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(heads[2].contains(line), "{line}: {}", heads[2]);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, visited) = serve("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let answer = format!("HTTP/1.1 307 Moved\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n");
    let (endpoint, _heads) = serve(answer.leak()).await;
    let Delivery::Refused { why } = destination(options(Protocol::HttpJson, endpoint))
        .deliver(&batch(1))
        .await
    else {
        panic!("a redirect is no acceptance")
    };
    assert!(
        why.contains(&format!("redirects to `{elsewhere}` are not followed")),
        "{why}"
    );
    assert!(!visited.is_finished(), "nobody came");
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let (endpoint, _heads) = serve("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nx").await;
    let options = OtlpOptions {
        timeout: Duration::from_secs(2),
        ..options(Protocol::HttpProtobuf, endpoint)
    };
    assert_eq!(destination(options).deliver(&batch(1)).await, Delivery::taken());
}

#[tokio::test]
async fn what_speaks_no_http_is_asked_again_later() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let talker = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
            stream.read_to_end(&mut Vec::new()).await.unwrap_or(0)
        });
        let why = later(destination(options(protocol, endpoint)).deliver(&batch(1)).await);
        assert!(!why.is_empty());
        talker.abort();
    }
}

#[tokio::test]
async fn a_dead_grpc_connection_is_noticed_before_a_long_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let silent = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        std::future::pending::<()>().await;
        drop(stream);
    });
    let options = OtlpOptions {
        timeout: Duration::from_secs(3600),
        ..options(Protocol::Grpc, endpoint)
    };
    let why = later(destination(options).deliver(&batch(1)).await);
    assert!(why.contains("keep-alive timed out"), "{why}");
    silent.abort();
}
