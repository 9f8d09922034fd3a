//! Errors of the admin API: a status and `{"message", "restate_code"}`.

use axum::Json;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::worker::Refusal;

/// A request that is refused.
#[derive(Debug)]
pub(super) struct Refused(StatusCode, String);

impl Refused {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self(
            StatusCode::from_u16(status).expect("the statuses used here exist"),
            message.into(),
        )
    }

    pub(super) fn not_found(what: &str, name: &str) -> Self {
        Self::new(404, format!("{what} {name} does not exist"))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "message": self.1, "restate_code": null }))).into_response()
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, refusal.to_string())
    }
}

pub(super) async fn absent(uri: Uri) -> Refused {
    Refused::new(404, format!("there is nothing at {}", uri.path()))
}
