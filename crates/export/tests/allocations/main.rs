//! What a caller pays: a writer in its stride asks the system for no memory.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use everspan_export::{Batch, Delivery, Destination, Mark, Pipeline, PipelineOptions, Reporter, Reporters};
use everspan_trace::{Span, SpanContext, catalog, derive_span_id, derive_trace_id};

/// Takes everything and keeps nothing.
struct Nowhere;

impl Destination for Nowhere {
    fn deliver<'a>(&'a mut self, _: &'a Batch) -> Pin<Box<dyn Future<Output = Delivery> + Send + 'a>> {
        Box::pin(std::future::ready(Delivery::taken()))
    }

    fn place(&self) -> String {
        "nowhere".to_owned()
    }
}

fn span() -> Span {
    let context = SpanContext::sampled(derive_trace_id(b"1"), derive_span_id(b"1", 0));
    let mut span = Span::new(&catalog::ATTEMPT, "Greeter/greet", context, 1, 2);
    span.attributes.push(catalog::attr::INVOCATION_ID.value("inv_1"));
    span
}

#[test]
fn a_span_costs_its_writer_no_allocation_once_it_is_in_its_stride() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let reporter = |name| {
        let options = PipelineOptions::new(name);
        Reporter::new(Pipeline::start(options, Box::new(Nowhere), &[], runtime.handle()).unwrap())
    };
    let reporters = Reporters::new(vec![reporter("a"), reporter("b")]);
    let mut writer = reporters.writer();
    let span = span();
    let mut turn = |turns: std::ops::Range<u64>| {
        for seq in turns {
            for _ in 0..20 {
                writer.add(&span, Some((1, seq)));
            }
            writer.push(&[Mark { source: 1, upto: seq }]);
        }
    };
    turn(0..200);
    runtime.block_on(reporters.flush(Duration::from_secs(20)));
    turn(200..201); // opens a batch
    let one_batch = allocation_counter::measure(|| turn(201..211));
    // What is left is the growth of the batch's buffer, where it is a new one: doubling, not one per span.
    assert!(
        one_batch.count_total <= 16,
        "{one_batch:?} for 200 spans and two reporters"
    );
    runtime.block_on(reporters.shutdown(Duration::from_secs(20)));
    assert_eq!(reporters.counters()[1].1.exported, 211 * 20);
}
