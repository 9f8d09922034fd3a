use everspan_trace::{Status, Value};

use super::*;
use crate::Task;

const MS: u64 = 1_000_000;

fn at(ms: u64) -> Now {
    Now {
        wall_ns: 1_700_000_000_000 * MS + ms * MS,
        monotonic_ns: ms * MS,
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn subtask(task: u32, index: u32) -> SubtaskId {
    SubtaskId { task, index }
}

fn begin(detail: DetailLevel) -> Initialization {
    let task = |name: &str, parallelism| Task {
        id: format!("uid-{name}"),
        name: name.to_owned(),
        hosts: vec!["host-1".to_owned(); parallelism],
    };
    let job = Job {
        id: "job-1".to_owned(),
        name: "a job".to_owned(),
        tasks: vec![task("source", 1), task("sink", 2)],
    };
    let run = Run::new("job-1", "run-2");
    let restored = Restored {
        checkpoint: 9,
        full_bytes: 1000,
        span: Some(Run::new("job-1", "run-1").checkpoint(9)),
    };
    let cause = Some(Run::new("job-1", "run-1").failure());
    Initialization::begin(job, run, detail, Some(restored), cause, at(0))
}

fn restored_report() -> Report {
    Report {
        mailbox_start: ms(2),
        initialize_state: ms(50),
        gate_restore: ms(1),
        download: Some(ms(30)),
        restore: Some(ms(20)),
        restored_bytes: [(Location::LocalDisk, 300), (Location::LocalMemory, 7)].into(),
        ..Report::default()
    }
}

fn attribute<'a>(span: &'a Span, key: &str) -> Option<&'a Value> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key);
    found.map(|attribute| &attribute.value)
}

fn int(span: &Span, key: &str) -> Option<i64> {
    match attribute(span, key) {
        Some(Value::Int(value)) => Some(*value),
        _ => None,
    }
}

#[test]
fn a_start_is_told_once_when_every_subtask_has_reported() {
    let mut start = begin(DetailLevel::SpanPerCheckpoint);
    assert_eq!(start.report(subtask(0, 0), Report::default(), at(10)), []);
    assert_eq!(start.report(subtask(1, 0), restored_report(), at(70)), []);
    let told = start.report(subtask(1, 1), restored_report(), at(60));
    let [root] = &told[..] else {
        panic!("one span: {told:?}")
    };
    assert_eq!(root.name, "JobInitialization");
    assert_eq!(root.end_ns - root.start_ns, 70 * MS);
    assert_eq!(root.status, Status::Unset);
    let rows = [
        ("checkpointId", Some(9)),
        ("fullSize", Some(1000)),
        ("maxMailboxStartDurationMs", Some(2)),
        ("sumMailboxStartDurationMs", Some(4)),
        ("sumReadOutputDataDurationMs", Some(0)),
        ("sumInitializeStateDurationMs", Some(100)),
        ("maxGateRestoreDurationMs", Some(1)),
        ("maxDownloadStateDurationMs", Some(30)),
        ("sumRestoreStateDurationMs", Some(40)),
        ("maxRestoredStateSizeBytes.LOCAL_DISK", Some(300)),
        ("sumRestoredStateSizeBytes.LOCAL_MEMORY", Some(14)),
        ("sumRestoredStateSizeBytes.REMOTE", None),
        ("sumRestoreAsyncCompactionDurationMs", None),
    ];
    for (key, expected) in rows {
        assert_eq!(int(root, key), expected, "{key}");
    }
    assert_eq!(
        attribute(root, "initializationStatus"),
        Some(&Value::from("COMPLETED"))
    );
    assert_eq!(root.links.len(), 2);
    assert!(start.is_told());
    assert_eq!(start.report(subtask(0, 0), Report::default(), at(80)), []);
}

#[test]
fn a_start_with_a_dead_subtask_is_told_as_failed() {
    let mut start = begin(DetailLevel::SpanPerCheckpoint);
    assert_eq!(start.report(subtask(1, 0), restored_report(), at(70)), []);
    let told = start.failed("out of memory", at(90));
    assert_eq!(told[0].status, Status::Error("out of memory".to_owned()));
    assert_eq!(
        attribute(&told[0], "initializationStatus"),
        Some(&Value::from("FAILED"))
    );
    assert_eq!(told[0].end_ns - told[0].start_ns, 90 * MS);
}

#[test]
fn a_compaction_beside_the_work_stands_in_the_span_and_is_not_awaited_for_ever() {
    let compacting = || Report {
        compacts: true,
        ..restored_report()
    };
    let reported = || {
        let mut start = begin(DetailLevel::SpanPerCheckpoint);
        start.report(subtask(0, 0), Report::default(), at(10));
        start.report(subtask(1, 0), compacting(), at(70));
        assert_eq!(start.report(subtask(1, 1), compacting(), at(80)), []);
        start
    };
    let mut start = reported();
    assert_eq!(start.compacted(subtask(1, 0), ms(500), at(600)), []);
    let told = start.compacted(subtask(1, 1), ms(900), at(1000));
    assert_eq!(int(&told[0], "maxRestoreAsyncCompactionDurationMs"), Some(900));
    assert_eq!(int(&told[0], "sumRestoreAsyncCompactionDurationMs"), Some(1400));
    assert_eq!(told[0].end_ns - told[0].start_ns, 80 * MS);

    let mut start = reported();
    assert_eq!(start.tick(at(60_000)), []);
    assert_eq!(start.next_wakeup(), Some(60_080 * MS));
    assert_eq!(start.tick(at(60_080)).len(), 1);
}

#[test]
fn the_tree_has_tasks_subtasks_and_the_phases_that_took_time() {
    let mut start = begin(DetailLevel::ChildrenSpansPerSubtask);
    start.report(subtask(0, 0), Report::default(), at(10));
    start.report(subtask(1, 0), restored_report(), at(70));
    let told = start.report(subtask(1, 1), restored_report(), at(80));
    let names: Vec<&str> = told.iter().map(|span| &*span.name).collect();
    let subtask = ["JobInitialization_Subtask", "download", "restore", "read-input"];
    let expected = [
        &[
            "JobInitialization",
            "JobInitialization_Task",
            "JobInitialization_Subtask",
        ][..],
        &["JobInitialization_Task"],
        &subtask,
        &subtask,
    ]
    .concat();
    assert_eq!(names, expected);
    let mut ids: Vec<_> = told.iter().map(|span| span.context.span_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), told.len(), "every span has an id of its own");
    for span in &told[1..] {
        let parent = told
            .iter()
            .find(|other| Some(other.context.span_id) == span.parent);
        let parent = parent.expect("a child's parent is in the tree");
        assert!(parent.start_ns <= span.start_ns && span.end_ns <= parent.end_ns);
    }
}
