//! `GET /metrics`: numbers in the Prometheus text format.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::Admin;

pub(super) async fn get(State(admin): State<Admin>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], (admin.metrics)())
}
