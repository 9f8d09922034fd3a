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
        self.put_if(|key| !own.iter().any(|attribute| attribute.key == key), out);
    }

    /// Appends those whose keys are wanted.
    #[inline]
    pub(super) fn put_if(&self, is_wanted: impl Fn(&str) -> bool, out: &mut Vec<u8>) {
        for (_, bytes) in self.encoded.iter().filter(|(key, _)| is_wanted(key)) {
            out.extend_from_slice(bytes);
        }
    }

    /// How many bytes [`put_if`](Attributes::put_if) appends.
    pub(super) fn len_if(&self, is_wanted: impl Fn(&str) -> bool) -> usize {
        let wanted = self.encoded.iter().filter(|(key, _)| is_wanted(key));
        wanted.map(|(_, bytes)| bytes.len()).sum()
    }
}

/// A value to be written.
#[derive(Clone, Copy)]
pub(super) enum ValueRef<'a> {
    Str(&'a str),
    Int(i64),
    Double(f64),
    Bool(bool),
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Str(text) => Self::Str(text),
            Value::Int(number) => Self::Int(*number),
            Value::Double(number) => Self::Double(*number),
            Value::Bool(truth) => Self::Bool(*truth),
        }
    }
}

/// The length of all attributes as fields with a number below 16.
pub(super) fn attributes_len(attributes: &[KeyValue]) -> usize {
    let lengths = attributes
        .iter()
        .map(|attribute| message_len(attribute_len(&attribute.key, (&attribute.value).into())));
    lengths.sum()
}

#[inline]
pub(super) fn put_attributes(field: u8, attributes: &[KeyValue], out: &mut Vec<u8>) {
    for attribute in attributes {
        put_attribute(field, &attribute.key, (&attribute.value).into(), out);
    }
}

#[inline]
pub(super) fn put_attribute(field: u8, key: &str, value: ValueRef<'_>, out: &mut Vec<u8>) {
    if let ValueRef::Str(text) = value
        && put_short_text(field, key, text, out)
    {
        return;
    }
    put_message_head(field, attribute_len(key, value), out);
    put_bytes(1, key.as_bytes(), out);
    put_message_head(2, value_len(value), out);
    put_value(value, out);
}

/// Most attributes are texts so short that each of the four lengths is one byte: these go out in four steps instead of
/// eight, to the same bytes.
#[inline]
fn put_short_text(field: u8, key: &str, text: &str, out: &mut Vec<u8>) -> bool {
    let (key, text) = (key.as_bytes(), text.as_bytes());
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
fn attribute_len(key: &str, value: ValueRef<'_>) -> usize {
    bytes_len(key.as_bytes()) + message_len(value_len(value))
}

#[inline]
fn value_len(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Str(text) => message_len(text.len()),
        ValueRef::Bool(_) => 2,
        ValueRef::Int(number) => 1 + varint_len(number.cast_unsigned()),
        ValueRef::Double(_) => 9,
    }
}

/// `AnyValue` is a oneof: the member is written also when it has its default value.
#[inline]
fn put_value(value: ValueRef<'_>, out: &mut Vec<u8>) {
    match value {
        ValueRef::Str(text) => put_present_bytes(1, text.as_bytes(), out),
        ValueRef::Bool(truth) => put_present_uint(2, u64::from(truth), out),
        ValueRef::Int(number) => put_present_uint(3, number.cast_unsigned(), out),
        ValueRef::Double(number) => put_present_fixed64(4, number.to_bits(), out),
    }
}
