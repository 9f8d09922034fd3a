//! The rows of `JobFailure`.

use opentelemetry_proto::tonic::trace::v1::Span;

use super::scene::{LIFE, TROUBLE};
use crate::world::collector::text;

/// The crash of the first scene; of the second, the crash and the start that did not come up.
fn all() -> Vec<Span> {
    let scenes = [&LIFE.collector, &TROUBLE.collector];
    let spans = scenes.map(|collector| collector.named("JobFailure"));
    assert_eq!(spans.each_ref().map(Vec::len), [1, 2]);
    spans.into_iter().flatten().collect()
}

#[test]
fn can_restart_is_true_of_a_server_that_is_started_again() {
    for span in all() {
        assert_eq!(text(&span, "canRestart"), "true");
        assert_eq!(text(&span, "jobId"), "stories");
    }
}

#[test]
fn a_failure_has_its_reason_as_status_and_as_exception() {
    for span in all() {
        let status = span.status.as_ref().unwrap();
        assert_eq!(status.code, 2);
        let exception = span
            .events
            .iter()
            .find(|event| event.name == "exception")
            .unwrap();
        let attribute = &exception.attributes[0];
        assert_eq!(attribute.key, "exception.message");
        let message = format!("{:?}", attribute.value);
        assert!(message.contains(&status.message), "{message}");
    }
}

#[test]
fn a_failure_links_to_the_start_of_the_run_that_ended_with_it() {
    let linked: Vec<_> = all().iter().map(|span| span.links[0].span_id.clone()).collect();
    let starts = |collector: &crate::world::collector::Collector| collector.named("JobInitialization");
    let (life, trouble) = (starts(&LIFE.collector), starts(&TROUBLE.collector));
    let ended = [&life[0], &trouble[1], &trouble[3]];
    assert_eq!(linked, ended.map(|span| span.span_id.clone()));
}
