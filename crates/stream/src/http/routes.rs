//! Which request does what.

use everspan_checkpoint::AbortReason;
use hyper::body::Incoming;
use hyper::header::{HOST, ORIGIN};
use hyper::{HeaderMap, Method, Request, StatusCode};
use serde_json::json;

use super::answer::{self, Answer};
use super::{Endpoint, checkpoints, metrics, status};
use crate::runtime::JobControl;

pub(super) async fn answer(endpoint: &Endpoint, request: &Request<Incoming>) -> Answer {
    let get = request.method() == Method::GET;
    let post = request.method() == Method::POST;
    if post && is_foreign(request.headers()) {
        let why = "a page of another site asks, or by a name: use the address of this host";
        return answer::error(StatusCode::FORBIDDEN, why);
    }
    match request.uri().path() {
        "/" if get => answer::text(INDEX.to_owned(), "text/plain; charset=utf-8"),
        "/status" if get => {
            let body = status::document(&endpoint.name, &endpoint.control.status());
            answer::json(StatusCode::OK, &body)
        }
        "/checkpoints" if get => {
            let body = checkpoints::document(&endpoint.control.status().checkpoints);
            answer::json(StatusCode::OK, &body)
        }
        "/metrics" if get => {
            let body = metrics::text(&endpoint.control.status(), &endpoint.reporters.counters());
            answer::text(body, "text/plain; version=0.0.4; charset=utf-8")
        }
        "/savepoint" if post => savepoint(endpoint, JobControl::savepoint).await,
        "/stop-with-savepoint" if post => savepoint(endpoint, JobControl::stop_with_savepoint).await,
        "/cancel" if post => {
            endpoint.control.cancel();
            answer::json(
                StatusCode::ACCEPTED,
                &json!({ "message": "the job is being cancelled" }),
            )
        }
        "/" | "/status" | "/checkpoints" | "/metrics" => answer::only("GET"),
        "/savepoint" | "/stop-with-savepoint" | "/cancel" => answer::only("POST"),
        path => answer::error(
            StatusCode::NOT_FOUND,
            &format!("no such path: {path}; GET / lists them"),
        ),
    }
}

const INDEX: &str =
    "GET /status\nGET /checkpoints\nGET /metrics\nPOST /savepoint\nPOST /stop-with-savepoint\nPOST /cancel\n";

/// Waits for it, in a thread that may wait.
async fn savepoint(endpoint: &Endpoint, ask: fn(&JobControl) -> Result<u64, AbortReason>) -> Answer {
    let control = endpoint.control.clone();
    let asked = tokio::task::spawn_blocking(move || ask(&control)).await;
    match asked.expect("asking a job does not panic") {
        Ok(number) => answer::json(StatusCode::OK, &json!({ "savepoint": number })),
        Err(reason) => answer::error(StatusCode::CONFLICT, &format!("no savepoint: {reason}")),
    }
}

/// Whether a browser says that a page of another site asks, or the name of this host is not its own: a page can have a
/// name of its own point here.
fn is_foreign(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let origin = headers
        .get(ORIGIN)
        .map(|origin| origin.to_str().unwrap_or("null"));
    let is_of_host = |origin: &str| {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_some() && authority == host
    };
    origin.is_some_and(|origin| !is_of_host(origin)) || host.is_some_and(|host| !is_plain(host))
}

/// An address, or the name that every host has for itself; with or without a port.
fn is_plain(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_other_sites_and_of_foreign_names_are_told_from_those_of_this_host() {
        for (host, origin, foreign) in [
            (Some("127.0.0.1:8081"), None, false),
            (Some("localhost:8081"), Some("http://localhost:8081"), false),
            (Some("[::1]:8081"), None, false),
            (Some("10.0.0.7"), None, false),
            (None, None, false),
            (Some("127.0.0.1:8081"), Some("http://evil.example"), true),
            (Some("127.0.0.1:8081"), Some("null"), true),
            (Some("evil.example:8081"), Some("http://evil.example:8081"), true),
            (Some("evil.example"), None, true),
        ] {
            let mut headers = HeaderMap::new();
            let value = |text: &str| text.parse().expect("a header");
            host.map(|host| headers.insert(HOST, value(host)));
            origin.map(|origin| headers.insert(ORIGIN, value(origin)));
            assert_eq!(is_foreign(&headers), foreign, "{host:?} {origin:?}");
        }
    }
}
