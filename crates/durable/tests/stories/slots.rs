//! Slots are few: who waits for one waits, and neither runs nor crashes.

use everspan_durable::target::HandlerKind;

use crate::sdk::Ctx;
use crate::stop::Stop;
use crate::traces::{of_kind, text};
use crate::world::World;

fn nap(ctx: &mut Ctx) -> Result<String, Stop> {
    ctx.sleep(500)?;
    Ok("up".into())
}

/// One slot, and three who want it.
fn narrow() -> (World, [everspan_protocol::ids::InvocationId; 3]) {
    let mut world = World::new();
    world.attempts_max = 1;
    world.crash();
    world.serve("Bed", "nap", HandlerKind::Service, nap);
    let ids = [(); 3].map(|()| world.submit("Bed/nap", ""));
    (world, ids)
}

#[test]
fn waiting_for_a_slot_is_waiting_and_not_running() {
    let (mut world, ids) = narrow();
    let statuses = ids.map(|id| world.status(&id));
    assert_eq!(statuses, ["running", "ready", "ready"]);
    world.wait_ms(3000);
    for (index, id) in ids.iter().enumerate() {
        assert_eq!(world.outcome(id), "up");
        let end = of_kind(&world, id, "invocation-end")[0];
        let ms = |part: &str| text(&end.attributes, &format!("everspan.invocation.{part}_ms")).unwrap();
        assert_eq!(
            (ms("queued"), ms("running")),
            ((500 * index).to_string(), "500".to_owned())
        );
        let start = of_kind(&world, id, "invocation-start")[0];
        let attempt = of_kind(&world, id, "invocation-attempt")[0];
        assert_eq!(
            start.end_ns, attempt.start_ns,
            "the start span lasts until the slot is free"
        );
    }
}

#[test]
fn who_waits_for_a_slot_does_not_crash_with_the_server() {
    let (mut world, ids) = narrow();
    for _ in 0..3 {
        world.crash();
        let statuses = ids.map(|id| world.status(&id));
        assert_eq!(statuses, ["running", "ready", "ready"]);
    }
    world.wait_ms(3000);
    let attempts = ids.map(|id| of_kind(&world, &id, "invocation-attempt").len());
    assert_eq!(attempts, [4, 1, 1]);
}

#[test]
fn another_number_of_slots_after_a_restart_changes_nothing_that_was() {
    for (first, second) in [(1, 100), (100, 1), (2, 1)] {
        let mut world = World::new();
        world.options.spans.told_to = 0;
        world.attempts_max = first;
        world.crash();
        world.serve("Bed", "nap", HandlerKind::Service, nap);
        let ids = [(); 4].map(|()| world.submit("Bed/nap", ""));
        world.wait_ms(600);
        world.attempts_max = second;
        world.crash();
        world.wait_ms(10_000);
        assert!(ids.iter().all(|id| world.outcome(id) == "up"), "{first} {second}");
        assert_eq!(world.partitions[0].machine().attempts(), (0, 0));
    }
}

#[test]
fn a_stop_in_order_takes_every_slot_back_and_the_next_start_gives_them_again() {
    let (mut world, ids) = narrow();
    world.stop();
    assert_eq!(ids.map(|id| world.status(&id)), ["ready"; 3]);
    let late = world.submit("Bed/nap", "");
    assert_eq!(
        world.status(&late),
        "ready",
        "nothing begins while the server stops"
    );
    world.crash();
    world.wait_ms(10_000);
    assert!(ids.iter().all(|id| world.outcome(id) == "up"));
    let outcomes: Vec<_> = of_kind(&world, &ids[0], "invocation-attempt")
        .iter()
        .map(|span| text(&span.attributes, "everspan.attempt.outcome").unwrap())
        .collect();
    assert_eq!(outcomes, ["yielded", "completed"]);
}
