//! Encoded spans one by one, still as bytes: for who passes some of them on, or all with something added, and need not
//! read more of them than that takes.

use super::attributes::Attributes;
use super::decoder::decode_span;
use super::encoder::EncodedSpans;
use super::fields::{Content, Fields};
use super::wire::put_message_head;
use crate::Span;

/// One span in a row of encoded ones.
#[derive(Clone, Copy, Debug)]
pub struct EncodedSpan<'a> {
    scope: &'a str,
    content: &'a [u8],
}

/// The spans in a concatenation of what [`encode_span`](super::encode_span) wrote; ends where it is malformed.
pub fn encoded_spans<'a>(scope: &'a str, encoded: &'a [u8]) -> impl Iterator<Item = EncodedSpan<'a>> {
    Fields::new(encoded).map_while(move |field| match field {
        Some((2, Content::Bytes(content))) => Some(EncodedSpan { scope, content }),
        _ => None,
    })
}

impl EncodedSpans {
    /// The spans, one by one.
    pub fn each(&self) -> impl Iterator<Item = EncodedSpan<'_>> {
        encoded_spans(self.scope(), self.bytes())
    }
}

impl<'a> EncodedSpan<'a> {
    /// Its scope.
    pub fn scope(&self) -> &'a str {
        self.scope
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        text_of(5, self.content)
    }

    /// The span itself; `None` when it is malformed.
    pub fn decode(&self) -> Option<Span> {
        decode_span(self.scope, self.content).ok()
    }

    /// Appends it with `additional` attributes: the bytes that [`encode_span_with`](super::encode_span_with) writes.
    pub fn put_with(&self, additional: &Attributes, out: &mut Vec<u8>) {
        let is_new = |key: &str| !self.attribute_keys().any(|own| own == key);
        let added = additional.len_if(is_new);
        let (front, back) = self.content.split_at(self.end_of_attributes());
        put_message_head(2, self.content.len() + added, out);
        out.extend_from_slice(front);
        if added > 0 {
            additional.put_if(is_new, out);
        }
        out.extend_from_slice(back);
    }

    fn attribute_keys(&self) -> impl Iterator<Item = &'a str> {
        Fields::new(self.content)
            .flatten()
            .filter_map(|field| match field {
                (9, Content::Bytes(attribute)) => Some(text_of(1, attribute)),
                _ => None,
            })
    }

    /// Fields stand in the order of their numbers; attributes have the number 9.
    fn end_of_attributes(&self) -> usize {
        let mut fields = Fields::new(self.content);
        let mut end = 0;
        while let Some(Some((..=9, _))) = fields.next() {
            end = self.content.len() - fields.rest().len();
        }
        end
    }
}

/// The text of a field; empty where there is none.
fn text_of(number: u64, message: &[u8]) -> &str {
    let found = Fields::new(message).flatten().find_map(|field| match field {
        (found, Content::Bytes(text)) if found == number => Some(text),
        _ => None,
    });
    str::from_utf8(found.unwrap_or_default()).unwrap_or_default()
}
