//! `JobFailure`: why a run ended.

use everspan_trace::{Event, KeyValue, Span, Status};

use super::{link, span, text};
use crate::time::Now;
use crate::{Job, Run};

/// The span of a failure that ends `run`, with an `exception` event. `labels` are attached as `failureLabel.<key>`.
pub fn job_failure(
    job: &Job,
    run: &Run,
    reason: &str,
    can_restart: bool,
    labels: &[(String, String)],
    now: Now,
) -> Span {
    let mut span = span("JobFailure", run.failure(), None, now.wall_ns, now.wall_ns);
    span.attributes.push(text("jobId", job.id.clone()));
    span.attributes.push(KeyValue::new("canRestart", can_restart));
    for (key, value) in labels {
        span.attributes
            .push(KeyValue::new(format!("failureLabel.{key}"), value.clone()));
    }
    span.events.push(Event {
        time_ns: now.wall_ns,
        name: everspan_trace::catalog::event::EXCEPTION.into(),
        attributes: vec![text("exception.message", reason)],
    });
    span.status = Status::Error(reason.to_owned());
    span.links.push(link(run.initialization()));
    span
}
