//! Sleeps, awakeables, signals, suspension.

use everspan_durable::record::{Message, Outcome, SignalName};
use everspan_durable::target::HandlerKind;
use everspan_protocol::frame::MessageType;
use everspan_protocol::ids::InvocationId;
use everspan_protocol::message::{NotificationId, Suspension};

use crate::sdk::Ctx;
use crate::stop::Stop;
use crate::world::World;

pub(crate) fn nap(ctx: &mut Ctx) -> Result<String, Stop> {
    ctx.sleep(10_000)?;
    Ok("up".into())
}

pub(crate) fn hold(ctx: &mut Ctx) -> Result<String, Stop> {
    let (_, signal) = ctx.awakeable();
    ctx.value(signal)
}

fn resolve(id: InvocationId, value: &'static str) -> Message {
    Message::Signal {
        id,
        name: SignalName::Index(17),
        outcome: Some(Outcome::Success(value.into())),
    }
}

fn holding(inactivity_ms: u64) -> (World, InvocationId) {
    let mut world = World::new();
    world.inactivity_ms = inactivity_ms;
    world.serve("Holder", "hold", HandlerKind::Service, hold);
    let id = world.submit("Holder/hold", "");
    (world, id)
}

#[test]
fn a_long_sleep_suspends_resumes_and_is_never_early() {
    let mut world = World::new();
    world.serve("Bed", "nap", HandlerKind::Service, nap);
    let id = world.submit("Bed/nap", "");
    assert_eq!(world.status(&id), "running");
    world.wait_ms(1000);
    assert_eq!(world.status(&id), "suspended");
    world.wait_ms(8999);
    assert_eq!(world.status(&id), "suspended");
    world.wait_ms(1);
    assert_eq!(world.outcome(&id), "up");
    assert_eq!(world.view(&id).attempts, 2);
    let entries = &world.starts[&id][1].2;
    let expected = [
        MessageType::INPUT_COMMAND,
        MessageType::SLEEP_COMMAND,
        MessageType::SLEEP_NOTIFICATION,
    ];
    assert_eq!(*entries, expected);
}

#[test]
fn a_short_sleep_needs_one_attempt() {
    fn nap(ctx: &mut Ctx) -> Result<String, Stop> {
        ctx.sleep(500)?;
        Ok("up".into())
    }
    let mut world = World::new();
    world.serve("Bed", "nap", HandlerKind::Service, nap);
    let id = world.submit("Bed/nap", "");
    world.wait_ms(500);
    assert_eq!((world.outcome(&id).as_str(), world.view(&id).attempts), ("up", 1));
}

#[test]
fn a_suspended_awakeable_is_resumed_by_its_completion() {
    let (mut world, id) = holding(1000);
    world.wait_ms(5000);
    assert_eq!(world.status(&id), "suspended");
    world.ask(resolve(id, "free"));
    assert_eq!(
        (world.outcome(&id).as_str(), world.view(&id).attempts),
        ("free", 2)
    );
}

#[test]
fn an_awakeable_completed_during_the_attempt_reaches_it() {
    let (mut world, id) = holding(1000);
    world.ask(resolve(id, "free"));
    assert_eq!(
        (world.outcome(&id).as_str(), world.view(&id).attempts),
        ("free", 1)
    );
}

#[test]
fn an_awakeable_is_completed_once() {
    let (mut world, id) = holding(1000);
    world.wait_ms(5000);
    world.crash();
    world.ask(resolve(id, "first"));
    world.ask(resolve(id, "second"));
    assert_eq!(world.outcome(&id), "first");
}

#[test]
fn what_is_stored_before_the_suspension_resumes_at_once() {
    // in request/response mode the service cannot hear of its run being stored: it must suspend
    fn two_runs(ctx: &mut Ctx) -> Result<String, Stop> {
        Ok(format!(
            "{}{}",
            ctx.run(|_| "a".into())?,
            ctx.run(|_| "b".into())?
        ))
    }
    let mut world = World::new();
    world.inactivity_ms = 0;
    world.serve("Runner", "run", HandlerKind::Service, two_runs);
    let id = world.submit("Runner/run", "");
    assert_eq!((world.outcome(&id).as_str(), world.view(&id).attempts), ("ab", 3));
    assert_eq!(world.side_effects, 2);
}

#[test]
fn a_run_is_executed_once_and_its_result_comes_back_in_the_same_attempt() {
    fn run(ctx: &mut Ctx) -> Result<String, Stop> {
        ctx.run(|_| "drawn".into())
    }
    let mut world = World::new();
    world.serve("Runner", "run", HandlerKind::Service, run);
    let id = world.submit("Runner/run", "");
    assert_eq!(
        (world.outcome(&id).as_str(), world.view(&id).attempts),
        ("drawn", 1)
    );
    assert_eq!(world.side_effects, 1);
}

fn two_of_a_name(ctx: &mut Ctx) -> Result<String, Stop> {
    let named = |count: usize, ctx: &mut Ctx| {
        let values = ctx.signals("tick");
        if values.len() > count {
            return Ok(values[count].clone());
        }
        ctx.waits(Suspension {
            waiting_named_signals: vec!["tick".into()],
            ..Suspension::default()
        })
    };
    Ok(format!("{}{}", named(0, ctx)?, named(1, ctx)?))
}

#[test]
fn a_named_signal_may_come_again_and_a_taken_one_does_not_resume() {
    let mut world = World::new();
    world.serve("Holder", "hold", HandlerKind::Service, two_of_a_name);
    let id = world.submit("Holder/hold", "");
    world.wait_ms(2000);
    let tick = |value: &'static str| Message::Signal {
        id,
        name: SignalName::Name("tick".into()),
        outcome: Some(Outcome::Success(value.into())),
    };
    world.ask(tick("a"));
    world.wait_ms(60_000);
    assert_eq!((world.status(&id), world.view(&id).attempts), ("suspended", 2));
    world.ask(tick("b"));
    assert_eq!((world.outcome(&id).as_str(), world.view(&id).attempts), ("ab", 3));
}

#[test]
fn a_handler_that_survives_its_cancel_can_still_wait() {
    fn careful(ctx: &mut Ctx) -> Result<String, Stop> {
        let (_, signal) = ctx.awakeable();
        match ctx.value(signal) {
            Err(Stop::Terminal(_)) => {}
            other => return other,
        }
        let id = ctx.sleep_command(10_000);
        ctx.value_uncancelled(NotificationId::CompletionId(id))?;
        Ok("cleaned up".into())
    }
    let (mut world, _) = holding(1000);
    world.serve("Holder", "careful", HandlerKind::Service, careful);
    let id = world.submit("Holder/careful", "");
    world.wait_ms(2000);
    world.ask(Message::Cancel(id));
    world.wait_ms(9000);
    assert_eq!(world.status(&id), "suspended");
    world.wait_ms(1000);
    assert_eq!(world.outcome(&id), "cleaned up");
    assert!(world.view(&id).attempts <= 4, "{}", world.view(&id).attempts);
}
