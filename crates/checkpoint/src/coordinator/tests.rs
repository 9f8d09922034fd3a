mod crash;
mod lives;

use std::time::Duration;

use super::*;
use crate::Task;

const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> Now {
    Now {
        wall_ns: 1_700_000_000 * SECOND + seconds * SECOND,
        monotonic_ns: seconds * SECOND,
    }
}

fn job(parallelism: usize) -> Job {
    Job {
        id: "job-1".to_owned(),
        name: "a job".to_owned(),
        tasks: vec![Task {
            id: "t".to_owned(),
            name: "task".to_owned(),
            hosts: vec!["host".to_owned(); parallelism],
        }],
    }
}

fn coordinator(options: Options) -> Coordinator {
    let run = Run::new("job-1", "run-1");
    let mut coordinator = Coordinator::new(job(2), run, options, Resumed::default());
    assert_eq!(coordinator.handle(Input::TasksReady, at(0)), []);
    coordinator
}

fn subtask(index: u32) -> SubtaskId {
    SubtaskId { task: 0, index }
}

fn ack(checkpoint: u64, index: u32) -> Input {
    Input::Ack {
        checkpoint,
        subtask: subtask(index),
        stats: SubtaskStats {
            checkpointed_bytes: 10,
            full_bytes: 100,
            ..SubtaskStats::default()
        },
    }
}

fn trigger(kind: Kind) -> Input {
    Input::Trigger {
        kind,
        ticket: Some(Ticket(7)),
    }
}

fn published(checkpoint: u64) -> Input {
    Input::Published {
        checkpoint,
        metadata_bytes: 5,
    }
}

fn begin(checkpoint: u64, kind: Kind) -> Output {
    Output::Begin {
        checkpoint,
        kind,
        unaligned: false,
    }
}

/// What was returned, without the spans.
fn without_spans(outputs: Vec<Output>) -> Vec<Output> {
    outputs
        .into_iter()
        .filter(|output| !matches!(output, Output::Span(_)))
        .collect()
}

fn roots(outputs: &[Output]) -> usize {
    let is_root = |output: &&Output| matches!(output, Output::Span(span) if span.parent.is_none());
    outputs.iter().filter(is_root).count()
}

#[test]
fn a_checkpoint_is_complete_when_every_subtask_acked_and_its_manifest_stands() {
    let mut coordinator = coordinator(Options::default());
    let begun = coordinator.handle(trigger(Kind::Checkpoint), at(1));
    assert_eq!(begun, [begin(1, Kind::Checkpoint)]);
    assert_eq!(coordinator.handle(ack(1, 0), at(2)), []);
    assert_eq!(
        coordinator.handle(ack(1, 0), at(2)),
        [],
        "a second ack changes nothing"
    );
    assert_eq!(
        coordinator.handle(ack(1, 1), at(3)),
        [Output::Publish { checkpoint: 1 }]
    );
    let ended = coordinator.handle(published(1), at(4));
    assert_eq!(roots(&ended), 1);
    let answer = Output::Answer {
        ticket: Ticket(7),
        result: Ok(1),
    };
    assert_eq!(
        without_spans(ended),
        [Output::Completed { checkpoint: 1 }, answer]
    );
    let summary = coordinator.statistics().latest_completed().unwrap();
    assert_eq!(summary.duration, Duration::from_secs(3));
    assert_eq!((summary.checkpointed_bytes, summary.full_bytes), (20, 200));
    assert_eq!(summary.metadata_bytes, Some(5));
}

#[test]
fn the_interval_triggers_and_the_pause_holds_it_back() {
    let mut coordinator = coordinator(Options {
        interval: Some(Duration::from_secs(10)),
        min_pause: Duration::from_secs(5),
        ..Options::default()
    });
    assert_eq!(coordinator.next_wakeup(), Some(10 * SECOND));
    assert_eq!(coordinator.handle(Input::Tick, at(9)), []);
    assert_eq!(
        coordinator.handle(Input::Tick, at(10)),
        [begin(1, Kind::Checkpoint)]
    );
    coordinator.handle(ack(1, 0), at(18));
    coordinator.handle(ack(1, 1), at(18));
    assert_eq!(coordinator.handle(Input::Tick, at(20)), [], "one at a time");
    coordinator.handle(published(1), at(21));
    assert_eq!(coordinator.next_wakeup(), Some(26 * SECOND));
    assert_eq!(
        coordinator.handle(Input::Tick, at(26)),
        [begin(2, Kind::Checkpoint)]
    );
}

