//! Services and their handlers, in their newest revision.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::Admin;
use super::error::Refused;
use super::json;

pub(super) async fn list(State(admin): State<Admin>) -> Json<Value> {
    let snapshot = admin.registry.snapshot();
    let services: Vec<Value> = snapshot
        .services()
        .filter_map(|(name, _)| snapshot.newest(name))
        .map(|(deployment, service)| json::service(deployment, service))
        .collect();
    Json(json!({ "services": services }))
}

pub(super) async fn show(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refused> {
    let snapshot = admin.registry.snapshot();
    let newest = snapshot
        .newest(&name)
        .ok_or_else(|| Refused::not_found("the service", &name))?;
    Ok(Json(json::service(newest.0, newest.1)))
}

pub(super) async fn handlers(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refused> {
    let snapshot = admin.registry.snapshot();
    let newest = snapshot
        .newest(&name)
        .ok_or_else(|| Refused::not_found("the service", &name))?;
    Ok(Json(json!({ "handlers": json::handlers(newest.1) })))
}

pub(super) async fn handler(
    State(admin): State<Admin>,
    Path((service, name)): Path<(String, String)>,
) -> Result<Json<Value>, Refused> {
    let snapshot = admin.registry.snapshot();
    let newest = snapshot
        .newest(&service)
        .ok_or_else(|| Refused::not_found("the service", &service))?;
    let resolved = newest
        .1
        .handlers
        .get(&name)
        .ok_or_else(|| Refused::not_found("the handler", &name))?;
    Ok(Json(json::handler(&name, resolved, newest.1)))
}
