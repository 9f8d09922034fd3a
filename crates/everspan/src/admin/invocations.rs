//! Invocations: list, show with journal, cancel, kill.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use everspan_durable::record::Message;
use everspan_durable::view::InvocationView;
use everspan_protocol::ids::InvocationId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Admin;
use super::error::Refused;
use super::json;

const LIST_DEFAULT: usize = 100;
const LIST_MAX: usize = 10_000;

/// Parameters of the list; unset ones do not filter.
#[derive(Deserialize)]
pub(super) struct Filter {
    limit: Option<usize>,
    status: Option<String>,
    service: Option<String>,
}

impl Filter {
    fn takes(&self, view: &InvocationView) -> bool {
        self.status.as_ref().is_none_or(|status| status == view.status)
            && self
                .service
                .as_ref()
                .is_none_or(|service| *service == view.target.service)
    }
}

pub(super) async fn list(
    State(admin): State<Admin>,
    Query(filter): Query<Filter>,
) -> Result<Json<Value>, Refused> {
    let limit = filter.limit.unwrap_or(LIST_DEFAULT);
    if limit > LIST_MAX {
        return Err(Refused::new(
            400,
            format!("limit {limit}, at most {LIST_MAX} invocations are listed"),
        ));
    }
    let looked_at = if filter.status.is_some() || filter.service.is_some() {
        LIST_MAX
    } else {
        limit
    };
    let all = admin.router.list(looked_at).await?;
    let invocations: Vec<Value> = all
        .iter()
        .filter(|view| filter.takes(view))
        .take(limit)
        .map(json::invocation)
        .collect();
    Ok(Json(json!({ "invocations": invocations })))
}

pub(super) async fn show(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Json<Value>, Refused> {
    let (id, view) = find(&admin, &id).await?;
    let journal: Vec<Value> = admin.router.journal(id).await?.iter().map(json::entry).collect();
    let mut shown = json::invocation(&view);
    shown["journal"] = Value::from(journal);
    Ok(Json(shown))
}

pub(super) async fn cancel(
    State(admin): State<Admin>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refused> {
    let (id, view) = alive(&admin, &id).await?;
    admin.router.ask(Message::Cancel(id)).await?;
    let at_once = view.attempts == 0;
    Ok(if at_once {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    })
}

pub(super) async fn kill(State(admin): State<Admin>, Path(id): Path<String>) -> Result<StatusCode, Refused> {
    let (id, _) = alive(&admin, &id).await?;
    admin.router.ask(Message::Kill(id)).await?;
    Ok(StatusCode::OK)
}

pub(super) async fn purge(State(admin): State<Admin>, Path(id): Path<String>) -> Result<StatusCode, Refused> {
    let (parsed, view) = find(&admin, &id).await?;
    if view.status != "completed" {
        return Err(Refused::new(
            409,
            format!(
                "the invocation {id} is {}, only a completed one is purged",
                view.status
            ),
        ));
    }
    admin.router.ask(Message::Purge(parsed)).await?;
    Ok(StatusCode::OK)
}

#[derive(Deserialize)]
pub(super) struct End {
    mode: Option<String>,
}

/// The older form: `DELETE /invocations/{id}?mode=cancel|kill`.
pub(super) async fn end(
    State(admin): State<Admin>,
    Path(id): Path<String>,
    Query(how): Query<End>,
) -> Result<StatusCode, Refused> {
    let (id, _) = alive(&admin, &id).await?;
    let message = match how.mode.as_deref() {
        None | Some("cancel") => Message::Cancel(id),
        Some("kill") => Message::Kill(id),
        Some(mode) => {
            return Err(Refused::new(
                400,
                format!("mode {mode}, this version knows cancel and kill"),
            ));
        }
    };
    admin.router.ask(message).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn find(admin: &Admin, text: &str) -> Result<(InvocationId, InvocationView), Refused> {
    let id: InvocationId = text
        .parse()
        .map_err(|error| Refused::new(400, format!("bad invocation id {text}: {error}")))?;
    let view = admin.router.view(id).await?;
    Ok((
        id,
        view.ok_or_else(|| Refused::not_found("the invocation", text))?,
    ))
}

async fn alive(admin: &Admin, text: &str) -> Result<(InvocationId, InvocationView), Refused> {
    let (id, view) = find(admin, text).await?;
    if view.status == "completed" {
        return Err(Refused::new(409, format!("the invocation {text} has completed")));
    }
    Ok((id, view))
}
