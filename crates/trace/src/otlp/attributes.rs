//! `repeated KeyValue` fields.

use super::wire::{
    Writer, message_len, put_bytes, put_message_head, put_present_bytes, put_present_fixed64,
    put_present_uint, varint_len,
};
use crate::{KeyValue, Value};

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
