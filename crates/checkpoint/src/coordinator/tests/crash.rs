//! What a dead process had published.

use super::*;

#[test]
fn a_checkpoint_that_was_published_before_a_crash_is_told_as_complete() {
    let mut coordinator = coordinator(Options::default());
    let stats = SubtaskStats {
        checkpointed_bytes: 10,
        full_bytes: 100,
        ..SubtaskStats::default()
    };
    let acks = [(0, 3), (1, 5)].map(|(index, after)| (subtask(index), (Duration::from_secs(after), stats)));
    let found = Found {
        lost: Lost {
            checkpoint: 8,
            kind: Kind::Checkpoint,
            run: Run::new("job-1", "run-0"),
            triggered_ns: at(0).wall_ns,
        },
        acks: acks.into(),
        metadata_bytes: 7,
    };
    let outputs = coordinator.handle(Input::Found(found), at(60));
    let Some(Output::Span(root)) = outputs.first() else {
        panic!("{outputs:?}");
    };
    assert_eq!(root.context, Run::new("job-1", "run-0").checkpoint(8));
    assert_eq!((root.start_ns, root.end_ns), (at(0).wall_ns, at(5).wall_ns));
    let newest = coordinator.statistics().latest_completed().unwrap();
    assert_eq!(
        (newest.id, newest.full_bytes, newest.metadata_bytes),
        (8, 200, Some(7))
    );
    assert_eq!(
        coordinator.handle(trigger(Kind::Checkpoint), at(61))[0],
        begin(9, Kind::Checkpoint)
    );
}
