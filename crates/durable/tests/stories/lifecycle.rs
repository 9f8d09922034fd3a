//! From request to result.

use everspan_durable::record::Source;
use everspan_durable::target::HandlerKind;
use everspan_protocol::message::Start;

use crate::sdk::Ctx;
use crate::stop::Stop;
use crate::world::World;

pub(crate) fn greet(ctx: &mut Ctx) -> Result<String, Stop> {
    Ok(format!("Hello {}", ctx.input()))
}

#[test]
fn a_call_of_one_attempt_gives_a_result_and_exactly_four_spans() {
    let mut world = World::new();
    world.serve("Greeter", "greet", HandlerKind::Service, greet);
    let id = world.submit("Greeter/greet", "Ada");
    assert_eq!(world.accepted, [(id, false)]);
    assert_eq!(world.outcome(&id), "Hello Ada");
    assert_eq!(world.status(&id), "completed");
    let spans = world.spans_of(&id);
    let names: Vec<&str> = spans.iter().map(|span| &*span.name).collect();
    let expected = [
        "ingress Greeter/greet",
        "invocation-start Greeter/greet",
        "invocation-attempt Greeter/greet",
        "invocation-end Greeter/greet",
    ];
    assert_eq!(names, expected);
    let ids: Vec<_> = spans.iter().map(|span| span.context.span_id).collect();
    let parents: Vec<_> = spans.iter().map(|span| span.parent).collect();
    assert_eq!(parents, [None, Some(ids[0]), Some(ids[1]), Some(ids[1])]);
    assert!(
        spans
            .iter()
            .all(|span| span.context.trace_id == spans[0].context.trace_id)
    );
    assert!(spans.iter().all(|span| span.start_ns <= span.end_ns));
}

#[test]
fn the_first_attempt_is_sent_start_and_input_only() {
    let mut world = World::new();
    world.serve("Greeter", "greet", HandlerKind::Service, greet);
    let id = world.submit("Greeter/greet", "Ada");
    let (number, start, entries) = &world.starts[&id][0];
    let expected = Start {
        id: bytes::Bytes::copy_from_slice(id.as_bytes()),
        debug_id: id.to_string(),
        known_entries: 1,
        partial_state: true,
        random_seed: start.random_seed,
        ..Start::default()
    };
    assert_eq!((number, start, entries.len()), (&1, &expected, 1));
}

#[test]
fn what_is_not_sampled_has_no_spans() {
    let mut world = World::new();
    world.serve("Greeter", "greet", HandlerKind::Service, greet);
    let mut submission = world.submission("Greeter/greet", "Ada");
    submission.trace.cause.flags = 0;
    let id = world.submit_this(submission);
    assert_eq!(world.outcome(&id), "Hello Ada");
    assert_eq!(world.spans, []);
}

#[test]
fn a_repeated_idempotency_key_gets_the_stored_result_and_runs_nothing() {
    let mut world = World::new();
    world.serve("Greeter", "greet", HandlerKind::Service, greet);
    let first = world.submit_once("Greeter/greet", "Ada", "key");
    let again = world.submit_once("Greeter/greet", "Bob", "key");
    assert_eq!(first, again);
    assert_eq!(world.accepted, [(first, false), (first, true)]);
    assert_eq!(world.outcomes[&first].len(), 2);
    assert_eq!(world.outcome(&first), "Hello Ada");
    assert_eq!(world.starts[&first].len(), 1);
    let names: Vec<_> = world.spans.iter().map(|span| span.name.clone()).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("ingress")).count(), 2);
    assert_eq!(world.spans.len(), 5);
    assert_eq!(
        world.spans[4].links[0].context.span_id,
        world.spans[1].context.span_id
    );
}

#[test]
fn a_known_id_is_forgotten_when_its_retention_ends() {
    let mut world = World::new();
    world.serve("Greeter", "greet", HandlerKind::Service, greet);
    let id = world.submit_once("Greeter/greet", "Ada", "key");
    world.wait_ms(86_400_000);
    let machine = world.partitions[0].machine();
    let expiries = machine.due_expiries(0, world.now_ms, 10).unwrap();
    assert_eq!(expiries.len(), 1);
    world.record(everspan_durable::record::Body::Expired(expiries.clone()));
    assert!(world.partitions[0].machine().view(&id).unwrap().is_none());
    assert_eq!(world.submit_once("Greeter/greet", "Bob", "key"), id);
    world.record(everspan_durable::record::Body::Expired(expiries));
    assert_eq!(
        world.status(&id),
        "completed",
        "a stale expiry forgets nothing new"
    );
}

#[test]
fn a_delayed_invocation_begins_at_its_time_and_never_before() {
    let mut world = World::new();
    world.serve("Greeter", "greet", HandlerKind::Service, greet);
    let mut submission = world.submission("Greeter/greet", "Ada");
    submission.execute_at_ms = Some(world.now_ms + 5000);
    if let Source::Ingress(request) = &mut submission.source {
        request.one_way = true;
    }
    let id = world.submit_this(submission);
    assert_eq!(world.status(&id), "scheduled");
    world.wait_ms(4999);
    assert_eq!(world.status(&id), "scheduled");
    world.wait_ms(1);
    assert_eq!(world.outcome(&id), "Hello Ada");
}

#[test]
fn attempts_above_the_limit_wait_their_turn() {
    fn nap(ctx: &mut Ctx) -> Result<String, Stop> {
        ctx.sleep(100)?;
        Ok("up".into())
    }
    let mut world = World::new();
    world.attempts_max = 2;
    world.crash();
    world.serve("Bed", "nap", HandlerKind::Service, nap);
    let ids: Vec<_> = (0..5).map(|_| world.submit("Bed/nap", "")).collect();
    assert_eq!(world.partitions[0].machine().attempts(), (2, 3));
    world.wait_ms(100);
    assert_eq!(world.partitions[0].machine().attempts(), (2, 1));
    world.wait_ms(200);
    assert!(ids.iter().all(|id| world.outcome(id) == "up"));
}
