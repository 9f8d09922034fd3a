//! The rows of `JobInitialization`.

use everspan_trace::derive_trace_id;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::scene::{FAILED, ON_DISK, OVERTAKEN, RECOVERED, RESCALED, is_rescaled, scenes};
use crate::collector::{Collector, attributes, number, text};
use crate::figures::{assert_aggregated, assert_in_ms, subtasks};

fn starts(collector: &Collector) -> Vec<Span> {
    collector.named("JobInitialization")
}

/// The starts of every scene, each with its collector.
fn all() -> Vec<(&'static Collector, Span)> {
    let of = |collector: &'static Collector| starts(collector).into_iter().map(move |span| (collector, span));
    scenes().into_iter().flat_map(of).collect()
}

/// The starts that went on from a checkpoint.
fn restoring() -> Vec<(&'static Collector, Span)> {
    let restores = |(_, span): &(_, Span)| attributes(span).contains_key("checkpointId");
    let found: Vec<_> = all().into_iter().filter(restores).collect();
    assert_eq!(
        found.len(),
        6,
        "after two failures, and twice rescaled up and down"
    );
    found
}

/// The only start of a job that did not start.
fn failed(job: &str) -> Span {
    let id = derive_trace_id(job.as_bytes()).to_string();
    let spans = starts(&FAILED).into_iter();
    let mut spans: Vec<Span> = spans.filter(|span| text(span, "jobId") == id).collect();
    assert_eq!(spans.len(), 1, "{job}");
    spans.remove(0)
}

/// The checkpoint of this number.
fn checkpoint(collector: &Collector, id: i64) -> Span {
    let mut all = collector.named("Checkpoint").into_iter();
    all.find(|span| number(span, "checkpointId") == id).unwrap()
}

