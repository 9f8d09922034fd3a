use std::io;
use std::sync::{Arc, Mutex};

use everspan_trace::{SpanContext, SpanId, TraceId};
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::decode::arbitrary::{bare_span, batch};

/// A log in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Memory {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn each_span_is_one_line_of_the_log() {
    let memory = Memory::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(memory.clone())
        .with_ansi(false)
        .without_time()
        .finish();
    let mut log = tracing::subscriber::with_default(subscriber, || destination().unwrap());
    let mut broken = bare_span(2, 2);
    broken.name = "two\nlines".into();
    let delivery = log.deliver(&batch(&[bare_span(1, 1), broken])).await;
    assert_eq!(delivery, Delivery::taken());
    let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].contains("INFO everspan::span: Reported span: Span{scope=test, name=work,"));
    assert!(lines[1].contains("name=two\\nlines,"));
}

#[test]
fn a_bare_span_has_no_empty_lists() {
    let expected = "Span{scope=test, name=work, kind=internal, traceId=01010101010101010101010101010101, \
         spanId=0202020202020202, startTsMillis=1, endTsMillis=2, durationMs=1.000, status=UNSET, attributes={}}";
    assert_eq!(Line(&bare_span(1, 2)).to_string(), expected);
}

#[test]
fn a_span_with_everything_says_everything() {
    let mut span = bare_span(1, 2);
    span.kind = SpanKind::Client;
    span.parent = Some(SpanId([3; 8]));
    span.end_ns = 3_481_999;
    span.status = Status::Error("no\u{2028}way".to_owned());
    span.attributes = vec![
        KeyValue::new("a", "1"),
        KeyValue::new("b", 2),
        KeyValue::new("c", 0.5),
        KeyValue::new("d", true),
    ];
    span.events = vec![Event {
        time_ns: 2_000_000,
        name: "suspended".into(),
        attributes: vec![KeyValue::new("everspan.awaiting", "Sleep nap")],
    }];
    span.dropped_events_count = 5;
    let link = |trace, attributes| Link {
        context: SpanContext::sampled(TraceId([trace; 16]), SpanId([8; 8])),
        attributes,
    };
    span.links = vec![link(7, Vec::new()), link(9, vec![KeyValue::new("k", "v")])];
    let expected = "Span{scope=test, name=work, kind=client, traceId=01010101010101010101010101010101, \
         spanId=0202020202020202, parentSpanId=0303030303030303, startTsMillis=1, endTsMillis=3, durationMs=2.481, \
         status=ERROR(no\\u{2028}way), attributes={a=1, b=2, c=0.5, d=true}, \
         events=[suspended@2{everspan.awaiting=Sleep nap}], droppedEvents=5, \
         links=[07070707070707070707070707070707-0808080808080808, \
         09090909090909090909090909090909-0808080808080808{k=v}]}";
    assert_eq!(Line(&span).to_string(), expected);
}
