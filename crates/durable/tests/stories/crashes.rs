//! The process dies after each record in turn; the outcome is the one of a life without a crash.

use std::collections::BTreeMap;

use everspan_durable::record::{Message, Outcome, SignalName};
use everspan_durable::target::HandlerKind;
use everspan_protocol::ids::InvocationId;
use everspan_protocol::message::NotificationId;

use crate::calls::{add, call_both};
use crate::sdk::Ctx;
use crate::stop::{Stop, error};
use crate::waiting::{hold, nap};
use crate::world::World;

fn flaky_run(ctx: &mut Ctx) -> Result<String, Stop> {
    let (_, callee) = ctx.call("Bed", "", "nap", "");
    let drawn = ctx.run(|_| "drawn".into())?;
    if ctx.start.retry_count_since_last_stored_entry == 0 && ctx.start.known_entries < 6 {
        return Err(error("boom", Some(50)));
    }
    Ok(format!(
        "{drawn} {}",
        ctx.value(NotificationId::CompletionId(callee))?
    ))
}

/// Everything at once: calls across partitions, locks, a retry, sleeps, an awakeable, a cancel, a kill.
fn story(world: &mut World) -> BTreeMap<InvocationId, String> {
    world.serve("Counter", "add", HandlerKind::Exclusive, add);
    world.serve("Caller", "call", HandlerKind::Service, call_both);
    world.serve("Runner", "run", HandlerKind::Service, flaky_run);
    world.serve("Bed", "nap", HandlerKind::Service, nap);
    world.serve("Holder", "hold", HandlerKind::Exclusive, hold);
    let mut ids = vec![world.submit("Caller/call", ""), world.submit("Counter/a/add", "")];
    ids.push(world.submit("Runner/run", ""));
    let holders: Vec<_> = (0..3).map(|_| world.submit("Holder/a/hold", "")).collect();
    world.wait_ms(3000);
    world.ask(Message::Signal {
        id: holders[0],
        name: SignalName::Index(17),
        outcome: Some(Outcome::Success("free".into())),
    });
    world.ask(Message::Cancel(holders[1]));
    world.wait_ms(100);
    world.ask(Message::Kill(holders[2]));
    world.wait_ms(30_000);
    ids.extend(holders);
    ids.into_iter().map(|id| (id, told(world, &id))).collect()
}

/// The outcome clients were told, or would be told now if the process died before it could tell.
fn told(world: &World, id: &InvocationId) -> String {
    let stored = world.view(id).outcome.unwrap_or_else(|| panic!("{id} has ended"));
    if let Some(told) = world.outcomes.get(id) {
        assert!(told.iter().all(|outcome| *outcome == stored));
    }
    match stored {
        Outcome::Success(value) => crate::sdk::text(&value),
        Outcome::Failure(failure) => format!("{} {}", failure.code, failure.message),
    }
}

#[test]
fn a_crash_after_any_record_changes_no_outcome_and_no_span() {
    for partitions in [1, 3] {
        let mut calm = World::of(partitions);
        let mut expected = story(&mut calm);
        let records = calm.records();
        let counts = expected
            .values()
            .filter(|value| value.parse::<u32>().is_ok())
            .count();
        assert_eq!(counts, 2);
        for (flush_at, crash_at) in (1..=records).map(|at| (at / 2, at)) {
            let mut world = World::of(partitions);
            // every replay tells its spans again: the world compares them with those it has
            world.options.spans.told_to = 0;
            world.crash_at = Some(crash_at);
            world.flush_at = Some(flush_at);
            let mut outcomes = story(&mut world);
            // who of the two callers of counter `a` comes first may differ
            normalize(&mut outcomes);
            normalize(&mut expected);
            assert_eq!(outcomes, expected, "a crash after record {crash_at} of {records}");
        }
    }
}

fn normalize(outcomes: &mut BTreeMap<InvocationId, String>) {
    for outcome in outcomes.values_mut() {
        match outcome.as_str() {
            "1" | "2" => *outcome = "counted".into(),
            "11" | "21" => *outcome = "counted both".into(),
            _ => {}
        }
    }
}

#[test]
fn crashes_upon_crashes_lose_nothing() {
    let mut world = World::of(2);
    world.serve("Bed", "nap", HandlerKind::Service, nap);
    let ids: Vec<_> = (0..4).map(|_| world.submit("Bed/nap", "")).collect();
    for _ in 0..5 {
        world.crash();
        assert!(
            ids.iter().all(|id| world.status(id) == "running"),
            "each is under way again"
        );
        world.wait_ms(500);
        world.crash();
        world.wait_ms(300);
    }
    world.wait_ms(60_000);
    assert!(ids.iter().all(|id| world.outcome(id) == "up"));
}

#[test]
fn the_same_records_give_the_same_state_whatever_was_flushed_before() {
    let mut world = World::of(3);
    story(&mut world);
    let digests = world.digests();
    let logs = world.logs.clone();
    for index in 0..3 {
        for flush_at in [0, 1, 10, logs[index].len()] {
            let options = everspan_durable::machine::Options {
                partition: u16::try_from(index).unwrap(),
                ..world.options.clone()
            };
            let state = everspan_state::MemoryBackend::new();
            let mut partition = everspan_durable::partition::Partition::open(state, options.clone()).unwrap();
            for (seq, payload) in (1..).zip(&logs[index]) {
                partition.replay(seq, payload).unwrap();
                if seq == flush_at as u64 {
                    let state = partition.machine().backend().clone();
                    partition = everspan_durable::partition::Partition::open(state, options.clone()).unwrap();
                }
            }
            let digest = everspan_state::Backend::digest(partition.machine().backend()).unwrap();
            assert_eq!(digest, digests[index]);
        }
    }
}
