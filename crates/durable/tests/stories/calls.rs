//! Calls and sends between invocations, within a partition and across.

use everspan_durable::record::Message;
use everspan_durable::target::HandlerKind;
use everspan_protocol::ids::{InvocationId, partition_key_of, partition_of};
use everspan_protocol::message::NotificationId;

use crate::lifecycle::greet;
use crate::sdk::Ctx;
use crate::stop::Stop;
use crate::world::World;

pub(crate) fn add(ctx: &mut Ctx) -> Result<String, Stop> {
    let count: u32 = ctx.get("count")?.parse().unwrap_or(0);
    ctx.sleep(100)?;
    ctx.set("count", &(count + 1).to_string());
    Ok((count + 1).to_string())
}

/// Calls the counter `a`, then `b`, and joins what they say.
pub(crate) fn call_both(ctx: &mut Ctx) -> Result<String, Stop> {
    let (_, a) = ctx.call("Counter", "a", "add", "");
    let (_, b) = ctx.call("Counter", "b", "add", "");
    let a = ctx.value(NotificationId::CompletionId(a))?;
    Ok(format!("{a}{}", ctx.value(NotificationId::CompletionId(b))?))
}

fn counters(partitions: u16) -> World {
    let mut world = World::of(partitions);
    world.serve("Counter", "add", HandlerKind::Exclusive, add);
    world.serve("Caller", "call", HandlerKind::Service, call_both);
    world.serve("Greeter", "greet", HandlerKind::Service, greet);
    world
}

#[test]
fn one_exclusive_handler_of_a_key_runs_at_a_time_first_come_first_served() {
    let mut world = counters(1);
    let ids: Vec<_> = (0..4).map(|_| world.submit("Counter/a/add", "")).collect();
    let statuses: Vec<_> = ids.iter().map(|id| world.status(id)).collect();
    assert_eq!(statuses, ["running", "pending", "pending", "pending"]);
    let other = world.submit("Counter/b/add", "");
    assert_eq!(world.status(&other), "running");
    world.wait_ms(1000);
    let results: Vec<_> = ids.iter().map(|id| world.outcome(id)).collect();
    assert_eq!(results, ["1", "2", "3", "4"]);
}

#[test]
fn a_call_returns_its_result_within_and_across_partitions() {
    assert_ne!(
        partition_of(partition_key_of("a"), 4),
        partition_of(partition_key_of("b"), 4)
    );
    for partitions in [1, 4] {
        let mut world = counters(partitions);
        let id = world.submit("Caller/call", "");
        world.wait_ms(1000);
        assert_eq!(world.outcome(&id), "11", "{partitions} partitions");
        let traces: Vec<_> = world.spans.iter().map(|span| span.context.trace_id).collect();
        assert!(
            traces.iter().all(|trace| trace == &traces[0]),
            "a call joins the trace"
        );
        assert_eq!(world.spans.len(), 4 + 3 + 3);
    }
}

#[test]
fn a_send_begins_a_trace_of_its_own_and_may_be_delayed() {
    fn sender(ctx: &mut Ctx) -> Result<String, Stop> {
        let now_ms = ctx.now_ms();
        let soon = ctx.send("Greeter", "", "greet", 0);
        let later = ctx.send("Greeter", "", "greet", now_ms + 3000);
        let soon = ctx.value(NotificationId::CompletionId(soon))?;
        Ok(format!(
            "{soon} {}",
            ctx.value(NotificationId::CompletionId(later))?
        ))
    }
    let mut world = counters(1);
    world.serve("Sender", "send", HandlerKind::Service, sender);
    let id = world.submit("Sender/send", "");
    let result = world.outcome(&id);
    let ids: Vec<InvocationId> = result.split(' ').map(|id| id.parse().unwrap()).collect();
    assert_eq!(world.outcome(&ids[0]), "Hello ");
    assert_eq!(world.status(&ids[1]), "scheduled");
    world.wait_ms(3000);
    assert_eq!(world.outcome(&ids[1]), "Hello ");
    let sender_attempt = world.spans_of(&id)[2].context.clone();
    let start = world.spans_of(&ids[0])[0];
    assert_ne!(start.context.trace_id, sender_attempt.trace_id);
    assert_eq!((start.parent, &start.links[0].context), (None, &sender_attempt));
}

#[test]
fn a_kill_frees_the_whole_call_tree_and_the_locks() {
    fn outer(ctx: &mut Ctx) -> Result<String, Stop> {
        let (_, result) = ctx.call("Tree", "leaf", "inner", "");
        ctx.value(NotificationId::CompletionId(result))
    }
    for partitions in [1, 4] {
        let mut world = counters(partitions);
        world.serve("Tree", "outer", HandlerKind::Exclusive, outer);
        world.serve("Tree", "inner", HandlerKind::Exclusive, crate::waiting::hold);
        let root = world.submit("Tree/root/outer", "");
        let behind = world.submit("Tree/leaf/inner", "");
        assert_eq!(world.status(&behind), "pending");
        world.wait_ms(5000);
        world.ask(Message::Kill(root));
        assert_eq!(world.outcome(&root), "409 killed");
        assert_eq!(world.status(&behind), "running", "{partitions} partitions");
        world.ask(Message::Kill(behind));
        assert_eq!(world.outcome(&behind), "409 killed");
        assert_eq!(
            world.outcomes.len(),
            3,
            "root, its child, and who waited behind it"
        );
    }
}

#[test]
fn a_call_of_nobody_fails_the_attempt() {
    fn lost(ctx: &mut Ctx) -> Result<String, Stop> {
        let (_, result) = ctx.call("Nobody", "", "home", "");
        ctx.value(NotificationId::CompletionId(result))
    }
    let mut world = counters(1);
    world.serve("Caller", "lost", HandlerKind::Service, lost);
    let id = world.submit("Caller/lost", "");
    let view = world.view(&id);
    assert_eq!((view.status, view.last_error.unwrap().code), ("backing-off", 404));
}
