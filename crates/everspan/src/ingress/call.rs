//! Invoking a handler: checked against its manifest, made into a submission, answered with result or acceptance.

use everspan_durable::record::{Source, Submission, TraceOrigin};
use everspan_durable::target::{HandlerKind, Target};
use everspan_protocol::ids::{InvocationId, partition_key_of};
use everspan_protocol::manifest::HandlerOutput;
use http::header::{CONNECTION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName};
use hyper::body::Incoming;
use rand::Rng;

use super::answer::{self, Failed};
use super::path::{KEY_MAX, decode_key};
use super::route::CallRoute;
use super::{HttpResponse, Ingress, Seen, body};
use crate::clock::now_ms;
use crate::config::parse_duration;
use crate::registry::{ResolvedHandler, ResolvedService};
use crate::worker::Room;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_EXPIRES: HeaderName = HeaderName::from_static("idempotency-expires");

impl Ingress {
    pub(super) async fn call(
        &self,
        route: CallRoute,
        seen: &Seen<'_>,
        body: Incoming,
        target_seen: &mut Option<Target>,
    ) -> Result<HttpResponse, Failed> {
        let headers = &seen.parts.headers;
        let snapshot = self.registry.snapshot();
        let (_, service) = snapshot
            .newest(&route.service)
            .ok_or_else(|| Failed::new(404, format!("the service {} is not registered", route.service)))?;
        let (target, handler) = target(&route, service)?;
        let target = target_seen.insert(target).clone();
        self.router.ready()?;
        let execute_at_ms = execution_time(&route)?;
        let idempotency_key = idempotency_key(headers, handler.kind)?;
        let (argument, room) = body::read(body, self.body_max, &self.router).await?;
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        body::check(&handler.input, content_type, &argument)?;

        let id = invocation_id(&target, handler.kind, idempotency_key.as_deref());
        let trace = self.trace(headers, &target);
        let source = seen.request(&trace, route.one_way);
        let submission = Box::new(Submission {
            id,
            target,
            handler: handler.facts(idempotency_key.is_some()),
            headers: handler_headers(seen.parts),
            argument,
            execute_at_ms,
            idempotency_key,
            source: Source::Ingress(source),
            trace: TraceOrigin {
                cause: trace.context,
                joins: true,
            },
        });
        if route.one_way {
            return self.send_one_way(submission, room).await;
        }
        self.call_and_wait(submission, room, &handler.output).await
    }

    async fn send_one_way(&self, submission: Box<Submission>, room: Room) -> Result<HttpResponse, Failed> {
        let id = submission.id;
        let accepted = self
            .router
            .send(submission, room)
            .await
            .map_err(|refusal| Failed::from(refusal).of(id))?;
        let execute_at_ms = accepted.execute_at_ms.filter(|_| !accepted.known);
        Ok(answer::accepted(id, accepted.known, execute_at_ms))
    }

    async fn call_and_wait(
        &self,
        submission: Box<Submission>,
        room: Room,
        output: &HandlerOutput,
    ) -> Result<HttpResponse, Failed> {
        let id = submission.id;
        if submission.handler.kind == HandlerKind::Workflow {
            let accepted = self.router.send(submission, room).await?;
            if accepted.known {
                let message = "the workflow method was already invoked";
                let failed = Failed::new(409, message).of(id);
                return Err(failed.told_by_invocation().after_its_record());
            }
            let result = self.attach(id, Some(output)).await;
            return result.map_err(Failed::after_its_record);
        }
        let ended = self
            .router
            .call(submission, room)
            .await
            .map_err(|refusal| Failed::from(refusal).of(id))?;
        answer::ended(id, ended, Some(output))
    }
}

/// What to run, and what the service says of it.
fn target<'a>(
    route: &CallRoute,
    service: &'a ResolvedService,
) -> Result<(Target, &'a ResolvedHandler), Failed> {
    let keyed = service.manifest.ty.is_keyed();
    let (key, name) = match (route.rest.as_slice(), keyed) {
        ([handler], false) => (None, handler),
        ([key, handler], true) => (Some(decode_key(key)?), handler),
        ([_], true) => {
            return Err(Failed::new(
                400,
                format!("bad path: expected /{}/KEY/HANDLER", route.service),
            ));
        }
        _ => {
            return Err(Failed::new(
                400,
                format!("bad path: expected /{}/HANDLER", route.service),
            ));
        }
    };
    let handler = service.handlers.get(name).ok_or_else(|| {
        Failed::new(
            404,
            format!("the service {} has no handler {name}", route.service),
        )
    })?;
    if handler.private {
        return Err(Failed::new(
            400,
            format!("the service {} is not public", route.service),
        ));
    }
    Ok((
        Target {
            service: route.service.clone(),
            key,
            handler: name.clone(),
        },
        handler,
    ))
}

fn execution_time(route: &CallRoute) -> Result<Option<u64>, Failed> {
    let Some(text) = &route.delay else { return Ok(None) };
    if !route.one_way {
        return Err(Failed::new(400, "a delay is for /send, a call cannot be delayed"));
    }
    let delay =
        parse_duration(text).map_err(|error| Failed::new(400, format!("bad delay {text}: {error}")))?;
    let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    Ok((delay_ms > 0).then(|| now_ms().saturating_add(delay_ms)))
}

fn idempotency_key(headers: &HeaderMap, kind: HandlerKind) -> Result<Option<String>, Failed> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .map_err(|_| Failed::new(400, "the idempotency key is not ASCII"))?;
    if key.is_empty() || key.len() > KEY_MAX {
        return Err(Failed::new(
            400,
            format!("an idempotency key has 1 to {KEY_MAX} bytes, not {}", key.len()),
        ));
    }
    if kind == HandlerKind::Workflow {
        return Err(Failed::new(
            400,
            "a workflow takes no idempotency key: its own key is one",
        ));
    }
    Ok(Some(key.to_owned()))
}

/// Derived where a repetition must find it again, drawn otherwise. The id also protects awakeables: it is random
/// from a cryptographic generator.
fn invocation_id(target: &Target, kind: HandlerKind, idempotency_key: Option<&str>) -> InvocationId {
    let key = target.key.as_deref();
    match (kind, idempotency_key) {
        (HandlerKind::Workflow, _) => InvocationId::for_workflow(&target.service, key.unwrap_or_default()),
        (_, Some(idempotency_key)) => {
            InvocationId::for_idempotency(&target.service, key, &target.handler, idempotency_key)
        }
        (_, None) => {
            let mut random = rand::rng();
            let partition_key = key.map_or_else(|| random.random(), partition_key_of);
            InvocationId::from_parts(partition_key, random.random())
        }
    }
}

/// The request's headers for the handler, behind the path it came by.
fn handler_headers(parts: &http::request::Parts) -> Vec<(String, String)> {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = vec![("x-restate-ingress-path".to_owned(), path.to_owned())];
    for (name, value) in &parts.headers {
        if [CONNECTION, HOST, IDEMPOTENCY_KEY, IDEMPOTENCY_EXPIRES].contains(name) {
            continue;
        }
        if let Ok(value) = value.to_str() {
            headers.push((name.as_str().to_owned(), value.to_owned()));
        }
    }
    headers
}
