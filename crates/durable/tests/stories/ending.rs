//! Cancel and kill, wherever the invocation stands.

use everspan_durable::record::Message;
use everspan_durable::target::HandlerKind;
use everspan_protocol::ids::InvocationId;

use crate::sdk::Ctx;
use crate::stop::{Stop, error};
use crate::waiting::hold;
use crate::world::World;

fn broken(_: &mut Ctx) -> Result<String, Stop> {
    Err(error("boom", None))
}

/// An invocation of each status, by name.
fn one_of(status: &str) -> (World, InvocationId) {
    let mut world = World::new();
    world.serve("Holder", "hold", HandlerKind::Exclusive, hold);
    world.serve("Holder", "broken", HandlerKind::Exclusive, broken);
    world.policy.max_attempts = Some(2);
    let path = if matches!(status, "backing-off" | "paused") {
        "Holder/a/broken"
    } else {
        "Holder/a/hold"
    };
    if status == "pending" {
        world.submit(path, "");
    }
    let mut submission = world.submission(path, "");
    if status == "scheduled" {
        submission.execute_at_ms = Some(world.now_ms + 1_000_000);
    }
    let id = world.submit_this(submission);
    if matches!(status, "suspended" | "paused") {
        world.wait_ms(5000);
    }
    assert_eq!(world.status(&id), status);
    (world, id)
}

#[test]
fn a_cancel_ends_at_once_what_has_not_begun_and_asks_what_has() {
    let cases = [
        ("scheduled", "409 canceled"),
        ("pending", "409 canceled"),
        ("running", "409 cancelled"),
        ("suspended", "409 cancelled"),
    ];
    for (status, expected) in cases {
        let (mut world, id) = one_of(status);
        world.ask(Message::Cancel(id));
        assert_eq!(world.outcome(&id), expected, "{status}");
        let next = world.submit("Holder/a/hold", "");
        let next_status = if status == "pending" { "pending" } else { "running" };
        assert_eq!(world.status(&next), next_status, "the lock after {status}");
    }
}

#[test]
fn a_cancel_wakes_a_paused_invocation_and_waits_for_a_retry() {
    for (status, after) in [("paused", "backing-off"), ("backing-off", "backing-off")] {
        let (mut world, id) = one_of(status);
        world.ask(Message::Cancel(id));
        assert_eq!(world.status(&id), after, "{status}");
        let last = world.view(&id).journal_len - 1;
        let journal = world.partitions[0].machine().journal(&id).unwrap();
        assert_eq!(journal[last as usize].kind, "Notification: Signal");
    }
}

#[test]
fn a_kill_ends_at_once_whatever_has_not_ended() {
    for status in [
        "scheduled",
        "pending",
        "running",
        "suspended",
        "backing-off",
        "paused",
    ] {
        let (mut world, id) = one_of(status);
        world.ask(Message::Kill(id));
        assert_eq!(world.outcome(&id), "409 killed", "{status}");
        assert_eq!(
            world.partitions[0].machine().next_timer_ms(),
            None,
            "timers of {status}"
        );
        world.ask(Message::Kill(id));
        world.ask(Message::Cancel(id));
        assert_eq!(world.outcomes[&id].len(), 1);
        world.crash();
        assert_eq!(world.status(&id), "completed");
    }
}

#[test]
fn each_end_has_its_span_and_one_end_span() {
    for status in [
        "scheduled",
        "pending",
        "running",
        "suspended",
        "backing-off",
        "paused",
    ] {
        let (mut world, id) = one_of(status);
        world.ask(Message::Kill(id));
        let names: Vec<_> = world.spans_of(&id).iter().map(|span| span.name.clone()).collect();
        for kind in ["ingress", "invocation-start", "invocation-end"] {
            let count = names.iter().filter(|name| name.starts_with(kind)).count();
            assert_eq!(count, 1, "{kind} of {status}: {names:?}");
        }
    }
}
