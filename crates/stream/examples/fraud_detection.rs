//! Finds a small payment that is followed by a large one within a minute: how stolen cards are tried.
//!
//! ```sh
//! cargo run -p everspan-stream --example fraud_detection -- --transactions 100000 --output /tmp/alerts \
//!     -D traces.reporter.files.factory=jaeger-file -D traces.reporter.files.path=/tmp/alert-traces
//! cat /tmp/alerts/part-*
//! ```
//!
//! State remembers the small payment of an account, a timer forgets it after a minute so that state does not grow, and each
//! alert is a span.

use std::process::ExitCode;
use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_stream::{
    Collector, FileSink, GeneratorSource, JobProgram, KeyedContext, KeyedOpenContext, KeyedProcessFunction,
    OnTimerContext, Parameters, Result, StreamExecutionEnvironment, ValueState, ValueStateDescriptor,
    WatermarkStrategy,
};
use everspan_trace::{MetricGroup, Span};

const SMALL_CENTS: u64 = 100;
const LARGE_CENTS: u64 = 50_000;
const MINUTE_MS: i64 = 60_000;

fn main() -> ExitCode {
    program().run(build)
}

pub(crate) fn program() -> JobProgram {
    JobProgram::new(
        "fraud-detection",
        "Finds small payments that are followed by large ones.",
    )
    .parameter_or("transactions", "100000", "How many payments are made up")
    .parameter_or("output", "alerts", "Directory of the alerts")
}

pub(crate) fn build(env: &StreamExecutionEnvironment, parameters: &Parameters) -> Result {
    let count = parameters.parsed("transactions", "a whole number")?;
    let by_time = WatermarkStrategy::for_bounded_out_of_orderness(Duration::from_secs(1));
    env.from_source(GeneratorSource::new(count, Transaction::number), "transactions")
        .uid("transactions")
        .set_parallelism(1) // payments of an account come in the order of their times
        .assign_timestamps_and_watermarks(
            by_time.with_timestamp_assigner(|transaction: &Transaction, _| transaction.time_ms),
        )
        .key_by(|transaction| transaction.account)
        .process(FraudDetector::default())
        .name("fraud-detector")
        .uid("fraud-detector")
        .sink_to_as(FileSink::text_lines(parameters.get("output")), "alerts");
    Ok(())
}

/// A payment.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Transaction {
    pub(crate) account: u64,
    pub(crate) time_ms: i64,
    pub(crate) cents: u64,
}

impl Transaction {
    /// The same for the same number: ten a second, of a thousand accounts, amounts of every size.
    pub(crate) fn number(number: u64) -> Self {
        let mixed = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = mixed ^ (mixed >> 29);
        let size = [50, 700, 3_000, 12_000, 60_000][usize::try_from(mixed % 5).expect("below five")];
        Self {
            account: (mixed >> 8) % 1000,
            time_ms: i64::try_from(number * 100).expect("few transactions"),
            cents: size + (mixed >> 40) % 40,
        }
    }
}

/// Remembers of each account whether its last payment was a small one.
#[derive(Clone, Default)]
struct FraudDetector {
    /// When a small payment came, and with it the timer that forgets it.
    small_at: ValueState<i64>,
    spans: Option<MetricGroup>,
}

impl KeyedProcessFunction<u64, Transaction> for FraudDetector {
    type Out = String;

    fn open(&mut self, ctx: &mut KeyedOpenContext<'_, u64>) -> Result {
        self.small_at = ctx.get_state(ValueStateDescriptor::new("small-at"))?;
        self.spans = Some(ctx.runtime_context().metric_group().clone());
        Ok(())
    }

    fn process_element(
        &mut self,
        transaction: Transaction,
        ctx: &mut KeyedContext<'_, u64>,
        out: &mut impl Collector<String>,
    ) -> Result {
        if let Some(small_at) = self.small_at.value(ctx)? {
            // The timer comes with the watermark, which may be behind.
            let is_soon = transaction.time_ms - small_at < MINUTE_MS;
            if is_soon && transaction.cents >= LARGE_CENTS {
                self.alert(small_at, &transaction, out);
            }
            self.small_at.clear(ctx)?;
            ctx.timer_service()
                .delete_event_time_timer(small_at + MINUTE_MS)?;
        }
        if transaction.cents < SMALL_CENTS {
            self.small_at.update(ctx, transaction.time_ms)?;
            ctx.timer_service()
                .register_event_time_timer(transaction.time_ms + MINUTE_MS)?;
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        _timestamp: i64,
        ctx: &mut OnTimerContext<'_, u64>,
        _out: &mut impl Collector<String>,
    ) -> Result {
        self.small_at.clear(ctx)
    }
}

impl FraudDetector {
    fn alert(&self, small_at: i64, large: &Transaction, out: &mut impl Collector<String>) {
        let Transaction {
            account,
            time_ms,
            cents,
        } = large;
        out.collect(format!(
            "account {account} paid {cents} cents {} ms after a small payment",
            time_ms - small_at
        ));
        if let Some(spans) = &self.spans {
            let span = Span::builder("examples::FraudDetector", "Alert")
                .start_ts_millis(u64::try_from(small_at).unwrap_or(0))
                .end_ts_millis(u64::try_from(*time_ms).unwrap_or(0))
                .attribute("account", i64::try_from(*account).unwrap_or(i64::MAX))
                .attribute("cents", i64::try_from(*cents).unwrap_or(i64::MAX));
            spans.add_span(span);
        }
    }
}