fn is_count(subtask: &Span) -> bool {
    text(subtask, "task_name").contains("count")
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
fn checkpoint_id_is_that_of_the_restored_checkpoint_and_absent_from_a_fresh_start() {
    let ids = |collector: &Collector| -> Vec<Option<String>> {
        let all = starts(collector).into_iter();
        all.map(|span| attributes(&span).remove("checkpointId")).collect()
    };
    let some = |id: &str| Some(id.to_owned());
    for rescaled in [&RESCALED.0, &ON_DISK.0] {
        assert_eq!(ids(rescaled), [None, some("2"), some("3")]);
    }
    assert_eq!(ids(&OVERTAKEN), [None, some("1")]);
    assert_eq!(ids(&RECOVERED)[0], None);
}

#[test]
fn full_size_is_that_of_the_restored_checkpoint() {
    for (collector, span) in restoring() {
        let made = checkpoint(collector, number(&span, "checkpointId"));
        assert_eq!(number(&span, "fullSize"), number(&made, "fullSize"));
    }
}

#[test]
fn a_start_has_as_many_subtasks_as_the_job_up_and_down() {
    for rescaled in [&RESCALED.0, &ON_DISK.0] {
        let subtasks = |span: &Span| subtasks(rescaled, span).len();
        let found: Vec<usize> = starts(rescaled).iter().map(subtasks).collect();
        assert_eq!(found, [2, 8, 4], "two tasks");
    }
}

#[test]
fn initialization_status_is_completed_when_every_subtask_runs() {
    for collector in [&*RECOVERED, &RESCALED.0, &ON_DISK.0, &OVERTAKEN] {
        for span in starts(collector) {
            assert_eq!(text(&span, "initializationStatus"), "COMPLETED");
            assert_eq!(span.status.as_ref().map_or(0, |status| status.code), 0);
        }
    }
}

fn assert_failed(job: &str, why: &str) {
    let span = failed(job);
    assert_eq!(text(&span, "initializationStatus"), "FAILED");
    let status = span.status.as_ref().unwrap();
    assert_eq!(status.code, 2);
    assert!(status.message.contains(why), "{}", status.message);
}

#[test]
fn initialization_status_is_failed_when_the_checkpoint_is_not_there() {
    assert_failed("absent", "there is no checkpoint 7");
}

#[test]
fn initialization_status_is_failed_when_a_function_does_not_open() {
    assert_failed("not opened", "there is no key");
}

/// One test for each figure that every subtask of every start has.
macro_rules! figures_of_a_start {
    ($($row:ident = $figure:literal)*) => {$(
        #[test]
        fn $row() {
            for (collector, span) in all() {
                let have = assert_aggregated(collector, &span, $figure);
                assert_eq!(have, subtasks(collector, &span).len());
                assert!(have > 1);
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
fn gate_restore_duration_ms_is_of_the_subtask_that_was_given_the_overtaken_records() {
    let span = starts(&OVERTAKEN).remove(1);
    for one in subtasks(&OVERTAKEN, &span) {
        let phases = OVERTAKEN.children(&one);
        let reads = phases.iter().any(|phase| phase.name == "read-input");
        assert_eq!(reads, is_count(&one), "{phases:?}");
    }
}

/// A figure of a restore stands on the subtasks with keyed state, of these starts and no others.
fn assert_of_keyed_state(figure: &str, is_in: impl Fn(&Collector) -> bool) {
    for (collector, span) in all() {
        assert_aggregated(collector, &span, figure);
        let restores = attributes(&span).contains_key("checkpointId");
        for one in subtasks(collector, &span) {
            let has = attributes(&one).contains_key(figure);
            assert_eq!(
                has,
                restores && is_count(&one) && is_in(collector),
                "{figure}: {one:?}"
            );
        }
    }
}

#[test]
fn restore_state_duration_ms_is_of_subtasks_with_keyed_state() {
    assert_of_keyed_state("RestoreStateDurationMs", |_| true);
}

#[test]
fn download_state_duration_ms_is_only_of_what_lay_in_the_store() {
    assert_of_keyed_state("DownloadStateDurationMs", is_rescaled);
}

#[test]
fn restored_state_size_bytes_remote_is_what_lay_in_the_store() {
    assert_of_keyed_state("RestoredStateSizeBytes.REMOTE", is_rescaled);
}

#[test]
fn restored_state_size_bytes_local_memory_is_what_the_manifest_holds_splits_of_sources_too() {
    let figure = "RestoredStateSizeBytes.LOCAL_MEMORY";
    for (collector, span) in all() {
        assert_aggregated(collector, &span, figure);
        let restores = attributes(&span).contains_key("checkpointId");
        let keyed_state_is_inline = !is_rescaled(collector);
        let inline = subtasks(collector, &span)
            .into_iter()
            .filter(|one| attributes(one).contains_key(figure));
        let (counts, numbers): (Vec<Span>, Vec<Span>) = inline.partition(is_count);
        assert_eq!(!counts.is_empty(), restores && keyed_state_is_inline, "{span:?}");
        assert_eq!(!numbers.is_empty(), restores, "{span:?}");
    }
}

#[test]
fn restored_state_size_bytes_unknown_is_what_a_barrier_overtook() {
    let figure = "RestoredStateSizeBytes.UNKNOWN";
    for (collector, span) in all() {
        assert_aggregated(collector, &span, figure);
        let id = attributes(&span).remove("checkpointId");
        let made = id.map(|id| checkpoint(collector, id.parse().unwrap()));
        let overtaken = made.map_or(0, |made| number(&made, "sumPersistedDataBytes"));
        for one in subtasks(collector, &span) {
            let has = attributes(&one).contains_key(figure);
            assert_eq!(has, overtaken > 0 && is_count(&one), "{one:?}");
            // Beside the records stand their number, and where they were going to.
            assert!(!has || number(&one, figure) > overtaken, "{one:?}");
        }
    }
}

#[test]
fn restored_state_size_bytes_local_disk_and_a_compaction_are_absent_without_copies_and_from_a_small_state() {
    for figure in [
        "RestoredStateSizeBytes.LOCAL_DISK",
        "RestoreAsyncCompactionDurationMs",
    ] {
        assert_of_keyed_state(figure, |_| false);
    }
}

#[test]
fn restored_bytes_are_more_than_none_wherever_they_stand() {
    for (_, span) in restoring() {
        let attributes = attributes(&span).into_iter();
        let sums: Vec<_> = attributes
            .filter(|(key, _)| key.starts_with("sumRestoredStateSizeBytes"))
            .collect();
        assert!(
            !sums.is_empty() && sums.iter().all(|(_, bytes)| bytes != "0"),
            "{sums:?}"
        );
    }
}

#[test]
fn a_start_links_to_the_checkpoint_it_goes_on_from_and_to_the_failure_before_it() {
    for (collector, span) in all() {
        let restored = attributes(&span).remove("checkpointId");
        let restored = restored.map(|id| checkpoint(collector, id.parse().unwrap()).span_id);
        let linked: Vec<_> = span.links.iter().map(|link| &link.span_id).collect();
        let failures = collector.named("JobFailure");
        let is_restart = restored.is_some() && !is_rescaled(collector);
        let failure = failures
            .iter()
            .filter(|_| is_restart)
            .map(|failure| &failure.span_id);
        let expected: Vec<_> = restored.iter().chain(failure).collect();
        assert_eq!(linked, expected);
    }
}
