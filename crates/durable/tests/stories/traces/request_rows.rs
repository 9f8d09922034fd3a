//! Rows of the ingress span.

use everspan_durable::record::{IngressRequest, Source, Submission};
use everspan_durable::target::{HandlerKind, Target};
use everspan_protocol::ids::InvocationId;
use everspan_trace::{Span, SpanKind, Status};

use super::{of_kind, terminal, text, the_one};
use crate::lifecycle::greet;
use crate::sdk::Ctx;
use crate::stop::Stop;
use crate::waiting::hold;
use crate::world::World;

/// A request with an idempotency key, or for a workflow, made again at this moment.
fn repeated(world: &mut World, path: &str, one_way: bool) -> Submission {
    let mut submission = world.submission(path, "Ada");
    if submission.handler.kind != HandlerKind::Workflow {
        submission.id = InvocationId::for_idempotency("Svc", None, &submission.target.handler, "key");
        submission.idempotency_key = Some("key".into());
    }
    if let Source::Ingress(request) = &mut submission.source {
        request.one_way = one_way;
    }
    submission
}

#[test]
fn rows_ingress_status_code_replayed_and_link() {
    // what the path does, whether one way, and of the second request: status code, and whether its span is an error
    let rows = [
        ("Svc/greet", false, Some("200"), false),
        ("Svc/greet", true, Some("202"), false),
        ("Svc/terminal", false, Some("418"), false),
        ("Svc/torn", false, Some("500"), true),
        ("Svc/hold", false, None, false),
        ("Flow/k/run", false, Some("409"), false),
        ("Flow/k/run", true, Some("202"), false),
    ];
    for (path, one_way, status, is_error) in rows {
        fn torn(_: &mut Ctx) -> Result<String, Stop> {
            Err(Stop::Terminal(everspan_protocol::message::Failure::new(
                7, "torn",
            )))
        }
        let mut world = World::new();
        world.serve("Svc", "greet", HandlerKind::Service, greet);
        world.serve("Svc", "terminal", HandlerKind::Service, terminal);
        world.serve("Svc", "torn", HandlerKind::Service, torn);
        world.serve("Svc", "hold", HandlerKind::Service, hold);
        world.serve("Flow", "run", HandlerKind::Workflow, greet);
        let first = repeated(&mut world, path, one_way);
        let id = world.submit_this(first);
        let second = repeated(&mut world, path, one_way);
        assert_eq!(world.submit_this(second), id);
        let [first, second] = of_kind(&world, &id, "ingress")[..] else {
            panic!("{path}: two requests")
        };
        let code = |span: &Span| text(&span.attributes, "http.response.status_code");
        assert_eq!(code(first).as_deref(), one_way.then_some("202"), "{path}");
        assert_eq!(code(second).as_deref(), status, "{path} {one_way}");
        assert_eq!(second.status == Status::Error("torn".into()), is_error, "{path}");
        let replayed = |span: &Span| text(&span.attributes, "everspan.idempotency.replayed");
        assert_eq!(
            (replayed(first), replayed(second).as_deref()),
            (None, Some("true"))
        );
        let start = the_one(&world, &id, "invocation-start");
        assert_eq!(second.links[0].context, start.context, "{path}");
    }
}

#[test]
fn rows_ingress_request_client_and_agent() {
    let mut world = World::new();
    world.serve("Svc", "greet", HandlerKind::Service, greet);
    let mut submission = world.submission("Svc/greet", "");
    if let Source::Ingress(request) = &mut submission.source {
        request.client = Some(("::1".into(), 7000));
        request.user_agent = Some("curl/8".into());
    }
    let id = world.submit_this(submission);
    let span = the_one(&world, &id, "ingress");
    let value = |key: &str| text(&span.attributes, key).unwrap();
    assert_eq!(value("http.request.method"), "POST");
    assert_eq!(value("url.path"), "/Svc/greet");
    assert_eq!(value("client.address"), "::1");
    assert_eq!(value("client.port"), "7000");
    assert_eq!(value("user_agent.original"), "curl/8");
}

#[test]
fn row_ingress_of_a_refused_request() {
    let target = Target {
        service: "Counter".into(),
        key: Some("k".into()),
        handler: "add".into(),
    };
    let rows = [
        ("POST", Some(&target), 413, "ingress Counter/{key}/add", "POST"),
        ("POST", Some(&target), 503, "ingress Counter/{key}/add", "POST"),
        ("GET", None, 404, "ingress GET", "GET"),
        ("BREW", None, 405, "ingress HTTP", "_OTHER"),
    ];
    for (method, target, status, name, told) in rows {
        let request = IngressRequest {
            span_id: everspan_trace::SpanId([2; 8]),
            parent: Some(everspan_trace::SpanId([3; 8])),
            received_ns: 10,
            method: method.into(),
            path: "/x".into(),
            client: None,
            user_agent: None,
            one_way: false,
        };
        let context = everspan_trace::SpanContext::sampled(everspan_trace::TraceId([1; 16]), request.span_id);
        let spans = request.refused_span(target, &context, 20, (status, "no"));
        let span = spans.decode().next().expect("a span");
        assert_eq!((span.name.as_ref(), span.kind), (name, SpanKind::Server));
        assert_eq!((span.parent, span.parent_is_remote), (request.parent, true));
        let value = |key: &str| text(&span.attributes, key);
        assert_eq!(value("http.request.method").as_deref(), Some(told));
        assert_eq!(value("http.response.status_code"), Some(status.to_string()));
        assert_eq!(value("error.message").as_deref(), Some("no"));
        assert_eq!(value("restate.invocation.id"), None, "there is no invocation");
        let expected = if status >= 500 {
            Status::Error("no".into())
        } else {
            Status::Unset
        };
        assert_eq!(span.status, expected);
    }
}
