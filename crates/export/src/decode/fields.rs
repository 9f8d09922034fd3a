//! The spans in a row of encoded ones, one by one.

use bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint};

/// The number of `ScopeSpans.spans`.
const SPANS_FIELD: u32 = 2;

/// Walks over `ScopeSpans.spans` fields; ends after the first thing that is none.
pub(super) struct SpanFields<'a> {
    rest: &'a [u8],
}

impl<'a> SpanFields<'a> {
    pub(super) fn new(encoded: &'a [u8]) -> Self {
        Self { rest: encoded }
    }

    fn take_field(&mut self) -> Result<&'a [u8], String> {
        let unreadable = |error| format!("a row of spans is unreadable: {error}");
        let (field, wire_type) = decode_key(&mut self.rest).map_err(unreadable)?;
        if (field, wire_type) != (SPANS_FIELD, WireType::LengthDelimited) {
            return Err(format!(
                "field {field} of wire type {wire_type:?} in a row of spans"
            ));
        }
        let len = decode_varint(&mut self.rest).map_err(unreadable)?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > self.rest.len() {
            return Err(format!(
                "a span of {len} bytes is cut off after {}",
                self.rest.len()
            ));
        }
        let (span, _) = self.rest.split_at(len);
        self.rest.advance(len);
        Ok(span)
    }
}

impl<'a> Iterator for SpanFields<'a> {
    type Item = Result<&'a [u8], String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.take_field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}
