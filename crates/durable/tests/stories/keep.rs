//! `tracing-keep`: of what the sampler leaves out, the failed and the slow are told after all.

use everspan_durable::machine::Keep;
use everspan_durable::record::Message;
use everspan_durable::target::HandlerKind;
use everspan_protocol::ids::InvocationId;
use everspan_protocol::message::NotificationId;
use everspan_state::Backend;

use crate::lifecycle::greet;
use crate::sdk::Ctx;
use crate::stop::{Stop, error};
use crate::traces::{of_kind, text};
use crate::waiting::nap;
use crate::world::World;

fn doomed(ctx: &mut Ctx) -> Result<String, Stop> {
    ctx.run(|_| "x".into())?;
    ctx.sleep(3000)?;
    Err(Stop::Terminal(everspan_protocol::message::Failure::new(
        500, "doomed",
    )))
}

fn caller(ctx: &mut Ctx) -> Result<String, Stop> {
    let (_, result) = ctx.call("Svc", "", "doomed", "");
    let failed = ctx.value(NotificationId::CompletionId(result));
    match failed {
        Err(Stop::Terminal(_)) => Ok("never mind".into()),
        other => other,
    }
}

fn stuck(_: &mut Ctx) -> Result<String, Stop> {
    Err(error("stuck", Some(1)))
}

fn keeping(keep: Option<Keep>) -> World {
    let mut world = World::new();
    world.options.spans.keep = keep;
    world.crash();
    world.serve("Svc", "greet", HandlerKind::Service, greet);
    world.serve("Svc", "doomed", HandlerKind::Service, doomed);
    world.serve("Svc", "nap", HandlerKind::Service, nap);
    world.serve("Svc", "caller", HandlerKind::Service, caller);
    world.serve("Svc", "stuck", HandlerKind::Service, stuck);
    world
}

fn submit(world: &mut World, path: &str, flags: u8) -> InvocationId {
    let mut submission = world.submission(path, "");
    submission.trace.cause.flags = flags;
    world.submit_this(submission)
}

fn kept_rows(world: &World) -> usize {
    let rows = world.partitions[0].machine().backend().scan(b"F", None, 1000);
    rows.expect("memory can be read").len()
}

const FAILED: Keep = Keep {
    failed: true,
    slow_ms: None,
};
const SLOW: Keep = Keep {
    failed: false,
    slow_ms: Some(5000),
};

#[test]
fn the_failed_and_the_slow_are_told_whole_and_the_others_not_at_all() {
    let rows = [
        (None, "doomed", false),
        (Some(FAILED), "greet", false),
        (Some(FAILED), "nap", false),
        (Some(FAILED), "doomed", true),
        (Some(SLOW), "greet", false),
        (Some(SLOW), "doomed", false),
        (Some(SLOW), "nap", true),
    ];
    for (keep, handler, told) in rows {
        let spans_of = |flags: u8| {
            let mut world = keeping(keep);
            let id = submit(&mut world, &format!("Svc/{handler}"), flags);
            world.wait_ms(20_000);
            assert_eq!(kept_rows(&world), 0, "{keep:?} {handler}: nothing is left behind");
            let mut spans: Vec<_> = world.spans_of(&id).into_iter().cloned().collect();
            for span in &mut spans {
                span.context.flags = 0;
                span.links.iter_mut().for_each(|link| link.context.flags = 0);
            }
            spans
        };
        let (kept, sampled) = (spans_of(0), spans_of(1));
        if told {
            assert_eq!(kept, sampled, "{keep:?} {handler}: the same as of a sampled one");
        } else {
            assert_eq!(kept, [], "{keep:?} {handler}");
        }
    }
}

#[test]
fn what_is_kept_is_told_at_the_end_only() {
    let mut world = keeping(Some(FAILED));
    let id = submit(&mut world, "Svc/doomed", 0);
    world.wait_ms(2000);
    assert_eq!((world.status(&id), world.spans.len()), ("suspended", 0));
    assert_eq!(kept_rows(&world), 2, "the request and an attempt");
    world.ask(Message::Kill(id));
    assert_eq!((of_kind(&world, &id, "ingress").len(), kept_rows(&world)), (1, 0));
}

#[test]
fn each_invocation_of_a_trace_is_decided_by_its_own_end() {
    let mut world = keeping(Some(FAILED));
    let id = submit(&mut world, "Svc/caller", 0);
    world.wait_ms(20_000);
    assert_eq!(world.outcome(&id), "never mind");
    let names: Vec<_> = world.spans.iter().map(|span| span.name.to_string()).collect();
    assert_eq!(world.spans_of(&id).len(), 0);
    assert!(
        names.iter().all(|name| name.ends_with("Svc/doomed")) && names.len() == 4,
        "{names:?}"
    );
}

#[test]
fn what_is_kept_survives_crashes() {
    let mut world = keeping(Some(FAILED));
    world.options.spans.told_to = 0;
    let id = submit(&mut world, "Svc/doomed", 0);
    for _ in 0..2 {
        world.flush();
        world.crash();
        world.wait_ms(100);
        world.crash();
    }
    world.wait_ms(20_000);
    let outcomes: Vec<_> = of_kind(&world, &id, "invocation-attempt")
        .iter()
        .map(|span| text(&span.attributes, "everspan.attempt.outcome").unwrap())
        .collect();
    assert_eq!(
        outcomes,
        [
            "crashed",
            "crashed",
            "crashed",
            "crashed",
            "suspended",
            "completed"
        ]
    );
    assert_eq!(of_kind(&world, &id, "ingress").len(), 1);
}

#[test]
fn of_too_many_attempts_the_oldest_go_and_are_counted() {
    let mut world = keeping(Some(FAILED));
    world.policy.max_attempts = None;
    let id = submit(&mut world, "Svc/stuck", 0);
    world.wait_ms(99);
    assert_eq!(world.view(&id).attempts, 100);
    assert_eq!(kept_rows(&world), 65, "64 attempts and the request");
    world.ask(Message::Kill(id));
    let attempts = of_kind(&world, &id, "invocation-attempt");
    let first = text(&attempts[0].attributes, "everspan.attempt.number").unwrap();
    let end = of_kind(&world, &id, "invocation-end")[0];
    let dropped: usize = text(&end.attributes, "everspan.attempts.dropped")
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(first, (dropped + 1).to_string());
    assert_eq!(attempts.len() + dropped, 100);
    assert_eq!(kept_rows(&world), 0);
}

#[test]
fn a_server_that_keeps_no_more_cleans_up_what_was_kept() {
    let mut world = keeping(Some(FAILED));
    let id = submit(&mut world, "Svc/doomed", 0);
    world.flush();
    world.options.spans.keep = None;
    world.crash();
    world.wait_ms(20_000);
    assert_eq!(world.status(&id), "completed");
    assert_eq!((world.spans.len(), kept_rows(&world)), (0, 0));
}
