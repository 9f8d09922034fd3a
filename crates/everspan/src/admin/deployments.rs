//! Deployments: register, list, show, remove.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use everspan_protocol::ids::DeploymentId;
use rand::Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Admin;
use super::error::Refused;
use super::json::{deployment, registered};
use crate::clock::now_ms;
use crate::registry::{RegisterError, Registration, Request};

/// `POST /deployments`; fields of others (`auth`, …) are refused where they would be ignored silently.
#[derive(Deserialize)]
pub(super) struct Register {
    uri: Option<String>,
    arn: Option<String>,
    additional_headers: Option<BTreeMap<String, String>>,
    metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    use_http_11: bool,
    #[serde(default)]
    force: bool,
    #[serde(default)]
    breaking: bool,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn register(State(admin): State<Admin>, body: Bytes) -> Result<Response, Refused> {
    let body: Register = serde_json::from_slice(&body)
        .map_err(|error| Refused::new(400, format!("the body is no registration: {error}")))?;
    let request = request(body)?;
    let registration = admin
        .registry
        .register(&admin.connector, request)
        .await
        .map_err(refused)?;
    let (status, deployment) = match registration {
        Registration::New(deployment) => (StatusCode::CREATED, deployment),
        Registration::Known(deployment) => (StatusCode::OK, deployment),
    };
    let location = format!("/deployments/{}", deployment.id);
    Ok((status, [("location", location)], Json(registered(&deployment))).into_response())
}

fn request(body: Register) -> Result<Request, Refused> {
    if body.arn.is_some() {
        return Err(Refused::new(
            400,
            "Lambda deployments (\"arn\") are not supported by this version",
        ));
    }
    if body.use_http_11 {
        return Err(Refused::new(
            400,
            "\"use_http_11\" is not supported by this version, services are called over HTTP/2",
        ));
    }
    let uri = body
        .uri
        .ok_or_else(|| Refused::new(400, "the field \"uri\" is missing"))?;
    let headers = body.additional_headers.unwrap_or_default();
    for (name, value) in &headers {
        let bad = name.parse::<HeaderName>().is_err() || HeaderValue::from_str(value).is_err();
        if bad {
            return Err(Refused::new(
                400,
                format!("the additional header {name:?} cannot be sent"),
            ));
        }
    }
    Ok(Request {
        address: uri
            .parse()
            .map_err(|error| Refused::new(400, format!("{error}")))?,
        headers,
        metadata: body.metadata.unwrap_or_default(),
        force: body.force,
        breaking: body.breaking,
        dry_run: body.dry_run,
        fresh_id: DeploymentId::from_bytes(rand::rng().random()),
        now_ms: now_ms(),
    })
}

fn refused(error: RegisterError) -> Refused {
    let status = match &error {
        RegisterError::Breaking(_) => 409,
        RegisterError::File(_) => 500,
        RegisterError::Discovery(_) | RegisterError::Manifest(_) | RegisterError::Reserved(_) => 400,
    };
    Refused::new(status, error.to_string())
}

pub(super) async fn list(State(admin): State<Admin>) -> Json<Value> {
    let snapshot = admin.registry.snapshot();
    let deployments: Vec<Value> = snapshot.deployments().map(|known| deployment(known)).collect();
    Json(json!({ "deployments": deployments }))
}

pub(super) async fn show(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Json<Value>, Refused> {
    let parsed = parse(&id)?;
    let snapshot = admin.registry.snapshot();
    let known = snapshot
        .deployment(&parsed)
        .ok_or_else(|| Refused::not_found("the deployment", &id))?;
    Ok(Json(registered(known)))
}

#[derive(Deserialize)]
pub(super) struct Remove {
    #[serde(default)]
    force: bool,
}

pub(super) async fn remove(
    State(admin): State<Admin>,
    Path(id): Path<String>,
    Query(how): Query<Remove>,
) -> Result<StatusCode, Refused> {
    if !how.force {
        return Err(Refused::new(
            501,
            "removing a deployment in use needs ?force=true",
        ));
    }
    let removed = admin.registry.remove(&parse(&id)?).await;
    match removed.map_err(|error| Refused::new(500, error.to_string()))? {
        true => Ok(StatusCode::ACCEPTED),
        false => Err(Refused::not_found("the deployment", &id)),
    }
}

fn parse(id: &str) -> Result<DeploymentId, Refused> {
    id.parse()
        .map_err(|error| Refused::new(400, format!("bad deployment id {id}: {error}")))
}