#[test]
fn requests_wait_while_one_is_under_way() {
    let mut coordinator = coordinator(Options::default());
    coordinator.handle(trigger(Kind::Checkpoint), at(1));
    assert_eq!(coordinator.handle(trigger(Kind::Savepoint), at(1)), []);
    coordinator.handle(ack(1, 0), at(2));
    coordinator.handle(ack(1, 1), at(2));
    let ended = coordinator.handle(published(1), at(3));
    assert_eq!(ended.last(), Some(&begin(2, Kind::Savepoint)));
}

#[test]
fn a_trigger_that_is_refused_has_an_id_a_span_and_an_answer() {
    let mut not_ready = Coordinator::new(
        job(1),
        Run::new("job-1", "run-1"),
        Options::default(),
        Resumed {
            last_id: 41,
            retained: vec![41],
        },
    );
    let refused = not_ready.handle(trigger(Kind::Checkpoint), at(1));
    assert_eq!(roots(&refused), 1);
    let answer = Output::Answer {
        ticket: Ticket(7),
        result: Err(AbortReason::NotAllTasksRunning),
    };
    assert_eq!(without_spans(refused), [answer]);
    assert_eq!(not_ready.statistics().counts().failed, 1);
    assert_eq!(not_ready.statistics().history().next().unwrap().id, 42);

    let mut full = coordinator(Options::default());
    for _ in 0..=QUEUED_MAX {
        assert_eq!(roots(&full.handle(trigger(Kind::Checkpoint), at(1))), 0);
    }
    let refused = without_spans(full.handle(trigger(Kind::Checkpoint), at(1)));
    let too_many = AbortReason::TooManyRequests;
    assert!(matches!(&refused[..], [Output::Answer { result: Err(reason), .. }] if *reason == too_many));
}

#[test]
fn a_checkpoint_fails_by_a_decline_the_store_the_timeout_or_the_job() {
    let decline = Input::Decline {
        checkpoint: 1,
        subtask: subtask(1),
        reason: "disk full".to_owned(),
    };
    let declined = AbortReason::Declined {
        subtask: "task 1".to_owned(),
        reason: "disk full".to_owned(),
    };
    let store = Input::PublishFailed {
        checkpoint: 1,
        reason: "no bucket".to_owned(),
    };
    let job_failed = Input::JobFailed {
        reason: "panic".to_owned(),
    };
    let rows = [
        (decline, at(2), declined),
        (store, at(2), AbortReason::Store("no bucket".to_owned())),
        (Input::Tick, at(601), AbortReason::Expired),
        (job_failed, at(2), AbortReason::JobFailed("panic".to_owned())),
        (Input::Stop, at(2), AbortReason::Stopping),
    ];
    for (input, when, reason) in rows {
        let mut coordinator = coordinator(Options {
            tolerable_failures: None,
            ..Options::default()
        });
        coordinator.handle(trigger(Kind::Checkpoint), at(1));
        let ended = coordinator.handle(input, when);
        assert_eq!(roots(&ended), 1, "{reason}");
        let abort = Output::Abort {
            checkpoint: 1,
            reason: reason.clone(),
        };
        let answer = Output::Answer {
            ticket: Ticket(7),
            result: Err(reason),
        };
        assert_eq!(without_spans(ended), [abort, answer]);
        assert_eq!(
            coordinator.handle(ack(1, 0), at(700)),
            [],
            "a late ack is nothing"
        );
    }
}

#[test]
fn a_manifest_that_stands_too_late_is_forgotten() {
    let mut coordinator = coordinator(Options {
        tolerable_failures: None,
        ..Options::default()
    });
    coordinator.handle(trigger(Kind::Checkpoint), at(1));
    coordinator.handle(ack(1, 0), at(2));
    coordinator.handle(ack(1, 1), at(2));
    coordinator.handle(Input::Tick, at(601));
    let forget = Output::Forget { checkpoints: vec![1] };
    assert_eq!(coordinator.handle(published(1), at(602)), [forget]);
}

#[test]
fn the_job_fails_when_more_failures_in_a_row_than_tolerable() {
    let mut coordinator = coordinator(Options {
        tolerable_failures: Some(1),
        ..Options::default()
    });
    let fails_job = |outputs: Vec<Output>| {
        outputs
            .iter()
            .any(|output| matches!(output, Output::FailJob { .. }))
    };
    let fail = |coordinator: &mut Coordinator, id| {
        coordinator.handle(trigger(Kind::Checkpoint), at(1));
        coordinator.handle(
            Input::PublishFailed {
                checkpoint: id,
                reason: "x".to_owned(),
            },
            at(1),
        )
    };
    assert!(!fails_job(fail(&mut coordinator, 1)));
    coordinator.handle(trigger(Kind::Checkpoint), at(1));
    coordinator.handle(ack(2, 0), at(1));
    coordinator.handle(ack(2, 1), at(1));
    coordinator.handle(published(2), at(1));
    assert!(
        !fails_job(fail(&mut coordinator, 3)),
        "a success begins the count anew"
    );
    assert!(fails_job(fail(&mut coordinator, 4)));
}

