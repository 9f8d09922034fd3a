//! Rows of the start and the end of an invocation.

use everspan_durable::record::Message;
use everspan_durable::target::HandlerKind;
use everspan_trace::Status;

use super::{SCENES, of_kind, scene, text, the_one};
use crate::waiting::hold;
use crate::world::World;

#[test]
fn row_end_result_and_error() {
    let rows = [
        ("completed", None),
        ("failed", Some(("418", "no tea"))),
        ("exhausted", Some(("500", "boom"))),
        ("cancelled", Some(("409", "cancelled"))),
        ("killed", Some(("409", "killed"))),
    ];
    for (name, failure) in rows {
        let (world, id) = scene(name);
        let end = the_one(&world, &id, "invocation-end");
        let value = |key: &str| text(&end.attributes, key);
        let result = if failure.is_some() { "failure" } else { "success" };
        assert_eq!(
            value("restate.invocation.result").as_deref(),
            Some(result),
            "{name}"
        );
        assert_eq!(
            value("restate.invocation.error.code").as_deref(),
            failure.map(|(code, _)| code)
        );
        assert_eq!(
            value("error.message").as_deref(),
            failure.map(|(_, message)| message)
        );
        let expected = failure.map_or(Status::Ok, |(_, message)| Status::Error(message.into()));
        assert_eq!(end.status, expected, "{name}");
    }
    let (world, id) = scene("paused");
    assert!(
        of_kind(&world, &id, "invocation-end").is_empty(),
        "paused is no end"
    );
}

#[test]
fn row_end_durations_sum_to_the_duration() {
    for name in SCENES {
        let (world, id) = scene(name);
        let start = the_one(&world, &id, "invocation-start");
        for end in of_kind(&world, &id, "invocation-end") {
            let ms = |part: &str| -> f64 {
                let key = format!("everspan.invocation.{part}_ms");
                text(&end.attributes, &key).unwrap().parse().unwrap()
            };
            let parts = ms("queued") + ms("running") + ms("suspended") + ms("backoff");
            assert!((parts - ms("duration")).abs() < 1e-6, "{name}");
            let whole_ms = (end.end_ns - start.start_ns) as f64 / 1e6;
            assert!((whole_ms - ms("duration")).abs() < 1e-6, "{name}");
            match name {
                "suspended" => assert!(ms("suspended") > 8000.0),
                "retried" => assert!(ms("backoff") >= 500.0),
                _ => {}
            }
        }
    }
}

#[test]
fn row_start_of_what_was_cancelled_or_killed_before_it_began() {
    for status in ["scheduled", "pending", "ready"] {
        for message in [Message::Cancel, Message::Kill] {
            let mut world = World::new();
            world.serve("Obj", "hold", HandlerKind::Exclusive, hold);
            if status == "ready" {
                world.attempts_max = 1;
                world.crash();
                world.submit("Obj/b/hold", "");
            }
            if status == "pending" {
                world.submit("Obj/a/hold", "");
            }
            let mut submission = world.submission("Obj/a/hold", "");
            if status == "scheduled" {
                submission.execute_at_ms = Some(world.now_ms + 1000);
            }
            let id = world.submit_this(submission);
            assert_eq!(world.status(&id), status);
            world.wait_ms(100);
            world.ask(message(id));
            let start = the_one(&world, &id, "invocation-start");
            let end = the_one(&world, &id, "invocation-end");
            assert_eq!(end.parent, Some(start.context.span_id));
            assert_eq!(start.end_ns, end.end_ns);
            assert_eq!(
                text(&end.attributes, "everspan.invocation.queued_ms").as_deref(),
                Some("100")
            );
            assert!(of_kind(&world, &id, "invocation-attempt").is_empty());
        }
    }
}
