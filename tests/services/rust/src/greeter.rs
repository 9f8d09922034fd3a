//! `Greeter`: the smallest service.

use restate_sdk::prelude::*;
use serde_json::{Value, json};

pub(crate) struct Greeter;

#[service]
impl Greeter {
    #[handler]
    async fn greet(&self, _ctx: Context<'_>, name: String) -> HandlerResult<String> {
        Ok(format!("Hello {name}"))
    }

    /// The headers of the request; the Rust SDK does not show those of the attempt.
    #[handler]
    async fn headers(&self, ctx: Context<'_>) -> HandlerResult<Json<Value>> {
        let request: serde_json::Map<String, Value> = ctx
            .headers()
            .keys()
            .map(|name| (name.to_string(), json!(ctx.headers().get(name))))
            .collect();
        Ok(Json(json!({ "request": request, "attempt": null })))
    }
}
