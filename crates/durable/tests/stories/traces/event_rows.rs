//! Rows of the events on an attempt's span.

use everspan_durable::target::HandlerKind;
use everspan_protocol::ids::AwakeableId;
use everspan_trace::catalog::{attr, event};

use super::{events, of_kind, scene, text, the_one};
use crate::sdk::Ctx;
use crate::stop::Stop;
use crate::world::World;

#[test]
fn row_events_beyond_the_limit_the_oldest_commands_go_and_are_counted() {
    fn busy(ctx: &mut Ctx) -> Result<String, Stop> {
        for number in 0..6 {
            ctx.set(&format!("k{number}"), "v");
            ctx.run(|_| "x".into())?;
        }
        Ok(String::new())
    }
    let mut world = World::new();
    world.options.spans.events_max = 10;
    world.crash();
    world.serve("Obj", "busy", HandlerKind::Exclusive, busy);
    let id = world.submit("Obj/a/busy", "");
    let attempt = the_one(&world, &id, "invocation-attempt");
    // 6 states, 6 runs, 6 ends of runs, the output: 19
    assert_eq!((attempt.events.len(), attempt.dropped_events_count), (10, 9));
    assert_eq!(events(attempt, event::RUN_ENDED).len(), 6);
    let left: Vec<_> = events(attempt, event::NEW_COMMAND)
        .iter()
        .map(|event| text(&event.attributes, attr::COMMAND_TYPE.name).unwrap())
        .collect();
    assert_eq!(
        left,
        ["Command/Run", "Command/SetState", "Command/Run", "Command/Output"]
    );
}

#[test]
fn row_run_ended_names_run_result_and_the_command_it_belongs_to() {
    fn runs(ctx: &mut Ctx) -> Result<String, Stop> {
        ctx.run(|_| "a".into())?;
        ctx.sleep(5000)?;
        ctx.run(|_| "b".into())
    }
    let mut world = World::new();
    world.serve("Svc", "runs", HandlerKind::Service, runs);
    let id = world.submit("Svc/runs", "");
    world.wait_ms(6000);
    for attempt in of_kind(&world, &id, "invocation-attempt") {
        let run = events(attempt, event::NEW_COMMAND)
            .into_iter()
            .find(|event| {
                text(&event.attributes, "restate.journal.command.type").as_deref() == Some("Command/Run")
            })
            .unwrap();
        let [ended] = events(attempt, event::RUN_ENDED)[..] else {
            panic!("one run ended")
        };
        let value = |key: &str| text(&ended.attributes, key).unwrap();
        assert_eq!(value("everspan.run.name"), "effect");
        assert_eq!(value("everspan.run.result"), "success");
        assert_eq!(
            Some(value("everspan.run.index")),
            text(&run.attributes, "everspan.journal.index")
        );
        assert!(value("everspan.run.duration_ms").parse::<f64>().unwrap() >= 0.0);
    }
}

#[test]
fn row_suspended_says_what_for_so_that_a_reader_can_act() {
    let (world, id) = scene("killed suspended");
    let attempt = the_one(&world, &id, "invocation-attempt");
    let awaiting = text(
        &events(attempt, event::SUSPENDED)[0].attributes,
        "everspan.awaiting",
    );
    let awakeable = AwakeableId {
        invocation: id,
        signal: 17,
    };
    assert_eq!(awaiting, Some(format!("awakeable {awakeable}")));
    let (world, id) = scene("suspended");
    let attempt = of_kind(&world, &id, "invocation-attempt")[0];
    let awaiting = text(
        &events(attempt, event::SUSPENDED)[0].attributes,
        "everspan.awaiting",
    );
    assert_eq!(awaiting.as_deref(), Some("Sleep until 2025-06-15T15:06:50Z"));
}
