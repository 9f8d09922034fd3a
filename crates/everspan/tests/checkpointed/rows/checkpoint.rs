//! The rows of `Checkpoint`.

use opentelemetry_proto::tonic::trace::v1::Span;

use super::scene::{LIFE, TROUBLE};
use crate::world::collector::{Collector, attributes, number, text};
use crate::world::figures::{assert_aggregated, assert_in_ms, figures, subtasks};

const REASON: &str = "everspan.checkpoint.failure_reason";

/// The checkpoint of this number.
fn checkpoint(collector: &Collector, id: i64) -> Span {
    let mut all = collector.named("Checkpoint").into_iter();
    all.find(|span| number(span, "checkpointId") == id).unwrap()
}

/// All of both scenes, each with its collector.
fn all() -> Vec<(&'static Collector, Span)> {
    let scenes = [&LIFE.collector, &TROUBLE.collector];
    let of = |collector: &'static Collector| {
        collector
            .named("Checkpoint")
            .into_iter()
            .map(move |span| (collector, span))
    };
    scenes.into_iter().flat_map(of).collect()
}

#[test]
fn start_ts_is_when_the_checkpoint_started() {
    for (_, span) in all() {
        assert_in_ms("startTs", &span, span.start_time_unix_nano);
    }
    let first = checkpoint(&LIFE.collector, 1);
    assert_eq!(LIFE.answer["startTs"], number(&first, "startTs"));
}

#[test]
fn end_ts_is_when_the_checkpoint_was_complete_or_given_up() {
    for (_, span) in all() {
        assert_in_ms("endTs", &span, span.end_time_unix_nano);
        assert!(number(&span, "endTs") >= number(&span, "startTs"));
    }
    let first = checkpoint(&LIFE.collector, 1);
    assert_eq!(LIFE.answer["endTs"], number(&first, "endTs"));
}

#[test]
fn checkpoint_id_counts_the_failed_ones_too() {
    let ids = |collector: &Collector| -> Vec<i64> {
        let all = collector.named("Checkpoint");
        all.iter().map(|span| number(span, "checkpointId")).collect()
    };
    assert_eq!(ids(&LIFE.collector), [1, 2, 3]);
    assert_eq!(ids(&TROUBLE.collector), [1, 2]);
}

#[test]
fn checkpointed_size_is_what_the_checkpoint_added_to_the_store() {
    for (collector, span) in all() {
        let sum: i64 = figures(collector, &span, "CheckpointedSizeBytes").iter().sum();
        assert_eq!(number(&span, "checkpointedSize"), sum);
    }
    let first = number(&checkpoint(&LIFE.collector, 1), "checkpointedSize");
    assert!(first >= i64::try_from(LIFE.stored_bytes).unwrap() && LIFE.stored_bytes > 0);
    let savepoint = checkpoint(&LIFE.collector, 3);
    assert!(
        number(&savepoint, "checkpointedSize") < number(&savepoint, "fullSize"),
        "it shares files with the first"
    );
}

#[test]
fn full_size_is_all_state_whichever_checkpoint_wrote_it() {
    for (collector, span) in all() {
        let sum: i64 = figures(collector, &span, "StateSizeBytes").iter().sum();
        assert_eq!(number(&span, "fullSize"), sum);
    }
    let first = checkpoint(&LIFE.collector, 1);
    assert_eq!(
        number(&first, "fullSize"),
        number(&first, "checkpointedSize"),
        "all of it is new"
    );
}

#[test]
fn checkpoint_status_is_completed_when_it_is_whole() {
    for id in [1, 3] {
        let span = checkpoint(&LIFE.collector, id);
        assert_eq!(text(&span, "checkpointStatus"), "COMPLETED");
        assert!(!attributes(&span).contains_key(REASON));
        assert_eq!(span.status.as_ref().map_or(0, |status| status.code), 0);
    }
}

/// It says so, and why, as an attribute and as the status of the span.
fn assert_failed(span: &Span, why: &str) {
    assert_eq!(text(span, "checkpointStatus"), "FAILED");
    let reason = text(span, REASON);
    assert!(reason.contains(why), "{reason}");
    let status = span.status.as_ref().unwrap();
    assert_eq!((status.code, &status.message), (2, &reason));
    assert!(
        !attributes(span).contains_key("metadataSize"),
        "there is no manifest of it"
    );
}

#[test]
fn checkpoint_status_is_failed_when_the_store_fails() {
    assert_failed(&checkpoint(&LIFE.collector, 2), "could not be stored");
}

