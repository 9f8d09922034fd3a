//! Where a span stands: its ids, flags and trace state, and their form as W3C Trace Context headers (level 2).

mod tracestate;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::ids::hex_bytes;
use crate::{SpanId, TraceId};

/// The trace flag that says: this trace is recorded.
pub const FLAG_SAMPLED: u8 = 0x01;
/// The trace flag that says: the right-most seven bytes of the trace id are random.
pub const FLAG_RANDOM: u8 = 0x02;

/// The length of a `traceparent` of version 00, and the part of a later version that is understood.
const TRACEPARENT_LEN: usize = 55;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The identity of a span, as it is handed from process to process.
#[derive(BorshSerialize, BorshDeserialize, Clone, PartialEq, Eq, Debug)]
pub struct SpanContext {
    /// The trace, never zero.
    pub trace_id: TraceId,
    /// The span, never zero.
    pub span_id: SpanId,
    /// W3C trace flags: [`FLAG_SAMPLED`], [`FLAG_RANDOM`], and unknown ones of version 00 as received.
    pub flags: u8,
    /// The `tracestate` header, valid and normalized, at most 1024 bytes; empty when there is none.
    pub trace_state: String,
}

impl SpanContext {
    /// A context that is recorded and has no trace state.
    pub fn sampled(trace_id: TraceId, span_id: SpanId) -> Self {
        Self {
            trace_id,
            span_id,
            flags: FLAG_SAMPLED,
            trace_state: String::new(),
        }
    }

    /// Reads the two headers. `None` when `traceparent` is invalid, in which case a new trace begins;
    /// an invalid `tracestate` is left out and the rest is used, and one that is too long loses whole members.
    ///
    /// Of a header that came in several lines, `traceparent` is invalid and `tracestate` is joined by commas: both are
    /// the caller's work.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let text = traceparent.trim_matches([' ', '\t']).as_bytes();
        let fields = text.get(..TRACEPARENT_LEN)?;
        if fields[2] != b'-' || fields[35] != b'-' || fields[52] != b'-' {
            return None;
        }
        let [version] = hex_bytes::<1>(&fields[..2])?;
        if !rest_is_allowed(version, &text[TRACEPARENT_LEN..]) {
            return None;
        }
        let trace_id = TraceId(hex_bytes(&fields[3..35])?);
        let span_id = SpanId(hex_bytes(&fields[36..52])?);
        let [flags] = hex_bytes::<1>(&fields[53..])?;
        // What a bit means that a later version added is not known, and what leaves is of version 00.
        let flags = if version == 0 {
            flags
        } else {
            flags & (FLAG_SAMPLED | FLAG_RANDOM)
        };
        if !trace_id.is_valid() || !span_id.is_valid() {
            return None;
        }
        let trace_state = tracestate.and_then(tracestate::normalize).unwrap_or_default();
        Some(Self {
            trace_id,
            span_id,
            flags,
            trace_state,
        })
    }

    /// The `traceparent` header of version 00, also when the trace is not recorded.
    pub fn traceparent(&self) -> String {
        let mut text = String::with_capacity(TRACEPARENT_LEN);
        text.push_str("00-");
        push_hex(&self.trace_id.0, &mut text);
        text.push('-');
        push_hex(&self.span_id.0, &mut text);
        text.push('-');
        push_hex(&[self.flags], &mut text);
        text
    }

    /// Whether the trace is recorded.
    pub fn is_sampled(&self) -> bool {
        self.flags & FLAG_SAMPLED != 0
    }

    /// The context of another span in the same trace: same flags, same trace state.
    pub fn with_span_id(&self, span_id: SpanId) -> Self {
        Self {
            span_id,
            ..self.clone()
        }
    }
}

/// Version 00 ends after the flags; a later version may go on after a dash; ff is forbidden.
fn rest_is_allowed(version: u8, rest: &[u8]) -> bool {
    match version {
        0x00 => rest.is_empty(),
        0xff => false,
        _ => rest.is_empty() || rest[0] == b'-',
    }
}

/// Every attempt sends a `traceparent`: by hand, at a fifth of what formatting would take.
fn push_hex(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests;
