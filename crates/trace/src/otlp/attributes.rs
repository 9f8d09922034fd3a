//! `repeated KeyValue` fields.

use std::borrow::Cow;

use super::SPAN_ATTRIBUTES;
use super::wire::{
    Writer, append, message_len, put_bytes, put_message_head, put_present_bytes, put_present_fixed64,
    put_present_uint, varint_len,
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
            let attribute = std::slice::from_ref(attribute);
            let mut bytes = Vec::new();
            append(attributes_len(attribute), &mut bytes, |out| {
                put_attributes(SPAN_ATTRIBUTES, attribute, out);
            });
            encoded.retain(|(key, _)| *key != attribute[0].key);
            encoded.push((attribute[0].key.clone(), bytes));
        }
        Self { encoded }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// The bytes of those whose keys are not among `own`.
    pub(super) fn besides<'a>(&'a self, own: &'a [KeyValue]) -> impl Iterator<Item = &'a [u8]> {
        let is_own = |key: &str| own.iter().any(|attribute| attribute.key == key);
        let others = self.encoded.iter().filter(move |(key, _)| !is_own(key));
        others.map(|(_, bytes)| bytes.as_slice())
    }
}

/// The length of all attributes as fields with a number below 16.
pub(super) fn attributes_len(attributes: &[KeyValue]) -> usize {
    attributes
        .iter()
        .map(|attribute| message_len(attribute_len(attribute)))
        .sum()
}

pub(super) fn put_attributes(field: u32, attributes: &[KeyValue], out: &mut Writer<'_>) {
    for attribute in attributes {
        put_message_head(field, attribute_len(attribute), out);
        put_bytes(1, attribute.key.as_bytes(), out);
        put_message_head(2, value_len(&attribute.value), out);
        put_value(&attribute.value, out);
    }
}

fn attribute_len(attribute: &KeyValue) -> usize {
    let key_len = attribute.key.len();
    let key_field_len = if key_len == 0 { 0 } else { message_len(key_len) };
    key_field_len + message_len(value_len(&attribute.value))
}

fn value_len(value: &Value) -> usize {
    match value {
        Value::Str(text) => message_len(text.len()),
        Value::Bool(_) => 2,
        Value::Int(number) => 1 + varint_len(number.cast_unsigned()),
        Value::Double(_) => 9,
    }
}

/// `AnyValue` is a oneof: the member is written also when it has its default value.
fn put_value(value: &Value, out: &mut Writer<'_>) {
    match value {
        Value::Str(text) => put_present_bytes(1, text.as_bytes(), out),
        Value::Bool(truth) => put_present_uint(2, u64::from(*truth), out),
        Value::Int(number) => put_present_uint(3, number.cast_unsigned(), out),
        Value::Double(number) => put_present_fixed64(4, number.to_bits(), out),
    }
}
