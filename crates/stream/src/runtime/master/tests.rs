use everspan_checkpoint::{DetailLevel, Options, Resumed, Run, Task};
use everspan_trace::Value;

use super::*;

fn now(seconds: u64) -> Now {
    Now {
        wall_ns: seconds * 1_000_000_000,
        monotonic_ns: seconds * 1_000_000_000,
    }
}

const ONLY: SubtaskId = SubtaskId { task: 0, index: 0 };

/// A run of one subtask that is open.
fn master(last_id: u64) -> Master {
    opened(last_id, Report::default())
}

/// A run of one subtask that has reported this.
fn opened(last_id: u64, report: Report) -> Master {
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
    master.handle(Event::Opened(ONLY, report), now(0));
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

fn starts(effects: &[Effect]) -> usize {
    let is_start =
        |effect: &&Effect| matches!(effect, Effect::Span(span) if span.name == "JobInitialization");
    effects.iter().filter(is_start).count()
}

#[test]
fn a_run_works_while_state_is_compacted_and_its_start_is_told_once_when_that_or_the_run_is_over() {
    let compacting = || {
        let report = Report {
            compacts: true,
            ..Report::default()
        };
        opened(0, report)
    };
    let mut master = compacting();
    let begun = master.handle(Event::Ask(Kind::Checkpoint, Ticket(1)), now(1));
    assert!(
        begun
            .iter()
            .any(|effect| matches!(effect, Effect::OrderSources(_)))
    );
    assert_eq!(starts(&begun), 0);
    let took = Duration::from_secs(2);
    assert_eq!(starts(&master.handle(Event::Compacted(ONLY, took), now(2))), 1);
    assert_eq!(starts(&master.abandon("a subtask died", now(3))), 0);

    assert_eq!(starts(&compacting().abandon("a subtask died", now(3))), 1);
}
