//! `JobFailure`: why a run ended.

use everspan_trace::catalog::{self, attr, event};
use everspan_trace::{Event, Span, Status};

use super::{link, span};
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
    let mut span = span(
        &catalog::JOB_FAILURE,
        run.failure(),
        None,
        now.wall_ns,
        now.wall_ns,
    );
    span.attributes.push(attr::JOB_ID.value(job.id.clone()));
    span.attributes.push(attr::CAN_RESTART.value(can_restart));
    for (key, value) in labels {
        span.attributes
            .push(attr::FAILURE_LABEL.value(key, value.clone()));
    }
    span.events.push(Event {
        time_ns: now.wall_ns,
        name: event::EXCEPTION.into(),
        attributes: vec![attr::EXCEPTION_MESSAGE.value(reason.to_owned())],
    });
    span.status = Status::Error(reason.to_owned());
    span.links.push(link(run.initialization()));
    span
}
