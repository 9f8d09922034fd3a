//! Encoded spans back into spans, for destinations that do not speak OTLP.
//!
//! What comes in was written by `everspan_trace::otlp::encode_span`, perhaps by an earlier version and perhaps a while
//! ago, from the spool. A span that cannot be read costs itself only.

use everspan_trace::{Span, otlp};

use crate::Batch;

/// What could be read of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// The spans, per scope in the order in which they ended.
    pub spans: Vec<Span>,
    /// How many spans of the batch could not be read.
    pub unreadable: u64,
    /// Why the first of them could not.
    pub why: Option<String>,
}

/// Reads all spans of a batch.
pub fn decode(batch: &Batch) -> Decoded {
    let mut decoded = Decoded::default();
    for (scope, encoded) in batch.scopes() {
        for span in otlp::decode_spans(scope, encoded) {
            match span {
                Ok(span) => decoded.spans.push(span),
                Err(malformed) => {
                    decoded
                        .why
                        .get_or_insert_with(|| format!("scope `{scope}`: {malformed}"));
                }
            }
        }
    }
    decoded.unreadable = (batch.spans() as u64).saturating_sub(decoded.spans.len() as u64);
    decoded
}

#[cfg(test)]
pub(crate) mod arbitrary;
#[cfg(test)]
mod tests;
