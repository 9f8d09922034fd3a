//! Trace context (TRACES §2): what the service and the callees of an attempt continue.

use everspan_durable::machine::Takers;
use everspan_durable::record::Submission;
use everspan_durable::target::HandlerKind;
use everspan_protocol::ids::InvocationId;
use everspan_protocol::message::NotificationId;
use everspan_trace::{SpanContext, TraceId};

use crate::lifecycle::greet;
use crate::sdk::Ctx;
use crate::stop::Stop;
use crate::world::World;

fn caller(ctx: &mut Ctx) -> Result<String, Stop> {
    let sent = ctx.send("Svc", "", "greet", 0);
    let sent = ctx.value(NotificationId::CompletionId(sent))?;
    let (callee, result) = ctx.call("Svc", "", "greet", "");
    let callee = ctx.value(NotificationId::CompletionId(callee))?;
    ctx.value(NotificationId::CompletionId(result))?;
    Ok(format!("{callee} {sent}"))
}

/// A caller, whom it calls, and whom it sends to; the first attempt dies with the server.
struct Family {
    world: World,
    cause: SpanContext,
    caller: InvocationId,
    callee: InvocationId,
    sent: InvocationId,
}

fn family(takers: Takers, flags: u8) -> Family {
    let mut world = World::of(2);
    world.options.spans.takers = takers;
    world.crash();
    world.serve("Svc", "call", HandlerKind::Service, caller);
    world.serve("Svc", "greet", HandlerKind::Service, greet);
    let mut submission: Submission = world.submission("Svc/call", "");
    submission.trace.cause.flags = flags;
    submission.trace.cause.trace_state = "vendor=1".into();
    let cause = submission.trace.cause.clone();
    world.crash_at = Some(world.records() + 1);
    let caller = world.submit_this(submission);
    let outcome = world.outcome(&caller);
    let (callee, sent) = outcome.split_once(' ').expect("two ids");
    Family {
        caller,
        callee: callee.parse().expect("an id"),
        sent: sent.parse().expect("an id"),
        cause,
        world,
    }
}

impl Family {
    fn handed(&self, id: &InvocationId) -> &SpanContext {
        self.world.handed[id].last().expect("an attempt")
    }
}

#[test]
fn the_service_continues_the_attempt_sampled_or_not() {
    for flags in [0, 1, 2, 3, 0xa4, 0xa5] {
        let family = family(Takers::Everything, flags);
        let handed = family.handed(&family.caller);
        assert_eq!((handed.trace_id, handed.flags), (family.cause.trace_id, flags));
        assert_eq!(handed.trace_state, "vendor=1");
        assert_ne!(handed.span_id, family.cause.span_id);
        let callee = family.handed(&family.callee);
        assert_eq!((callee.trace_id, callee.flags), (family.cause.trace_id, flags));
        assert_eq!(callee.trace_state, "vendor=1");
        let sent = family.handed(&family.sent);
        assert_ne!(sent.trace_id, family.cause.trace_id);
        assert_eq!((sent.flags & 1, sent.trace_state.as_str()), (flags & 1, ""));
        let told = family.world.spans.len();
        assert_eq!(told > 0, flags & 1 == 1, "flags {flags:02x}: {told} spans");
    }
}

#[test]
fn where_nobody_takes_the_attempt_the_callers_context_is_handed_on_unchanged() {
    let no_attempts = || {
        Takers::Named(std::sync::Arc::new(|name: &str| {
            !name.starts_with("invocation-attempt")
        }))
    };
    for takers in [Takers::Nobody, no_attempts()] {
        let family = family(takers, 1);
        assert_eq!(family.handed(&family.caller), &family.cause);
        assert_eq!(family.handed(&family.callee), &family.cause);
    }
}

#[test]
fn an_invocation_without_any_context_hands_none_on() {
    let mut world = World::new();
    world.options.spans.takers = Takers::Nobody;
    world.crash();
    world.serve("Svc", "greet", HandlerKind::Service, greet);
    let mut submission = world.submission("Svc/greet", "");
    submission.trace.cause.trace_id = TraceId([0; 16]);
    submission.trace.cause.flags = 0;
    let id = world.submit_this(submission);
    assert!(!world.handed[&id][0].trace_id.is_valid());
}
