//! `repeated KeyValue` fields.

use std::borrow::Cow;

use super::SPAN_ATTRIBUTES;
use super::wire::{
    bytes_len, message_heads, message_len, put_bytes, put_message_head, put_present_bytes,
    put_present_fixed64, put_present_uint, varint_len,
};
use crate::{KeyValue, Value};

/// Attributes that every span of a reporter gets, encoded once: `scope.variables.additional`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Each with its key, so that a span that has it keeps its own.
    encoded: Vec<(Cow<'static, str>, Vec<u8>)>,
}

impl Attributes {
    /// Encodes `attributes` for use with [`encode_span_with`](super::encode_span_with). Of two with one key the last counts.
    pub fn new(attributes: &[KeyValue]) -> Self {
        let mut encoded: Vec<(Cow<'static, str>, Vec<u8>)> = Vec::with_capacity(attributes.len());
        for attribute in attributes {
            let mut bytes = Vec::new();
            put_attributes(SPAN_ATTRIBUTES, std::slice::from_ref(attribute), &mut bytes);
            encoded.retain(|(key, _)| *key != attribute.key);
            encoded.push((attribute.key.clone(), bytes));
        }
        Self { encoded }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// Appends those whose keys are not among `own`.
    #[inline]
    pub(super) fn put_besides(&self, own: &[KeyValue], out: &mut Vec<u8>) {
        for (key, bytes) in &self.encoded {
            if !own.iter().any(|attribute| attribute.key == *key) {
                out.extend_from_slice(bytes);
            }
        }
    }
}

/// The length of all attributes as fields with a number below 16.
pub(super) fn attributes_len(attributes: &[KeyValue]) -> usize {
    let lengths = attributes
        .iter()
        .map(|attribute| message_len(attribute_len(attribute)));
    lengths.sum()
}

#[inline]
pub(super) fn put_attributes(field: u8, attributes: &[KeyValue], out: &mut Vec<u8>) {
    for attribute in attributes {
        if put_short_text(field, attribute, out) {
            continue;
        }
        put_message_head(field, attribute_len(attribute), out);
        put_bytes(1, attribute.key.as_bytes(), out);
        put_message_head(2, value_len(&attribute.value), out);
        put_value(&attribute.value, out);
    }
}

/// Most attributes are texts so short that each of the four lengths is one byte: these go out in four steps instead of
/// eight, to the same bytes.
#[inline]
fn put_short_text(field: u8, attribute: &KeyValue, out: &mut Vec<u8>) -> bool {
    let Value::Str(text) = &attribute.value else {
        return false;
    };
    let (key, text) = (attribute.key.as_bytes(), text.as_bytes());
    let whole = key.len() + text.len() + 6;
    let (Ok(whole @ 0..0x80), Ok(key_len @ 1..), Ok(text_len)) = (
        u8::try_from(whole),
        u8::try_from(key.len()),
        u8::try_from(text.len()),
    ) else {
        return false;
    };
    out.extend_from_slice(&message_heads([(field, whole), (1, key_len)]));
    out.extend_from_slice(key);
    out.extend_from_slice(&message_heads([(2, text_len + 2), (1, text_len)]));
    out.extend_from_slice(text);
    true
}

#[inline]
fn attribute_len(attribute: &KeyValue) -> usize {
    bytes_len(attribute.key.as_bytes()) + message_len(value_len(&attribute.value))
}

#[inline]
fn value_len(value: &Value) -> usize {
    match value {
        Value::Str(text) => message_len(text.len()),
        Value::Bool(_) => 2,
        Value::Int(number) => 1 + varint_len(number.cast_unsigned()),
        Value::Double(_) => 9,
    }
}

/// `AnyValue` is a oneof: the member is written also when it has its default value.
#[inline]
fn put_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Str(text) => put_present_bytes(1, text.as_bytes(), out),
        Value::Bool(truth) => put_present_uint(2, u64::from(*truth), out),
        Value::Int(number) => put_present_uint(3, number.cast_unsigned(), out),
        Value::Double(number) => put_present_fixed64(4, number.to_bits(), out),
    }
}
