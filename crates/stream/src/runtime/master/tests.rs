use everspan_checkpoint::{DetailLevel, Options, Resumed, Run, Task};
use everspan_trace::Value;

use super::*;

fn now(seconds: u64) -> Now {
    Now {
        wall_ns: seconds * 1_000_000_000,
        monotonic_ns: seconds * 1_000_000_000,
    }
}

/// A run of one subtask that is open.
fn master(last_id: u64) -> Master {
    let job = Job {
        id: "job".to_owned(),
        name: "job".to_owned(),
        tasks: vec![Task {
            id: "source".to_owned(),
            name: "source".to_owned(),
            hosts: vec!["host".to_owned()],
        }],
    };
    let run = Run::new(&job.id, "run");
    let resumed = Resumed {
        last_id,
        retained: Vec::new(),
    };
    let coordinator = Coordinator::new(job.clone(), run.clone(), Options::default(), resumed);
    let initialization = Initialization::begin(job.clone(), run, DetailLevel::default(), None, None, now(0));
    let shape = Shape {
        job,
        run_name: "run".to_owned(),
        key_groups: 128,
        mode: CheckpointingMode::ExactlyOnce,
        aligned_timeout: None,
        is_checkpointed: true,
    };
    let mut master = Master::new(shape, coordinator, initialization);
    let subtask = SubtaskId { task: 0, index: 0 };
    master.handle(Event::Opened(subtask, Report::default()), now(0));
    assert!(master.has_begun());
    master
}

/// The ids that the spans of these effects tell.
fn told(effects: &[Effect]) -> Vec<i64> {
    let spans = effects.iter().filter_map(|effect| match effect {
        Effect::Span(span) if span.name == "Checkpoint" => Some(span),
        _ => None,
    });
    let ids = spans
        .flat_map(|span| &span.attributes)
        .filter_map(|of| match of.value {
            Value::Int(id) if of.key == "checkpointId" => Some(id),
            _ => None,
        });
    ids.collect()
}

#[test]
fn the_next_run_counts_on_behind_requests_that_were_refused_when_this_one_failed() {
    let mut master = master(3);
    let ask = |number| Event::Ask(Kind::Checkpoint, Ticket(number));
    for number in 1..=3 {
        // One begins, the others wait for it.
        assert!(told(&master.handle(ask(number), now(number))).is_empty());
    }
    assert_eq!(told(&master.abandon("a subtask died", now(4))), [4, 5, 6]);
    assert_eq!(master.last_id(), 6);
    let refused = master.refuse(
        Kind::Savepoint,
        Ticket(4),
        AbortReason::NotAllTasksRunning,
        now(5),
    );
    assert_eq!((told(&refused), master.last_id()), (vec![7], 7));
}