#[test]
fn the_oldest_checkpoints_are_forgotten_and_savepoints_are_not() {
    let mut coordinator = coordinator(Options {
        retained: 2,
        ..Options::default()
    });
    let mut forgotten = Vec::new();
    let kinds = [
        Kind::Checkpoint,
        Kind::Savepoint,
        Kind::Checkpoint,
        Kind::FullCheckpoint,
        Kind::Checkpoint,
    ];
    for (id, kind) in (1..).zip(kinds) {
        coordinator.handle(trigger(kind), at(id));
        coordinator.handle(ack(id, 0), at(id));
        coordinator.handle(ack(id, 1), at(id));
        for output in coordinator.handle(published(id), at(id)) {
            if let Output::Forget { checkpoints } = output {
                forgotten.extend(checkpoints);
            }
        }
    }
    assert_eq!(forgotten, [1, 3]);
    let of = coordinator.statistics();
    assert_eq!(
        (of.latest_retained(), of.latest_completed().unwrap().id),
        (Some(5), 5)
    );
    coordinator.handle(trigger(Kind::Savepoint), at(6));
    coordinator.handle(ack(6, 0), at(6));
    coordinator.handle(ack(6, 1), at(6));
    coordinator.handle(published(6), at(6));
    let of = coordinator.statistics();
    assert_eq!(
        (of.latest_retained(), of.latest_completed().unwrap().id),
        (Some(5), 6)
    );
}

#[test]
fn a_completed_checkpoint_subsumes_older_ones_but_not_savepoints() {
    let mut coordinator = coordinator(Options {
        max_concurrent: 3,
        ..Options::default()
    });
    coordinator.handle(trigger(Kind::Checkpoint), at(1));
    coordinator.handle(trigger(Kind::Savepoint), at(1));
    coordinator.handle(trigger(Kind::Checkpoint), at(1));
    coordinator.handle(ack(3, 0), at(2));
    coordinator.handle(ack(3, 1), at(2));
    let ended = without_spans(coordinator.handle(published(3), at(2)));
    let subsumed = Output::Abort {
        checkpoint: 1,
        reason: AbortReason::Subsumed { by: 3 },
    };
    assert!(ended.contains(&subsumed), "{ended:?}");
    assert_eq!(coordinator.pending.keys().copied().collect::<Vec<_>>(), [2]);
}

#[test]
fn behind_a_savepoint_with_which_the_job_ends_nothing_begins_unless_it_fails() {
    let mut coordinator = coordinator(Options {
        max_concurrent: 3,
        ..Options::default()
    });
    coordinator.handle(trigger(Kind::TerminateSavepoint), at(1));
    coordinator.handle(trigger(Kind::Checkpoint), at(1));
    assert_eq!(coordinator.pending.keys().copied().collect::<Vec<_>>(), [1]);
    let declined = Input::Decline {
        checkpoint: 1,
        subtask: subtask(0),
        reason: "the disk is full".to_owned(),
    };
    coordinator.handle(declined, at(2));
    assert_eq!(coordinator.pending.keys().copied().collect::<Vec<_>>(), [2]);
}

#[test]
fn a_checkpoint_that_died_with_the_process_is_told_as_failed() {
    let mut coordinator = coordinator(Options::default());
    let run = Run::new("job-1", "run-0");
    let lost = Lost {
        checkpoint: 9,
        kind: Kind::Checkpoint,
        run: run.clone(),
        triggered_ns: at(0).wall_ns - 5 * SECOND,
    };
    let told = coordinator.handle(Input::Lost(lost), at(1));
    let [Output::Span(span)] = &told[..] else {
        panic!("one span: {told:?}")
    };
    assert_eq!(span.context, run.checkpoint(9));
    assert_eq!(span.end_ns - span.start_ns, 6 * SECOND);
    let begun = coordinator.handle(trigger(Kind::Checkpoint), at(1));
    assert_eq!(begun, [begin(10, Kind::Checkpoint)], "its id is not used again");
}
