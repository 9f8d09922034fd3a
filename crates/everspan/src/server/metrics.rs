//! The numbers of `/metrics`, in the Prometheus text format.

mod checkpoints;

use std::fmt::Write;
use std::sync::Arc;

use everspan_export::{Counters, Reporters};

use crate::checkpoints::{CheckpointsHandle, Phase, StartProgress, StartView};
use crate::clock::now_ns;
use crate::ingress::RefusedSpans;
use crate::worker::{LogCounters, Router};

/// A function that writes all numbers as they are when it is called.
pub(super) fn source(
    log: LogCounters,
    router: Arc<Router>,
    reporters: Arc<Reporters>,
    refused: Arc<RefusedSpans>,
    checkpoints: CheckpointsHandle,
    start: Arc<StartProgress>,
) -> Arc<dyn Fn() -> String + Send + Sync> {
    Arc::new(move || {
        let mut text = String::new();
        write_log(&mut text, &log);
        write_requests(&mut text, &router);
        write_spans(&mut text, &reporters.counters());
        write_refused(&mut text, &refused);
        checkpoints::write(&mut text, &checkpoints.view(), now_ns());
        text.push_str(&of_start(&start.view(), false));
        text
    })
}

/// The numbers of a start: all there is until the server is up.
pub(super) fn of_start(view: &StartView, is_starting: bool) -> String {
    let mut text = String::new();
    gauge("everspan_starting", "1 while the server starts").write(&mut text, is_starting.into());
    gauge(
        "everspan_start_partitions_left",
        "partitions that the start has not opened or restored yet",
    )
    .write(&mut text, view.partitions_left.into());
    gauge(
        "everspan_start_restored_bytes",
        "bytes that the start has brought back from checkpoints",
    )
    .write(&mut text, view.restored_bytes);
    gauge(
        "everspan_start_wanted_bytes",
        "bytes that the start has asked of checkpoints so far, those under way included",
    )
    .write(&mut text, view.wanted_bytes);
    let records = match view.phase {
        Phase::Replaying { records } => records,
        Phase::Opening | Phase::Restoring { .. } => 0,
    };
    gauge(
        "everspan_start_replayed_records",
        "records of the log that the start has applied, within a few hundred",
    )
    .write(&mut text, records);
    text
}

/// Numbers of one name.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
}

const fn counter(name: &'static str, help: &'static str) -> Family {
    Family {
        name,
        kind: "counter",
        help,
    }
}

const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family {
        name,
        kind: "gauge",
        help,
    }
}

impl Family {
    /// One number, without labels.
    fn write(&self, text: &mut String, value: u64) {
        self.write_rows(text, [(String::new(), value)]);
    }

    /// Numbers by their labels.
    fn write_rows(&self, text: &mut String, rows: impl IntoIterator<Item = (String, u64)>) {
        let Self { name, kind, help } = self;
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a string takes all");
        for (labels, value) in rows {
            writeln!(text, "{name}{labels} {value}").expect("a string takes all");
        }
    }
}

fn write_log(text: &mut String, log: &LogCounters) {
    counter("everspan_log_syncs_total", "syncs of the log").write(text, log.syncs());
    counter("everspan_log_records_total", "records written to the log").write(text, log.records());
    counter("everspan_log_bytes_total", "bytes written to the log").write(text, log.bytes());
}

fn write_requests(text: &mut String, router: &Router) {
    let waiting = u64::try_from(router.waiting_requests()).unwrap_or(u64::MAX);
    gauge("everspan_requests_waiting", "requests that wait for a worker").write(text, waiting);
    gauge(
        "everspan_disk_full",
        "1 while requests are refused for lack of disk",
    )
    .write(text, router.is_disk_full().into());
}

fn write_refused(text: &mut String, refused: &RefusedSpans) {
    counter(
        "everspan_refused_request_spans_dropped_total",
        "spans of refused requests not told because there were too many of them",
    )
    .write(text, refused.dropped());
}

/// What became of the spans, by reporter. Each is in exactly one of exported, dropped, queued, spooled.
fn write_spans(text: &mut String, counters: &[(String, Counters)]) {
    let mut write = |family: Family, value: fn(&Counters) -> u64| {
        let row = |(name, spans): &(String, Counters)| (format!("{{reporter=\"{name}\"}}"), value(spans));
        family.write_rows(text, counters.iter().map(row));
    };
    write(
        counter(
            "everspan_spans_exported_total",
            "spans the reporter has delivered",
        ),
        |spans| spans.exported,
    );
    write(
        gauge("everspan_spans_queued", "spans that wait in memory"),
        |spans| spans.queued,
    );
    write(
        counter(
            "everspan_spans_failed_deliveries_total",
            "deliveries that failed and are tried again",
        ),
        |spans| spans.failed_deliveries,
    );
    write(
        gauge("everspan_spans_spooled", "spans that wait on disk"),
        |spans| spans.spooled,
    );
    write(
        gauge("everspan_spans_spool_bytes", "bytes of the spool's files"),
        |spans| spans.spool_bytes,
    );
    write(
        counter(
            "everspan_spans_resumed_total",
            "spans that waited on disk at the start",
        ),
        |spans| spans.resumed,
    );
    write(
        counter(
            "everspan_spans_sender_restarts_total",
            "sender processes started in the place of one that had gone",
        ),
        |spans| spans.sender_restarts,
    );
    let dropped = counter("everspan_spans_dropped_total", "spans lost, by reason");
    dropped.write_rows(text, counters.iter().flat_map(dropped_rows));
}

fn dropped_rows((name, spans): &(String, Counters)) -> Vec<(String, u64)> {
    let row = |(reason, value)| (format!("{{reporter=\"{name}\",reason=\"{reason}\"}}"), value);
    spans.dropped.reasons().into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use everspan_export::Dropped;

    use super::*;

    #[test]
    fn the_numbers_of_spans_have_their_reporter_and_their_reason() {
        let spans = Counters {
            exported: 7,
            queued: 2,
            spooled: 5,
            sender_restarts: 1,
            dropped: Dropped {
                rejected: 3,
                ..Dropped::default()
            },
            ..Counters::default()
        };
        let counters = [("a".to_owned(), spans), ("b".to_owned(), Counters::default())];
        let mut text = String::new();
        write_spans(&mut text, &counters);
        for line in [
            "# TYPE everspan_spans_exported_total counter",
            "everspan_spans_exported_total{reporter=\"a\"} 7",
            "everspan_spans_exported_total{reporter=\"b\"} 0",
            "everspan_spans_queued{reporter=\"a\"} 2",
            "everspan_spans_spooled{reporter=\"a\"} 5",
            "everspan_spans_sender_restarts_total{reporter=\"a\"} 1",
            "everspan_spans_dropped_total{reporter=\"a\",reason=\"rejected\"} 3",
            "everspan_spans_dropped_total{reporter=\"b\",reason=\"queue_full\"} 0",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in\n{text}"
            );
        }
        let types = text.lines().filter(|line| line.starts_with("# TYPE")).count();
        assert_eq!(types, 8, "each name is explained once:\n{text}");
    }
}
