//! The process that is killed: a log of records, a state that is flushed now and then, a span for each record.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use everspan_export::{
    Mark, OtlpOptions, Pipeline, PipelineOptions, Reporter, Reporters, SpanWriter, SpoolOptions,
    otlp as destinations,
};
use everspan_trace::{KeyValue, Span, SpanContext, catalog, derive_span_id, derive_trace_id};

pub(crate) const DIR: &str = "EVERSPAN_TEST_DIR";
pub(crate) const COLLECTOR: &str = "EVERSPAN_TEST_COLLECTOR";
pub(crate) const LIFE: &str = "EVERSPAN_TEST_LIFE";
pub(crate) const READY: &str = "ready to be killed";
/// A file that asks for an orderly end.
pub(crate) const STOP: &str = "stop";

const SOURCE: u16 = 1;
/// Records between two flushes of the state.
const FLUSH_EVERY: u64 = 400;
/// The last life goes on so far, however slow the machine is.
pub(crate) const RECORDS_MIN: u64 = 1_000;
/// A life that nobody ends.
const RECORDS_MAX: u64 = 100_000;

/// How many records the log has. A record that was cut by a kill does not count.
pub(crate) fn records(dir: &Path) -> u64 {
    std::fs::metadata(dir.join("log")).map_or(0, |log| log.len() / 8)
}

pub(crate) fn run() {
    let dir = std::env::var(DIR).unwrap();
    let dir = Path::new(&dir);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let log_end = records(dir);
    let reporters = reporters(dir, log_end, runtime.handle());
    let mut writer = reporters.writer();
    replay(dir, log_end, &mut writer);
    println!("{READY}");
    work(dir, log_end, &mut writer);
    let all_taken = runtime.block_on(reporters.shutdown(Duration::from_secs(60)));
    let (_, counters) = &reporters.counters()[0];
    assert!(all_taken, "{counters:?}");
    assert_eq!(counters.dropped.total(), 0, "{counters:?}");
}

fn reporters(dir: &Path, log_end: u64, runtime: &tokio::runtime::Handle) -> Reporters {
    let mut otlp = OtlpOptions::new(std::env::var(COLLECTOR).unwrap());
    otlp.resource = vec![KeyValue::new("life", std::env::var(LIFE).unwrap())];
    let options = PipelineOptions {
        batch_delay: Duration::from_millis(5),
        batch_spans_max: 50,
        queue_bytes_max: 40_000,
        spool: Some(SpoolOptions {
            dir: dir.join("spool"),
            bytes_max: 1 << 26,
        }),
        ..PipelineOptions::new("otlp")
    };
    let baseline = [Mark {
        source: SOURCE,
        upto: log_end,
    }];
    let destination = destinations::destination(otlp).unwrap();
    let pipeline = Pipeline::start(options, destination, &baseline, runtime).unwrap();
    Reporters::new(vec![Reporter::new(pipeline)])
}

/// The state has all records up to its flush; those behind it are applied again, and their spans built again.
fn replay(dir: &Path, log_end: u64, writer: &mut SpanWriter) {
    let mut flushed = [0; 8];
    if let Ok(state) = File::open(dir.join("state")) {
        state.read_exact_at(&mut flushed, 0).unwrap();
    }
    for seq in u64::from_le_bytes(flushed) + 1..=log_end {
        writer.add(&span(seq), Some((SOURCE, seq)));
    }
    push(writer, log_end);
}

fn work(dir: &Path, log_end: u64, writer: &mut SpanWriter) {
    let mut log = OpenOptions::new()
        .append(true)
        .create(true)
        .open(dir.join("log"))
        .unwrap();
    log.set_len(log_end * 8).unwrap();
    for seq in log_end + 1..RECORDS_MAX {
        log.write_all(&seq.to_le_bytes()).unwrap();
        writer.add(&span(seq), Some((SOURCE, seq)));
        if seq % 7 == 0 {
            push(writer, seq);
        }
        if seq % FLUSH_EVERY == 0 {
            flush_state(dir, seq, writer);
        }
        if seq % 20 == 0 {
            if seq > RECORDS_MIN && dir.join(STOP).exists() {
                push(writer, seq);
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Beside the work: first the spans are safe, then the state is flushed.
fn flush_state(dir: &Path, seq: u64, writer: &mut SpanWriter) {
    push(writer, seq);
    let secured = writer.secure();
    let path = dir.join("state");
    std::thread::spawn(move || {
        while !secured.wait_timeout(Duration::from_secs(1)) {}
        let state = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .unwrap();
        state.write_all_at(&seq.to_le_bytes(), 0).unwrap();
    });
}

/// Memory is small, so that the disk has work; without the wait a slow disk would let it run full, and spans be dropped.
fn push(writer: &mut SpanWriter, upto: u64) {
    writer.push(&[Mark { source: SOURCE, upto }]);
    assert!(
        writer.wait_for_room(Duration::from_secs(60)),
        "the disk takes nothing"
    );
}

fn span(seq: u64) -> Span {
    let seed = seq.to_le_bytes();
    let context = SpanContext::sampled(derive_trace_id(&seed), derive_span_id(&seed, 0));
    let mut span = Span::new(&catalog::ATTEMPT, "Greeter/greet", context, seq, seq + 1);
    span.attributes
        .push(catalog::attr::INVOCATION_ID.value(format!("inv_{seq}")));
    span
}
