//! Rows of links, and of traces of their own.

use everspan_durable::target::HandlerKind;
use everspan_protocol::ids::InvocationId;
use everspan_protocol::message::NotificationId;
use everspan_trace::catalog::event;

use super::{events, of_kind, scene, text, the_one};
use crate::lifecycle::greet;
use crate::sdk::Ctx;
use crate::stop::Stop;
use crate::world::World;

#[test]
fn row_links_lead_to_the_attempt_before() {
    for name in ["retried", "suspended", "crashed", "stopped"] {
        let (world, id) = scene(name);
        let attempts = of_kind(&world, &id, "invocation-attempt");
        assert!(attempts[0].links.is_empty(), "{name}");
        let [link] = &attempts[1].links[..] else {
            panic!("{name}: one link")
        };
        assert_eq!(link.context, attempts[0].context, "{name}");
    }
}

#[test]
fn row_one_way_call_begins_a_trace_of_its_own_and_links_to_its_sender() {
    fn sender(ctx: &mut Ctx) -> Result<String, Stop> {
        let callee = ctx.send("Svc", "", "greet", 0);
        ctx.value(NotificationId::CompletionId(callee))
    }
    let mut world = World::of(3);
    world.serve("Svc", "send", HandlerKind::Service, sender);
    world.serve("Svc", "greet", HandlerKind::Service, greet);
    let mut submission = world.submission("Svc/send", "");
    submission.trace.cause.flags = 0x81 | everspan_trace::FLAG_RANDOM;
    submission.trace.cause.trace_state = "a=b".into();
    let id = world.submit_this(submission);
    let callee: InvocationId = world.outcome(&id).parse().unwrap();
    let attempt = the_one(&world, &id, "invocation-attempt");
    assert_eq!(attempt.context.flags, 0x83, "unknown flags are kept");
    let start = the_one(&world, &callee, "invocation-start");
    assert_ne!(start.context.trace_id, attempt.context.trace_id);
    assert_eq!((start.parent, start.context.flags), (None, 0x03));
    assert_eq!(start.context.trace_state, "");
    assert_eq!(start.links[0].context, attempt.context);
    let [command] = events(attempt, event::NEW_COMMAND)[..1] else {
        panic!("a command")
    };
    assert_eq!(
        text(&command.attributes, "everspan.call.invocation_id"),
        Some(callee.to_string())
    );
}