#[test]
fn checkpoint_status_is_failed_when_the_checkpoint_timeout_is_over() {
    assert_failed(&checkpoint(&TROUBLE.collector, 1), "expired before completing");
}

#[test]
fn checkpoint_status_is_failed_when_the_process_dies() {
    assert_failed(&checkpoint(&TROUBLE.collector, 2), "the process died");
}

#[test]
fn checkpoint_type_tells_a_savepoint_from_a_checkpoint() {
    for (id, kind) in [(1, "Checkpoint"), (2, "Checkpoint"), (3, "Savepoint")] {
        assert_eq!(text(&checkpoint(&LIFE.collector, id), "checkpointType"), kind);
    }
    for id in [1, 2] {
        assert_eq!(
            text(&checkpoint(&TROUBLE.collector, id), "checkpointType"),
            "Savepoint"
        );
    }
}

#[test]
fn is_unaligned_is_false_where_no_barrier_overtakes() {
    for (_, span) in all() {
        assert_eq!(text(&span, "isUnaligned"), "false");
    }
}

#[test]
fn job_id_is_the_name_of_the_cluster() {
    for (_, span) in all() {
        assert_eq!(text(&span, "jobId"), "stories");
    }
}

#[test]
fn metadata_size_is_that_of_the_manifest() {
    let first = checkpoint(&LIFE.collector, 1);
    assert_eq!(
        number(&first, "metadataSize"),
        i64::try_from(LIFE.manifest_bytes).unwrap()
    );
}

#[test]
fn the_largest_state_of_a_subtask_stands_on_its_checkpoint() {
    for figure in ["StateSizeBytes", "CheckpointedSizeBytes"] {
        for id in [1, 3] {
            let span = checkpoint(&LIFE.collector, id);
            let ones = figures(&LIFE.collector, &span, figure);
            assert_eq!(
                number(&span, &format!("max{figure}")),
                *ones.iter().max().unwrap()
            );
        }
    }
}

/// One test for each figure of which `max…` and `sum…` stand on the root.
macro_rules! figures_of_a_checkpoint {
    ($($row:ident = $figure:literal)*) => {$(
        #[test]
        fn $row() {
            for (collector, span) in all() {
                let have = assert_aggregated(collector, &span, $figure);
                let completed = text(&span, "checkpointStatus") == "COMPLETED";
                assert!(have == 4 || !completed, "{have} of 4 subtasks have it");
            }
        }
    )*};
}

figures_of_a_checkpoint! {
    alignment_duration_ms_is_the_greatest_and_the_sum_over_all_subtasks = "AlignmentDurationMs"
    sync_checkpoint_duration_ms_is_the_greatest_and_the_sum_over_all_subtasks = "SyncCheckpointDurationMs"
    async_checkpoint_duration_ms_is_the_greatest_and_the_sum_over_all_subtasks = "AsyncCheckpointDurationMs"
    checkpoint_start_delay_ms_is_the_greatest_and_the_sum_over_all_subtasks = "CheckpointStartDelayMs"
    persisted_data_bytes_is_the_greatest_and_the_sum_over_all_subtasks = "PersistedDataBytes"
    processed_data_bytes_is_the_greatest_and_the_sum_over_all_subtasks = "ProcessedDataBytes"
}

#[test]
fn a_subtask_is_a_partition_with_its_number_its_host_and_its_phases() {
    let mut ones = subtasks(&LIFE.collector, &checkpoint(&LIFE.collector, 1));
    ones.sort_by_key(|one| number(one, "subtaskId"));
    let numbers: Vec<i64> = ones.iter().map(|one| number(one, "subtaskId")).collect();
    assert_eq!(numbers, [0, 1, 2, 3]);
    for one in &ones {
        for (key, value) in [
            ("task_name", "partition"),
            ("jobVertexId", "partition"),
            ("host", "node-1"),
        ] {
            assert_eq!(text(one, key), value);
        }
        let phases = LIFE.collector.children(one);
        for phase in ["sync", "async", "upload"] {
            assert!(phases.iter().any(|of| of.name == phase), "{phase}");
        }
    }
}

#[test]
fn a_checkpoint_links_to_the_start_of_its_run() {
    let runs_of = [(&LIFE.collector, vec![0, 0, 0]), (&TROUBLE.collector, vec![0, 1])];
    for (collector, runs) in runs_of {
        let starts = collector.named("JobInitialization");
        for (span, run) in collector.named("Checkpoint").iter().zip(runs) {
            let linked: Vec<_> = span.links.iter().map(|link| &link.span_id).collect();
            assert_eq!(linked, [&starts[run].span_id]);
        }
    }
}
