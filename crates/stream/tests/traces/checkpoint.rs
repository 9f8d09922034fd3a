//! The rows of `Checkpoint`.

use everspan_trace::derive_trace_id;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::scene::{FAILED, ON_DISK, OVERTAKEN, RECOVERED, RESCALED, scenes};
use crate::collector::{Collector, attributes, number, text};
use crate::figures::{assert_aggregated, assert_in_ms, figures, subtasks};

const REASON: &str = "everspan.checkpoint.failure_reason";

/// The checkpoints of every scene, each with its collector.
fn all() -> Vec<(&'static Collector, Span)> {
    let of = |collector: &'static Collector| {
        let spans = collector.named("Checkpoint").into_iter();
        spans.map(move |span| (collector, span))
    };
    scenes().into_iter().flat_map(of).collect()
}

fn is_completed(span: &Span) -> bool {
    text(span, "checkpointStatus") == "COMPLETED"
}

/// The only checkpoint of a job that failed to make it.
fn failed(job: &str) -> Span {
    let id = derive_trace_id(job.as_bytes()).to_string();
    let spans = FAILED.named("Checkpoint").into_iter();
    let mut spans: Vec<Span> = spans.filter(|span| text(span, "jobId") == id).collect();
    assert_eq!(spans.len(), 1, "{job}");
    spans.remove(0)
}

#[test]
fn start_ts_is_when_the_checkpoint_started() {
    for (_, span) in all() {
        assert_in_ms("startTs", &span, span.start_time_unix_nano);
    }
}

#[test]
fn end_ts_is_when_the_checkpoint_was_complete_or_given_up() {
    for (_, span) in all() {
        assert_in_ms("endTs", &span, span.end_time_unix_nano);
        assert!(number(&span, "endTs") >= number(&span, "startTs"));
    }
}

#[test]
fn checkpoint_id_goes_on_over_restarts_and_is_never_used_twice() {
    for collector in [&*RECOVERED, &RESCALED.0, &ON_DISK.0, &OVERTAKEN] {
        let spans = collector.named("Checkpoint");
        let mut ids: Vec<i64> = spans.iter().map(|span| number(span, "checkpointId")).collect();
        ids.sort_unstable();
        let expected: Vec<i64> = (1..).take(ids.len()).collect();
        assert_eq!(ids, expected);
    }
}

#[test]
fn checkpointed_size_is_what_the_subtasks_wrote() {
    for (collector, span) in all() {
        let sum: i64 = figures(collector, &span, "CheckpointedSizeBytes").iter().sum();
        assert_eq!(number(&span, "checkpointedSize"), sum);
        assert!(
            sum > 0 || !is_completed(&span),
            "the source has a place in its input"
        );
    }
}

#[test]
fn full_size_is_all_state_of_the_subtasks() {
    for (collector, span) in all() {
        let sum: i64 = figures(collector, &span, "StateSizeBytes").iter().sum();
        assert_eq!(number(&span, "fullSize"), sum);
        assert!(sum >= number(&span, "checkpointedSize"));
    }
}

