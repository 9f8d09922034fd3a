//! Failed attempts.

use everspan_durable::policy::{OnMaxAttempts, RetryPolicy};
use everspan_durable::record::{Body, Message, Progress};
use everspan_durable::target::HandlerKind;
use everspan_protocol::ids::InvocationId;

use crate::sdk::Ctx;
use crate::stop::{Stop, error};
use crate::world::World;

fn always(_: &mut Ctx) -> Result<String, Stop> {
    Err(error("boom", None))
}

fn failing(handler: crate::sdk::Handler) -> (World, InvocationId) {
    let mut world = World::new();
    world.policy.max_attempts = Some(3);
    world.serve("Flaky", "call", HandlerKind::Service, handler);
    let id = world.submit("Flaky/call", "");
    (world, id)
}

#[test]
fn the_sdk_is_told_how_often_and_how_long_nothing_was_stored() {
    let (mut world, id) = failing(always);
    world.wait_ms(10_000);
    let counters: Vec<_> = world.starts[&id]
        .iter()
        .map(|(number, start, _)| {
            let since = start.duration_since_last_stored_entry;
            (*number, start.retry_count_since_last_stored_entry, since)
        })
        .collect();
    let [(1, 0, 0), (2, 1, second), (3, 2, third)] = counters[..] else {
        panic!("{counters:?}")
    };
    assert!((500..=650).contains(&second), "{second}");
    assert!((1500..=1950).contains(&third), "{third}");
}

#[test]
fn progress_resets_the_counter() {
    fn progressing(ctx: &mut Ctx) -> Result<String, Stop> {
        let known = ctx.start.known_entries;
        if known == 1 && ctx.start.retry_count_since_last_stored_entry == 1 {
            ctx.set_nothing();
            return Err(error("after progress", None));
        }
        if known > 1 {
            ctx.set_nothing();
            return Ok("done".into());
        }
        Err(error("before progress", None))
    }
    let (mut world, id) = failing(progressing);
    world.wait_ms(10_000);
    assert_eq!(world.outcome(&id), "done");
    let counters: Vec<_> = world.starts[&id]
        .iter()
        .map(|(_, start, _)| start.retry_count_since_last_stored_entry)
        .collect();
    assert_eq!(counters, [0, 1, 1]);
}

#[test]
fn used_up_attempts_pause() {
    let (mut world, id) = failing(always);
    world.wait_ms(100_000);
    let view = world.view(&id);
    assert_eq!((view.status, view.attempts, view.failures), ("paused", 3, 3));
    assert_eq!(view.last_error.unwrap().message, "boom");
    world.crash();
    assert_eq!(world.status(&id), "paused");
}

#[test]
fn used_up_attempts_end_the_invocation_where_the_policy_says_so() {
    let mut world = World::new();
    world.policy = RetryPolicy {
        max_attempts: Some(2),
        on_max_attempts: OnMaxAttempts::Kill,
        ..RetryPolicy::default()
    };
    world.serve("Flaky", "call", HandlerKind::Service, always);
    let id = world.submit("Flaky/call", "");
    world.wait_ms(100_000);
    assert_eq!(world.outcome(&id), "500 boom");
}

#[test]
fn the_service_may_ask_for_another_delay_even_an_endless_one() {
    fn later(ctx: &mut Ctx) -> Result<String, Stop> {
        let delay = if ctx.start.retry_count_since_last_stored_entry == 0 {
            7000
        } else {
            u64::MAX
        };
        Err(error("later", Some(delay)))
    }
    let (mut world, id) = failing(later);
    assert_eq!(world.view(&id).next_at_ms, Some(world.now_ms + 7000));
    world.wait_ms(7000);
    assert_eq!(
        (world.status(&id), world.view(&id).next_at_ms),
        ("backing-off", Some(u64::MAX))
    );
    world.ask(Message::Kill(id));
    assert_eq!(world.outcome(&id), "409 killed");
}

#[test]
fn a_result_sent_before_the_stream_broke_counts_when_the_end_comes() {
    fn output_then_break(ctx: &mut Ctx) -> Result<String, Stop> {
        if ctx.start.known_entries == 1 {
            ctx.output_only("first");
            return Err(Stop::Break);
        }
        Ok("first".into())
    }
    let (mut world, id) = failing(output_then_break);
    world.wait_ms(5000);
    assert_eq!(
        (world.outcome(&id).as_str(), world.view(&id).attempts),
        ("first", 2)
    );
}

#[test]
fn a_record_of_an_older_attempt_is_void() {
    fn stuck(ctx: &mut Ctx) -> Result<String, Stop> {
        ctx.sleep(1 << 40)?;
        Ok(String::new())
    }
    let (mut world, id) = failing(stuck);
    world.crash();
    assert_eq!(world.view(&id).attempts, 2);
    let digests = world.digests();
    let stale = Progress {
        id,
        attempt: 1,
        pin: None,
        frames: Vec::new(),
        end: Some(everspan_durable::record::AttemptEnd::Ended),
    };
    world.record(Body::Progress(Box::new(stale)));
    assert_eq!((world.status(&id), world.view(&id).attempts), ("running", 2));
    assert_ne!(world.digests(), digests, "the position moved on");
}
