//! The log reporter: each span is one line of the process's own log, at level INFO under the target `everspan::span`.
//!
//! ```text
//! Reported span: Span{scope=everspan.invocation, name=invocation-attempt Greeter/greet, kind=client,
//!     traceId=4bf92f3577b34da6a3ce929d0e0e4736, spanId=00f067aa0ba902b7, parentSpanId=b9c7c989f97918e1,
//!     startTsMillis=1795266852123, endTsMillis=1795266852125, durationMs=2.481, status=OK,
//!     attributes={rpc.service=Greeter, …}, events=[suspended@1795266852125{everspan.awaiting=Sleep nap}],
//!     links=[4bf92f3577b34da6a3ce929d0e0e4736-53995c3f42cd8ad8]}
//! ```
//!
//! (Here in several lines to be read; `parentSpanId`, `events` and `links` are left out when there are none.) The form
//! is that of Flink's Slf4j reporter, with ids, kind and status. Control characters are escaped, so a span stays on
//! its line whatever it carries.

use std::fmt::{self, Write};

use everspan_trace::{Event, KeyValue, Link, Span, SpanKind, Status, Value};

use crate::blocking::{BlockingDestination, on_own_thread};
use crate::decode::decode;
use crate::{Batch, Delivery, Destination, ExportError};

/// Starts the thread that writes lines.
pub fn destination() -> Result<Box<dyn Destination>, ExportError> {
    on_own_thread("everspan-lines", LogLines)
}

struct LogLines;

impl BlockingDestination for LogLines {
    fn deliver(&mut self, batch: &Batch) -> Delivery {
        let decoded = decode(batch);
        for span in &decoded.spans {
            tracing::info!(target: "everspan::span", "Reported span: {}", Line(span));
        }
        Delivery::Taken {
            rejected: decoded.unreadable,
            message: decoded.why,
        }
    }

    fn place(&self) -> String {
        "the log, target everspan::span".to_owned()
    }
}

/// A span as it stands in the log.
struct Line<'a>(&'a Span);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.0;
        write!(
            f,
            "Span{{scope={}, name={}",
            OneLine(&span.scope),
            OneLine(&span.name)
        )?;
        write!(f, ", kind={}", kind_name(span.kind))?;
        write!(
            f,
            ", traceId={}, spanId={}",
            span.context.trace_id, span.context.span_id
        )?;
        if let Some(parent) = span.parent {
            write!(f, ", parentSpanId={parent}")?;
        }
        let (start_ms, end_ms) = (span.start_ns / 1_000_000, span.end_ns / 1_000_000);
        write!(f, ", startTsMillis={start_ms}, endTsMillis={end_ms}")?;
        let micros = span.end_ns.saturating_sub(span.start_ns) / 1_000;
        write!(f, ", durationMs={}.{:03}", micros / 1_000, micros % 1_000)?;
        match &span.status {
            Status::Unset => f.write_str(", status=UNSET")?,
            Status::Ok => f.write_str(", status=OK")?,
            Status::Error(message) => write!(f, ", status=ERROR({})", OneLine(message))?,
        }
        write!(f, ", attributes={}", Attributes(&span.attributes))?;
        write_list(f, ", events=", &span.events, write_event)?;
        if span.dropped_events_count > 0 {
            write!(f, ", droppedEvents={}", span.dropped_events_count)?;
        }
        write_list(f, ", links=", &span.links, write_link)?;
        f.write_str("}")
    }
}

fn write_list<T>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    items: &[T],
    write_item: fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    f.write_str(title)?;
    for (index, item) in items.iter().enumerate() {
        f.write_str(if index == 0 { "[" } else { ", " })?;
        write_item(f, item)?;
    }
    f.write_str("]")
}

fn write_event(f: &mut fmt::Formatter<'_>, event: &Event) -> fmt::Result {
    let millis = event.time_ns / 1_000_000;
    write!(
        f,
        "{}@{millis}{}",
        OneLine(&event.name),
        Attributes(&event.attributes)
    )
}

fn write_link(f: &mut fmt::Formatter<'_>, link: &Link) -> fmt::Result {
    write!(f, "{}-{}", link.context.trace_id, link.context.span_id)?;
    if link.attributes.is_empty() {
        return Ok(());
    }
    write!(f, "{}", Attributes(&link.attributes))
}

struct Attributes<'a>(&'a [KeyValue]);

impl fmt::Display for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, attribute) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            write!(f, "{}=", OneLine(&attribute.key))?;
            match &attribute.value {
                Value::Str(text) => write!(f, "{}", OneLine(text))?,
                Value::Int(number) => write!(f, "{number}")?,
                Value::Double(number) => write!(f, "{number:?}")?,
                Value::Bool(truth) => write!(f, "{truth}")?,
            }
        }
        f.write_str("}")
    }
}

/// Text without line breaks and other control characters.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            // The two separators are line breaks to some viewers.
            if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

fn kind_name(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}

#[cfg(test)]
mod tests;
