//! What the events of an attempt's span tell.

use everspan_durable::target::HandlerKind;
use everspan_trace::catalog::{attr, event};
use everspan_trace::{Event, Span, Value};

use crate::sdk::Ctx;
use crate::stop::Stop;
use crate::waiting::nap;
use crate::world::World;

fn text(event: &Event, key: &str) -> Option<String> {
    event
        .attributes
        .iter()
        .find(|attribute| attribute.key == key)
        .map(|attribute| match &attribute.value {
            Value::Str(text) => text.to_string(),
            other => format!("{other:?}"),
        })
}

fn attempt<'a>(spans: &'a [&Span]) -> &'a Span {
    spans
        .iter()
        .find(|span| span.name.starts_with("invocation-attempt"))
        .expect("an attempt has a span")
}

#[test]
fn a_suspension_says_what_it_waits_for() {
    let mut world = World::new();
    world.serve("Bed", "nap", HandlerKind::Service, nap);
    let id = world.submit("Bed/nap", "");
    world.wait_ms(5000);
    let spans = world.spans_of(&id);
    let suspended = attempt(&spans)
        .events
        .iter()
        .find(|event| event.name == event::SUSPENDED)
        .unwrap();
    assert_eq!(
        text(suspended, attr::AWAITING.name).as_deref(),
        Some("Sleep until 2025-06-15T15:06:50Z")
    );
}

#[test]
fn a_call_names_its_target_and_the_invocation_it_made() {
    fn caller(ctx: &mut Ctx) -> Result<String, Stop> {
        let (_, result) = ctx.call("Other", "k", "get", "");
        ctx.value(everspan_protocol::message::NotificationId::CompletionId(result))
    }
    fn other(ctx: &mut Ctx) -> Result<String, Stop> {
        ctx.set("count", "1");
        Ok("got".into())
    }
    let mut world = World::new();
    world.serve("Caller", "run", HandlerKind::Service, caller);
    world.serve("Other", "get", HandlerKind::Exclusive, other);
    let id = world.submit("Caller/run", "");
    assert_eq!(world.outcome(&id), "got");
    let spans = world.spans_of(&id);
    let call = attempt(&spans)
        .events
        .iter()
        .find(|event| text(event, attr::CALL_TARGET.name).is_some())
        .unwrap();
    assert_eq!(text(call, attr::CALL_TARGET.name).as_deref(), Some("Other/k/get"));
    let callee = text(call, attr::CALL_INVOCATION_ID.name)
        .unwrap()
        .parse()
        .unwrap();
    let spans = world.spans_of(&callee);
    let keys: Vec<_> = attempt(&spans)
        .events
        .iter()
        .filter_map(|event| text(event, attr::STATE_KEY.name))
        .collect();
    assert_eq!(keys, ["count"]);
}
