//! The rows of `JobInitialization`.

use opentelemetry_proto::tonic::trace::v1::Span;

use super::scene::{LIFE, TROUBLE};
use crate::world::collector::{Collector, attributes, number, text};
use crate::world::figures::{assert_aggregated, assert_in_ms, subtasks};

/// Rows that only a start has that restores.
const OF_A_RESTORE: [&str; 4] = [
    "checkpointId",
    "fullSize",
    "StateDurationMs",
    "RestoredStateSizeBytes",
];

fn starts(collector: &Collector) -> Vec<Span> {
    collector.named("JobInitialization")
}

/// All of both scenes, each with its collector.
fn all() -> Vec<(&'static Collector, Span)> {
    let scenes = [&LIFE.collector, &TROUBLE.collector];
    let of = |collector: &'static Collector| starts(collector).into_iter().map(move |span| (collector, span));
    scenes.into_iter().flat_map(of).collect()
}

/// The start after the crash in which the state and the copy of partition 1 were lost.
fn restoring() -> Span {
    starts(&LIFE.collector).remove(1)
}

/// A partition of that start.
fn partition(index: i64) -> Span {
    let mut all = subtasks(&LIFE.collector, &restoring()).into_iter();
    all.find(|one| number(one, "subtaskId") == index).unwrap()
}

/// Which partitions of that start have this figure.
fn partitions_with(figure: &str) -> Vec<i64> {
    let has = |&index: &i64| attributes(&partition(index)).contains_key(figure);
    (0..4).filter(has).collect()
}

#[test]
fn start_ts_is_when_the_start_began() {
    for (_, span) in all() {
        assert_in_ms("startTs", &span, span.start_time_unix_nano);
    }
}

#[test]
fn end_ts_is_when_every_subtask_had_reported() {
    for (collector, span) in all() {
        assert_in_ms("endTs", &span, span.end_time_unix_nano);
        let ends = subtasks(collector, &span)
            .into_iter()
            .map(|one| one.end_time_unix_nano);
        assert_eq!(ends.max(), Some(span.end_time_unix_nano));
    }
}

#[test]
fn checkpoint_id_is_that_of_the_newest_one_savepoint_or_not() {
    assert_eq!(number(&restoring(), "checkpointId"), 3);
}

#[test]
fn full_size_is_that_of_the_restored_checkpoint() {
    let mut made = LIFE.collector.named("Checkpoint").into_iter();
    let savepoint = made.find(|span| number(span, "checkpointId") == 3).unwrap();
    assert_eq!(number(&restoring(), "fullSize"), number(&savepoint, "fullSize"));
}

#[test]
fn what_only_a_restore_has_is_absent_and_not_0_from_a_start_without() {
    let first = &starts(&LIFE.collector)[0];
    for key in attributes(first).into_keys() {
        let is_of_a_restore = OF_A_RESTORE.iter().any(|part| key.contains(part));
        assert!(
            !is_of_a_restore || key.ends_with("InitializeStateDurationMs"),
            "{key}"
        );
    }
}

#[test]
fn initialization_status_is_completed_when_every_partition_runs() {
    for span in starts(&LIFE.collector) {
        assert_eq!(text(&span, "initializationStatus"), "COMPLETED");
        assert_eq!(span.status.as_ref().map_or(0, |status| status.code), 0);
    }
}