#[test]
fn checkpoint_status_is_completed_when_it_is_whole() {
    for collector in [&RESCALED.0, &ON_DISK.0, &OVERTAKEN] {
        for span in collector.named("Checkpoint") {
            assert!(is_completed(&span));
            assert!(!attributes(&span).contains_key(REASON));
            assert_eq!(span.status.as_ref().map_or(0, |status| status.code), 0);
        }
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
fn checkpoint_status_is_failed_when_the_checkpointing_timeout_is_over() {
    assert_failed(&failed("expired"), "checkpoint expired before completing");
}

#[test]
fn checkpoint_status_is_failed_when_the_store_fails() {
    assert_failed(&failed("not stored"), "could not be stored");
}

#[test]
fn checkpoint_status_is_failed_when_the_job_fails_meanwhile() {
    assert_failed(&failed("failing"), "the disk is on fire");
}

#[test]
fn checkpoint_type_tells_savepoints_and_those_of_a_stop_from_checkpoints() {
    let mut spans = RESCALED.0.named("Checkpoint");
    spans.sort_by_key(|span| number(span, "checkpointId"));
    let kinds: Vec<String> = spans.iter().map(|span| text(span, "checkpointType")).collect();
    let expected = [
        "Savepoint",
        "Terminate Savepoint",
        "Terminate Savepoint",
        "Checkpoint",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn is_unaligned_is_true_where_barriers_overtake_and_only_there() {
    for (scene, unaligned) in [
        (&*OVERTAKEN, "true"),
        (&*RECOVERED, "false"),
        (&RESCALED.0, "false"),
        (&ON_DISK.0, "false"),
    ] {
        for span in scene.named("Checkpoint") {
            assert_eq!(text(&span, "isUnaligned"), unaligned);
        }
    }
}

#[test]
fn job_id_follows_from_the_name_of_the_job() {
    for (scene, job) in [
        (&*RECOVERED, "recovered"),
        (&RESCALED.0, "rescaled"),
        (&OVERTAKEN, "overtaken"),
    ] {
        let id = derive_trace_id(job.as_bytes()).to_string();
        for span in scene.named("Checkpoint") {
            assert_eq!(text(&span, "jobId"), id);
        }
    }
}

#[test]
fn metadata_size_is_that_of_the_manifest() {
    for (collector, manifest_bytes) in [&*RESCALED, &*ON_DISK] {
        let mut spans = collector.named("Checkpoint").into_iter();
        let first = spans.find(|span| number(span, "checkpointId") == 1).unwrap();
        assert_eq!(
            number(&first, "metadataSize"),
            i64::try_from(*manifest_bytes).unwrap()
        );
    }
}

/// One test for each figure of which `max…` and `sum…` stand on the root.
macro_rules! figures_of_a_checkpoint {
    ($($row:ident = $figure:literal)*) => {$(
        #[test]
        fn $row() {
            for (collector, span) in all() {
                let have = assert_aggregated(collector, &span, $figure);
                assert_eq!(have, subtasks(collector, &span).len());
                assert!(have > 0 || !is_completed(&span));
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
fn persisted_data_bytes_is_what_a_barrier_overtook() {
    for (scene, overtook) in [(&*OVERTAKEN, true), (&*RECOVERED, false)] {
        let mut spans = scene.named("Checkpoint").into_iter();
        let first = spans.find(|span| number(span, "checkpointId") == 1).unwrap();
        assert_eq!(number(&first, "sumPersistedDataBytes") > 0, overtook);
    }
}

#[test]
fn every_subtask_has_its_task_its_number_its_host_and_its_phases() {
    for (collector, span) in all().into_iter().filter(|(_, span)| is_completed(span)) {
        let tasks = collector.children(&span);
        let names: Vec<String> = tasks.iter().map(|task| text(task, "task_name")).collect();
        assert_eq!(
            names.iter().filter(|name| name.contains("count")).count(),
            1,
            "{names:?}"
        );
        assert_eq!(names.len(), 2, "{names:?}");
        for task in &tasks {
            let ones = collector.children(task);
            let mut numbers: Vec<i64> = ones.iter().map(|one| number(one, "subtaskId")).collect();
            numbers.sort_unstable();
            assert!(numbers.iter().copied().eq((0..).take(ones.len())), "{numbers:?}");
            for one in &ones {
                for key in ["task_name", "jobVertexId"] {
                    assert_eq!(text(one, key), text(task, key));
                }
                assert!(!text(one, "host").is_empty());
                assert!(collector.children(one).iter().any(|phase| phase.name == "async"));
            }
        }
    }
}

#[test]
fn a_checkpoint_links_to_the_start_of_its_run() {
    for collector in scenes() {
        let starts = collector.named("JobInitialization");
        for span in collector.named("Checkpoint") {
            assert_eq!(span.links.len(), 1);
            let linked = starts.iter().find(|start| start.span_id == span.links[0].span_id);
            let linked = linked.expect("its start was told");
            assert!(linked.start_time_unix_nano <= span.start_time_unix_nano);
        }
    }
}
