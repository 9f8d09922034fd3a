//! Results asked for by id, by idempotency key or by workflow: awaited, looked at, or only the id looked up.

use everspan_protocol::ids::InvocationId;
use everspan_protocol::manifest::HandlerOutput;
use hyper::body::Incoming;
use serde::Deserialize;

use super::answer::{self, Failed};
use super::body;
use super::route::{ResultOf, ResultRoute, Verb, invocation_id};
use super::{HttpResponse, Ingress};
use crate::worker::AttachReply;

/// The longest body that names an invocation, bytes.
const NAME_MAX: usize = 256 * 1024;

/// The body of `POST /restate/attach|output|lookup`.
#[derive(Deserialize)]
#[serde(tag = "target", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Named {
    Invocation {
        invocation_id: String,
    },
    Workflow {
        workflow_name: String,
        workflow_key: String,
    },
    IdempotentInvocation {
        service: String,
        key: Option<String>,
        handler: String,
        idempotency_key: String,
    },
}

impl Ingress {
    pub(super) async fn result(&self, route: ResultRoute, body: Incoming) -> Result<HttpResponse, Failed> {
        let id = match route.of {
            ResultOf::Id(id) => id,
            ResultOf::Idempotent {
                service,
                key,
                handler,
                idempotency_key,
            } => InvocationId::for_idempotency(&service, key.as_deref(), &handler, &idempotency_key),
            ResultOf::Workflow { name, key } => InvocationId::for_workflow(&name, &key),
            ResultOf::Body => {
                let (body, _room) = body::read(body, NAME_MAX, &self.router).await?;
                named(&body)?
            }
        };
        match route.verb {
            Verb::Attach => self.attach(id, None).await,
            Verb::Output => self.output(id).await,
            Verb::Lookup => Ok(answer::json(
                200,
                &serde_json::json!({ "invocationId": id.to_string() }),
            )),
        }
    }

    /// Waits for the result.
    pub(super) async fn attach(
        &self,
        id: InvocationId,
        output: Option<&HandlerOutput>,
    ) -> Result<HttpResponse, Failed> {
        match self.router.attach(id, true).await? {
            AttachReply::Ended(ended) => {
                let declared = if output.is_none() {
                    self.declared_output(id).await?
                } else {
                    None
                };
                answer::ended(id, ended, output.or(declared.as_ref()))
            }
            AttachReply::Unknown => Err(Failed::new(404, "not found").of(id).told_by_invocation()),
            AttachReply::UnderWay => unreachable!("a waiting attach is answered at the end"),
        }
    }

    async fn output(&self, id: InvocationId) -> Result<HttpResponse, Failed> {
        match self.router.attach(id, false).await? {
            AttachReply::Ended(ended) => {
                let declared = self.declared_output(id).await?;
                answer::ended(id, ended, declared.as_ref())
            }
            AttachReply::UnderWay => {
                Err(Failed::new(470, "not ready: the invocation has not completed").of(id))
            }
            AttachReply::Unknown => Err(Failed::new(404, "not found").of(id)),
        }
    }

    /// What the handler of an invocation declares to return, if it is still registered.
    async fn declared_output(&self, id: InvocationId) -> Result<Option<HandlerOutput>, Failed> {
        let Some(view) = self.router.view(id).await? else {
            return Ok(None);
        };
        let snapshot = self.registry.snapshot();
        let handler = snapshot
            .newest(&view.target.service)
            .and_then(|(_, service)| service.handlers.get(&view.target.handler));
        Ok(handler.map(|handler| handler.output.clone()))
    }
}

fn named(body: &[u8]) -> Result<InvocationId, Failed> {
    let named: Named = serde_json::from_slice(body)
        .map_err(|error| Failed::new(400, format!("the body does not name an invocation: {error}")))?;
    Ok(match named {
        Named::Invocation { invocation_id: text } => invocation_id(&text)?,
        Named::Workflow {
            workflow_name,
            workflow_key,
        } => InvocationId::for_workflow(&workflow_name, &workflow_key),
        Named::IdempotentInvocation {
            service,
            key,
            handler,
            idempotency_key,
        } => InvocationId::for_idempotency(&service, key.as_deref(), &handler, &idempotency_key),
    })
}