#[test]
fn initialization_status_is_failed_when_a_partition_cannot_be_had() {
    let starts = starts(&TROUBLE.collector);
    let told: Vec<String> = starts
        .iter()
        .map(|span| text(span, "initializationStatus"))
        .collect();
    assert_eq!(
        told,
        ["COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "COMPLETED"]
    );
    let status = starts[3].status.as_ref().unwrap();
    assert_eq!(status.code, 2);
    for words in ["partition-0001", "no checkpoint in"] {
        assert!(status.message.contains(words), "{}", status.message);
        assert!(TROUBLE.said.contains(words), "{}", TROUBLE.said);
    }
}

/// One test for each figure that every subtask of every complete start has.
macro_rules! figures_of_a_start {
    ($($row:ident = $figure:literal)*) => {$(
        #[test]
        fn $row() {
            for (collector, span) in all() {
                assert_eq!(assert_aggregated(collector, &span, $figure), 4);
            }
        }
    )*};
}

figures_of_a_start! {
    mailbox_start_duration_ms_is_the_greatest_and_the_sum_over_all_subtasks = "MailboxStartDurationMs"
    read_output_data_duration_ms_is_the_greatest_and_the_sum_over_all_subtasks = "ReadOutputDataDurationMs"
    initialize_state_duration_ms_is_the_greatest_and_the_sum_over_all_subtasks = "InitializeStateDurationMs"
    gate_restore_duration_ms_is_the_greatest_and_the_sum_over_all_subtasks = "GateRestoreDurationMs"
}

#[test]
fn initialize_state_duration_ms_contains_the_download() {
    let one = partition(1);
    assert!(number(&one, "DownloadStateDurationMs") <= number(&one, "InitializeStateDurationMs"));
}

#[test]
fn download_state_duration_ms_is_only_of_what_came_from_the_store() {
    assert_eq!(partitions_with("DownloadStateDurationMs"), [1]);
    assert_aggregated(&LIFE.collector, &restoring(), "DownloadStateDurationMs");
}

#[test]
fn restore_state_duration_ms_is_of_every_partition_that_had_state() {
    assert_eq!(partitions_with("RestoreStateDurationMs"), [0, 1, 2, 3]);
    assert_aggregated(&LIFE.collector, &restoring(), "RestoreStateDurationMs");
}

#[test]
fn restored_state_size_bytes_local_disk_is_what_lay_on_this_host() {
    assert_eq!(partitions_with("RestoredStateSizeBytes.LOCAL_DISK"), [0, 2, 3]);
    assert_restored_from("LOCAL_DISK");
}

#[test]
fn restored_state_size_bytes_local_memory_is_what_the_manifest_holds() {
    assert_eq!(partitions_with("RestoredStateSizeBytes.LOCAL_MEMORY"), [1]);
    assert_restored_from("LOCAL_MEMORY");
}

#[test]
fn restored_state_size_bytes_remote_is_what_came_from_the_store() {
    assert_eq!(partitions_with("RestoredStateSizeBytes.REMOTE"), [1]);
    assert_restored_from("REMOTE");
}

fn assert_restored_from(location: &str) {
    let figure = format!("RestoredStateSizeBytes.{location}");
    assert_aggregated(&LIFE.collector, &restoring(), &figure);
    assert!(number(&restoring(), &format!("sum{figure}")) > 0);
}

#[test]
fn restored_state_size_bytes_unknown_and_a_compaction_are_absent_from_a_server() {
    for (collector, span) in all() {
        for figure in [
            "RestoredStateSizeBytes.UNKNOWN",
            "RestoreAsyncCompactionDurationMs",
        ] {
            assert_eq!(assert_aggregated(collector, &span, figure), 0);
        }
    }
}

#[test]
fn a_subtask_is_a_partition_with_its_number_and_its_host() {
    for index in 0..4 {
        let one = partition(index);
        for (key, value) in [
            ("task_name", "partition"),
            ("jobVertexId", "partition"),
            ("host", "node-1"),
        ] {
            assert_eq!(text(&one, key), value);
        }
    }
    let phases: Vec<String> = LIFE
        .collector
        .children(&partition(1))
        .into_iter()
        .map(|of| of.name)
        .collect();
    for phase in ["download", "restore"] {
        assert!(
            phases.iter().any(|of| of == phase),
            "{phase} is not in {phases:?}"
        );
    }
}

#[test]
fn a_start_links_to_the_checkpoint_it_goes_on_from_and_to_the_failure_before_it() {
    let mut made = LIFE.collector.named("Checkpoint").into_iter();
    let savepoint = made.find(|span| number(span, "checkpointId") == 3).unwrap();
    let failure = LIFE.collector.named("JobFailure").remove(0);
    let span = restoring();
    let linked: Vec<_> = span.links.iter().map(|link| &link.span_id).collect();
    assert_eq!(linked, [&savepoint.span_id, &failure.span_id]);
    assert!(
        starts(&LIFE.collector)[0].links.is_empty(),
        "nothing was before the first"
    );
}
