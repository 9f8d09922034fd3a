//! Protobuf wire format: tags, varints and lengths.
//!
//! Every `put_` leaves a field with its default value out, and every `_len` says how many bytes its `put_` writes.
//! Lengths are for field numbers below 16, whose tag is one byte; higher numbers add one at the call.
//! A [`Writer`] fills a slice of the computed length: faster than a growing `Vec`, and a wrong length is noticed.

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH_DELIMITED: u32 = 2;
const FIXED32: u32 = 5;

/// A slice that is filled from the front, exactly.
pub(super) struct Writer<'a> {
    rest: &'a mut [u8],
}

/// Appends `len` bytes, which `write` must write all.
#[inline]
pub(super) fn append(len: usize, out: &mut Vec<u8>, write: impl FnOnce(&mut Writer<'_>)) {
    let start = out.len();
    out.resize(start + len, 0);
    let mut writer = Writer {
        rest: &mut out[start..],
    };
    write(&mut writer);
    assert!(writer.rest.is_empty(), "a message is as long as its length says");
}

impl Writer<'_> {
    #[inline]
    fn push(&mut self, byte: u8) {
        self.extend_from_slice(&[byte]);
    }

    #[inline]
    pub(super) fn extend_from_slice(&mut self, bytes: &[u8]) {
        let (head, rest) = std::mem::take(&mut self.rest).split_at_mut(bytes.len());
        head.copy_from_slice(bytes);
        self.rest = rest;
    }
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

pub(super) fn uint_len(value: u64) -> usize {
    if value == 0 { 0 } else { 1 + varint_len(value) }
}

pub(super) fn fixed64_len(value: u64) -> usize {
    if value == 0 { 0 } else { 9 }
}

pub(super) fn fixed32_len(value: u32) -> usize {
    if value == 0 { 0 } else { 5 }
}

#[inline]
fn put_varint(mut value: u64, out: &mut Writer<'_>) {
    while value >= 0x80 {
        out.push(low_byte(value) | 0x80);
        value >>= 7;
    }
    out.push(low_byte(value));
}

fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

#[inline]
fn put_tag(field: u32, wire_type: u32, out: &mut Writer<'_>) {
    put_varint(u64::from(field << 3 | wire_type), out);
}

/// Tag and length of a nested message whose body follows.
#[inline]
pub(super) fn put_message_head(field: u32, body_len: usize, out: &mut Writer<'_>) {
    put_tag(field, LENGTH_DELIMITED, out);
    put_varint(body_len as u64, out);
}

/// A bytes or string field, left out when empty.
#[inline]
pub(super) fn put_bytes(field: u32, bytes: &[u8], out: &mut Writer<'_>) {
    if !bytes.is_empty() {
        put_present_bytes(field, bytes, out);
    }
}

/// A bytes or string field, also when empty: a member of a oneof.
#[inline]
pub(super) fn put_present_bytes(field: u32, bytes: &[u8], out: &mut Writer<'_>) {
    put_message_head(field, bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// An integer field, left out when zero.
#[inline]
pub(super) fn put_uint(field: u32, value: u64, out: &mut Writer<'_>) {
    if value != 0 {
        put_present_uint(field, value, out);
    }
}

/// An integer field, also when zero: a member of a oneof.
#[inline]
pub(super) fn put_present_uint(field: u32, value: u64, out: &mut Writer<'_>) {
    put_tag(field, VARINT, out);
    put_varint(value, out);
}

/// A fixed64 field, left out when zero.
#[inline]
pub(super) fn put_fixed64(field: u32, value: u64, out: &mut Writer<'_>) {
    if value != 0 {
        put_present_fixed64(field, value, out);
    }
}

/// A fixed64 or double field, also when zero: a member of a oneof.
#[inline]
pub(super) fn put_present_fixed64(field: u32, value: u64, out: &mut Writer<'_>) {
    put_tag(field, FIXED64, out);
    out.extend_from_slice(&value.to_le_bytes());
}

/// A fixed32 field, left out when zero.
#[inline]
pub(super) fn put_fixed32(field: u32, value: u32, out: &mut Writer<'_>) {
    if value != 0 {
        put_tag(field, FIXED32, out);
        out.extend_from_slice(&value.to_le_bytes());
    }
}
