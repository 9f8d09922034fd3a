//! The admin port from the first moment on: while the server starts, it tells how far that is.
//!
//! ```text
//! /health, /metrics ──► at once: 503 and what the start does; its figures
//! anything else ──────► waits a moment for the server to be up, then 503
//! ```

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower_service::Service;

use super::{listen, metrics};
use crate::checkpoints::{Phase, StartProgress, StartView};

/// Most starts take less: who asks meanwhile need not ask again.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// Answers for the server until it is up.
#[derive(Clone)]
pub(super) struct AdminPort {
    up: watch::Sender<Option<Router>>,
    progress: Arc<StartProgress>,
}

impl AdminPort {
    /// Serves the port until told to stop.
    pub(super) fn serve(
        listener: TcpListener,
        progress: Arc<StartProgress>,
        stop: watch::Receiver<bool>,
    ) -> (Self, JoinHandle<()>) {
        let (up, _) = watch::channel(None);
        let port = Self { up, progress };
        let routes = Router::new().fallback(answer).with_state(port.clone());
        (port, tokio::spawn(listen::admin(listener, routes, stop)))
    }

    /// The server is up: from now on these routes answer.
    pub(super) fn open(&self, routes: Router) {
        self.up.send_replace(Some(routes));
    }

    /// The routes of the server, waited for when that makes sense.
    async fn up(&self, path: &str) -> Option<Router> {
        let mut up = self.up.subscribe();
        let now = up.borrow_and_update().clone();
        if now.is_some() || is_of_the_start(path) {
            return now;
        }
        let waited = tokio::time::timeout(WAIT_MAX, up.wait_for(Option::is_some)).await;
        waited.ok()?.ok()?.clone()
    }
}

async fn answer(State(port): State<AdminPort>, request: Request) -> Response {
    match port.up(request.uri().path()).await {
        Some(mut routes) => routes.call(request).await.unwrap_or_else(|never| match never {}),
        None => starting(request.uri().path(), &port.progress.view()),
    }
}

fn is_of_the_start(path: &str) -> bool {
    matches!(
        path,
        "/metrics" | "/health" | "/v2/health" | "/v3/health" | "/v4/health"
    )
}

fn starting(path: &str, view: &StartView) -> Response {
    if path == "/metrics" {
        let headers: [(HeaderName, &str); 1] = [(CONTENT_TYPE, "text/plain; version=0.0.4")];
        return (headers, metrics::of_start(view, true)).into_response();
    }
    let body = json!({
        "message": format!("the server starts: {view}"),
        "restate_code": null,
        "start": shown(view),
    });
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], Json(body)).into_response()
}

fn shown(view: &StartView) -> Value {
    let mut shown = json!({
        "phase": view.phase.name(),
        "partitions_left": view.partitions_left,
        "restored_bytes": view.restored_bytes,
        "wanted_bytes": view.wanted_bytes,
    });
    match view.phase {
        Phase::Opening => {}
        Phase::Restoring {
            partition,
            checkpoint,
        } => {
            shown["partition"] = json!(partition);
            shown["checkpoint"] = json!(checkpoint);
        }
        Phase::Replaying { records } => shown["records"] = json!(records),
    }
    shown
}
