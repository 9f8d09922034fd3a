//! From OTLP protobuf to OTLP/JSON, without structs in between.
//!
//! The mapping is that of protobuf's own JSON form, with the exceptions of the OTLP specification ("JSON Protobuf
//! Encoding"): ids in hexadecimal, enums as numbers. 64-bit integers are strings, names are lowerCamelCase, fields with
//! their default value are left out. Fields that `everspan_trace` never writes are not known here, and left out too.

mod schema;
mod wire;

use std::fmt;

use schema::{Message, REQUEST, Shape};
use wire::{Fields, Value};

/// The bytes are no OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the batch is no OTLP protobuf")
    }
}

/// An `ExportTraceServiceRequest`.
pub(super) fn export_request(protobuf: &[u8]) -> Result<Vec<u8>, Malformed> {
    // Names and quotes take about as much room as the values.
    let mut out = Vec::with_capacity(protobuf.len() * 2);
    put_message(&REQUEST, protobuf, &mut out)?;
    Ok(out)
}

fn put_message(message: &Message, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    out.push(b'{');
    let mut is_first = true;
    for field in message.0 {
        let mut values = Fields::of(bytes).filter_map(|found| match found {
            Ok((number, value)) => (number == field.number).then_some(Ok(value)),
            Err(malformed) => Some(Err(malformed)),
        });
        let first = match values.next().transpose()? {
            Some(first) => first,
            None if matches!(field.shape, Shape::Key) => Value::Bytes(b""),
            None => continue,
        };
        if !std::mem::take(&mut is_first) {
            out.push(b',');
        }
        put_name(field.name, out);
        if let Shape::Repeated(item) = &field.shape {
            out.push(b'[');
            put_message(item, first.bytes()?, out)?;
            for value in values {
                out.push(b',');
                put_message(item, value?.bytes()?, out)?;
            }
            out.push(b']');
        } else {
            // Protobuf: of a field that comes twice, the last counts.
            let last = values.try_fold(first, |_, value| value)?;
            put_value(&field.shape, last, out)?;
        }
    }
    out.push(b'}');
    Ok(())
}

fn put_name(name: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn put_value(shape: &Shape, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    match shape {
        Shape::Text | Shape::Key => put_text(value.text()?, out),
        Shape::Hex => put_hex(value.bytes()?, out),
        Shape::Bool => put(value.varint()? != 0, out),
        Shape::Number => put(value.unsigned()?, out),
        Shape::Unsigned64 => put(format_args!("\"{}\"", value.unsigned()?), out),
        Shape::Signed64 => put(format_args!("\"{}\"", value.varint()?.cast_signed()), out),
        Shape::Double => put_double(f64::from_bits(value.fixed64()?), out),
        Shape::Message(message) | Shape::Repeated(message) => put_message(message, value.bytes()?, out)?,
    }
    Ok(())
}

fn put(value: impl fmt::Display, out: &mut Vec<u8>) {
    use std::io::Write;
    write!(out, "{value}").expect("a vector takes all that is written");
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a text is JSON, and a vector takes all that is written");
}

fn put_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
    out.push(b'"');
}

/// JSON has no words for what is not finite; protobuf's JSON form has.
fn put_double(number: f64, out: &mut Vec<u8>) {
    if number.is_finite() {
        serde_json::to_writer(out, &number)
            .expect("a number is JSON, and a vector takes all that is written");
    } else if number.is_nan() {
        put_text("NaN", out);
    } else {
        put_text(if number > 0.0 { "Infinity" } else { "-Infinity" }, out);
    }
}

#[cfg(test)]
mod tests;
