//! The numbers of `/metrics`, in the Prometheus text format.

use std::fmt::Write;
use std::sync::Arc;

use everspan_export::Reporters;

use crate::worker::{LogCounters, Router};

/// A function that writes all numbers as they are when it is called.
pub(super) fn source(
    log: LogCounters,
    router: Arc<Router>,
    reporters: Arc<Reporters>,
) -> Arc<dyn Fn() -> String + Send + Sync> {
    Arc::new(move || {
        let mut text = String::new();
        counter(
            &mut text,
            "everspan_log_syncs_total",
            "syncs of the log",
            log.syncs(),
        );
        counter(
            &mut text,
            "everspan_log_records_total",
            "records written to the log",
            log.records(),
        );
        counter(
            &mut text,
            "everspan_log_bytes_total",
            "bytes written to the log",
            log.bytes(),
        );
        let waiting = u64::try_from(router.waiting_requests()).unwrap_or(u64::MAX);
        row(
            &mut text,
            "everspan_requests_waiting",
            "gauge",
            "requests that wait for a worker",
            waiting,
        );
        row(
            &mut text,
            "everspan_disk_full",
            "gauge",
            "1 while requests are refused for lack of disk",
            router.is_disk_full().into(),
        );
        if let Some((_, spans)) = reporters.counters().first() {
            counter(
                &mut text,
                "everspan_spans_exported_total",
                "spans the collector took",
                spans.exported,
            );
            counter(
                &mut text,
                "everspan_export_failed_batches_total",
                "failed exports, tried again",
                spans.failed_deliveries,
            );
            row(
                &mut text,
                "everspan_spans_queued",
                "gauge",
                "spans that wait for the collector",
                spans.queued,
            );
            let name = "everspan_spans_dropped_total";
            counter(
                &mut text,
                &format!("{name}{{reason=\"queue_full\"}}"),
                "spans lost",
                spans.dropped.queue_full,
            );
            writeln!(text, "{name}{{reason=\"rejected\"}} {}", spans.dropped.rejected)
                .expect("a string takes all");
        }
        text
    })
}

fn counter(text: &mut String, name: &str, help: &str, value: u64) {
    row(text, name, "counter", help, value);
}

fn row(text: &mut String, name: &str, kind: &str, help: &str, value: u64) {
    let family = name.split('{').next().unwrap_or(name);
    writeln!(
        text,
        "# HELP {family} {help}\n# TYPE {family} {kind}\n{name} {value}"
    )
    .expect("a string takes all");
}
