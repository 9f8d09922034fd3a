//! Errors of the admin API: a status and `{"message", "restate_code"}`.

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::worker::Refusal;

/// A request that is refused.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    message: String,
    /// Whether the same request may be taken soon.
    later: bool,
}

impl Refused {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::from_u16(status).expect("the statuses used here exist"),
            message: message.into(),
            later: false,
        }
    }

    /// The same request may be taken soon.
    pub(super) fn for_now(self) -> Self {
        Self { later: true, ..self }
    }

    pub(super) fn not_found(what: &str, name: &str) -> Self {
        Self::new(404, format!("{what} {name} does not exist"))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = Json(json!({ "message": self.message, "restate_code": null }));
        let mut response = (self.status, body).into_response();
        if self.later {
            let soon = HeaderValue::from_static("1");
            response.headers_mut().insert(RETRY_AFTER, soon);
        }
        response
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let status = if refusal == Refusal::Overloaded { 429 } else { 503 };
        Self::new(status, refusal.to_string()).for_now()
    }
}

pub(super) async fn absent(uri: Uri) -> Refused {
    Refused::new(404, format!("there is nothing at {}", uri.path()))
}
