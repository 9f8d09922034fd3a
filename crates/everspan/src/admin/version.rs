//! `GET /version`: what we are and which admin API we speak.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::Admin;

pub(super) async fn get(State(admin): State<Admin>) -> Json<Value> {
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "server": "everspan",
        "min_admin_api_version": 2,
        "max_admin_api_version": 4,
        "ingress_endpoint": admin.ingress_url,
        "features": {},
    }))
}
