//! The rows of `JobFailure`.

use std::collections::BTreeSet;

use everspan_trace::derive_trace_id;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::scene::{FAILED, OVERTAKEN, RECOVERED};
use crate::collector::{attributes, text};

/// Of jobs that were restarted.
fn survived() -> Vec<(&'static str, Span)> {
    let jobs = [("recovered", &RECOVERED), ("overtaken", &OVERTAKEN)];
    jobs.map(|(job, scene)| {
        let mut failures = scene.named("JobFailure");
        assert_eq!(failures.len(), 1, "{job}");
        (job, failures.remove(0))
    })
    .into()
}

/// Of jobs that were not.
fn fatal() -> Vec<(&'static str, Span)> {
    let failures = FAILED.named("JobFailure");
    let jobs = ["failing", "absent", "not opened"];
    assert_eq!(failures.len(), jobs.len(), "jobs that are cancelled do not fail");
    let of = |job: &'static str| {
        let id = derive_trace_id(job.as_bytes()).to_string();
        let found = failures.iter().find(|span| text(span, "jobId") == id);
        (job, found.unwrap().clone())
    };
    jobs.map(of).into()
}

#[test]
fn can_restart_is_true_of_a_job_that_is_started_again_and_false_of_one_that_is_not() {
    for (failures, can_restart) in [(survived(), "true"), (fatal(), "false")] {
        for (job, span) in failures {
            assert_eq!(text(&span, "canRestart"), can_restart, "{job}");
        }
    }
}

#[test]
fn job_id_and_the_failure_label_tell_the_job() {
    for (job, span) in survived().into_iter().chain(fatal()) {
        assert_eq!(text(&span, "jobId"), derive_trace_id(job.as_bytes()).to_string());
        assert_eq!(text(&span, "failureLabel.job"), job);
        let keys: BTreeSet<String> = attributes(&span).into_keys().collect();
        assert_eq!(keys.len(), 3, "{keys:?}");
    }
}

#[test]
fn a_failure_has_its_reason_as_status_and_as_exception() {
    let words = |job: &str| match job {
        "absent" => "there is no checkpoint 7",
        "not opened" => "there is no key",
        _ => "the disk is on fire",
    };
    for (job, span) in survived().into_iter().chain(fatal()) {
        let status = span.status.as_ref().unwrap();
        assert_eq!(status.code, 2);
        assert!(status.message.contains(words(job)), "{}", status.message);
        let exception = span
            .events
            .iter()
            .find(|event| event.name == "exception")
            .unwrap();
        assert_eq!(exception.attributes[0].key, "exception.message");
        let message = format!("{:?}", exception.attributes[0].value);
        assert!(message.contains(words(job)), "{message}");
    }
}

#[test]
fn a_failure_links_to_the_start_of_the_run_that_ended_with_it() {
    for scene in [&RECOVERED, &OVERTAKEN, &FAILED] {
        let starts = scene.named("JobInitialization");
        for failure in scene.named("JobFailure") {
            let linked = starts
                .iter()
                .find(|start| start.span_id == failure.links[0].span_id);
            let linked = linked.expect("its start was told");
            assert_eq!(text(linked, "jobId"), text(&failure, "jobId"));
        }
    }
}
