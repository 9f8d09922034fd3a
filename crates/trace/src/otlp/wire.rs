//! Protobuf wire format: tags, varints and lengths.
//!
//! Every `put_` leaves a field with its default value out, unless its name says `present`. Bytes are appended in one
//! pass; tag and length go out together, in one step with what is fixed behind them.
//! Lengths computed by a `_len` are for field numbers below 16, whose tag is one byte; higher numbers add one at the call.

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH_DELIMITED: u8 = 2;
const FIXED32: u8 = 5;

/// The tag of a field below number 16.
const fn tag(field: u8, wire_type: u8) -> u8 {
    field << 3 | wire_type
}

pub(super) fn varint_len(value: u64) -> usize {
    // The number of significant bits divided by seven, rounded up, without a division.
    let significant_bits = (64 - (value | 1).leading_zeros()) as usize;
    (significant_bits * 9 + 64) / 64
}

/// The whole field: tag, length, body.
pub(super) fn message_len(body_len: usize) -> usize {
    1 + varint_len(body_len as u64) + body_len
}

/// A bytes or string field, left out when it is empty.
pub(super) fn bytes_len(bytes: &[u8]) -> usize {
    if bytes.is_empty() {
        0
    } else {
        message_len(bytes.len())
    }
}

pub(super) fn uint_len(value: u64) -> usize {
    if value == 0 { 0 } else { 1 + varint_len(value) }
}

pub(super) fn fixed64_len(value: u64) -> usize {
    if value == 0 { 0 } else { 9 }
}

pub(super) fn fixed32_len(value: u32) -> usize {
    if value == 0 { 0 } else { 5 }
}

fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

#[inline]
pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(low_byte(value) | 0x80);
        value >>= 7;
    }
    out.push(low_byte(value));
}

/// Tag and length of a nested message whose body follows.
#[inline]
pub(super) fn put_message_head(field: u8, body_len: usize, out: &mut Vec<u8>) {
    let tag = tag(field, LENGTH_DELIMITED);
    match u8::try_from(body_len) {
        Ok(len @ 0..0x80) => out.extend_from_slice(&[tag, len]),
        _ => {
            out.push(tag);
            put_varint(body_len as u64, out);
        }
    }
}

/// Tags and lengths of a message and of its first field, both shorter than 128 bytes.
#[inline]
pub(super) fn message_heads([(outer, outer_len), (inner, inner_len)]: [(u8, u8); 2]) -> [u8; 4] {
    let [outer, inner] = [outer, inner].map(|field| tag(field, LENGTH_DELIMITED));
    [outer, outer_len, inner, inner_len]
}

/// A nested message whose length is known when it is written: `put` appends the body.
#[inline]
pub(super) fn put_message(field: u8, out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let start = begin_message(field, out);
    put(out);
    end_message(start, out);
}

/// Begins a message of unknown length; the result is for [`end_message`].
#[inline]
pub(super) fn begin_message(field: u8, out: &mut Vec<u8>) -> usize {
    // Room for a length of two bytes, which most messages that are not short have.
    out.extend_from_slice(&[tag(field, LENGTH_DELIMITED), 0, 0]);
    out.len()
}

/// The body of the message that began at `start` is appended.
#[inline]
pub(super) fn end_message(start: usize, out: &mut Vec<u8>) {
    let body_len = out.len() - start;
    match u16::try_from(body_len) {
        Ok(len @ 0x80..0x4000) => {
            let [low, _] = (len | 0x80).to_le_bytes();
            let [high, _] = (len >> 7).to_le_bytes();
            out[start - 2..start].copy_from_slice(&[low, high]);
        }
        _ => move_body(start, body_len, out),
    }
}

/// The body begins where a length of two bytes would end, but its length is shorter or longer.
#[cold]
fn move_body(start: usize, body_len: usize, out: &mut Vec<u8>) {
    let (mut length, mut count) = ([0; 10], 0);
    let mut rest = body_len as u64;
    while rest >= 0x80 {
        length[count] = low_byte(rest) | 0x80;
        rest >>= 7;
        count += 1;
    }
    length[count] = low_byte(rest);
    out.splice(start - 2..start, length.into_iter().take(count + 1));
}

/// A bytes or string field, left out when empty.
#[inline]
pub(super) fn put_bytes(field: u8, bytes: &[u8], out: &mut Vec<u8>) {
    if !bytes.is_empty() {
        put_present_bytes(field, bytes, out);
    }
}

/// A bytes or string field, also when empty: a member of a oneof.
#[inline]
pub(super) fn put_present_bytes(field: u8, bytes: &[u8], out: &mut Vec<u8>) {
    put_message_head(field, bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// An id of eight bytes.
#[inline]
pub(super) fn put_id8(field: u8, id: [u8; 8], out: &mut Vec<u8>) {
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&[tag(field, LENGTH_DELIMITED), 8]);
    bytes[2..].copy_from_slice(&id);
    out.extend_from_slice(&bytes);
}

/// An id of 16 bytes.
#[inline]
pub(super) fn put_id16(field: u8, id: [u8; 16], out: &mut Vec<u8>) {
    let mut bytes = [0; 18];
    bytes[..2].copy_from_slice(&[tag(field, LENGTH_DELIMITED), 16]);
    bytes[2..].copy_from_slice(&id);
    out.extend_from_slice(&bytes);
}

/// An integer field, left out when zero.
#[inline]
pub(super) fn put_uint(field: u8, value: u64, out: &mut Vec<u8>) {
    if value != 0 {
        put_present_uint(field, value, out);
    }
}

/// An integer field, also when zero: a member of a oneof.
#[inline]
pub(super) fn put_present_uint(field: u8, value: u64, out: &mut Vec<u8>) {
    out.push(tag(field, VARINT));
    put_varint(value, out);
}

/// A fixed64 field, left out when zero.
#[inline]
pub(super) fn put_fixed64(field: u8, value: u64, out: &mut Vec<u8>) {
    if value != 0 {
        put_present_fixed64(field, value, out);
    }
}

/// A fixed64 or double field, also when zero: a member of a oneof.
#[inline]
pub(super) fn put_present_fixed64(field: u8, value: u64, out: &mut Vec<u8>) {
    let mut bytes = [tag(field, FIXED64); 9];
    bytes[1..].copy_from_slice(&value.to_le_bytes());
    out.extend_from_slice(&bytes);
}

/// A fixed32 field, left out when zero.
#[inline]
pub(super) fn put_fixed32(field: u8, value: u32, out: &mut Vec<u8>) {
    if value != 0 {
        let mut bytes = [tag(field, FIXED32); 5];
        bytes[1..].copy_from_slice(&value.to_le_bytes());
        out.extend_from_slice(&bytes);
    }
}

/// A fixed32 field of number 16, whose tag has two bytes, left out when zero.
#[inline]
pub(super) fn put_fixed32_of_field_16(value: u32, out: &mut Vec<u8>) {
    if value != 0 {
        let [a, b, c, d] = value.to_le_bytes();
        out.extend_from_slice(&[0x80 | FIXED32, 1, a, b, c, d]);
    }
}
