//! The `tracestate` header: checked as a whole, kept as text.

use std::collections::BTreeSet;

/// The header has at most this many members; one with more is invalid.
const MEMBERS_MAX: usize = 32;
/// The longest key and the longest value, in bytes.
const KEY_OR_VALUE_MAX: usize = 256;

/// The members of a valid header, in order, joined by commas without blanks; `None` when the header is invalid.
///
/// Empty members are allowed and left out; of several members with one key the first is kept.
pub(super) fn normalize(header: &str) -> Option<String> {
    let mut keys = BTreeSet::new();
    let mut kept = String::with_capacity(header.len());
    for member in header.split(',').map(|member| member.trim_matches([' ', '\t'])) {
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=')?;
        if !is_key(key) || !is_value(value) {
            return None;
        }
        if !keys.insert(key) {
            continue;
        }
        if keys.len() > MEMBERS_MAX {
            return None;
        }
        if !kept.is_empty() {
            kept.push(',');
        }
        kept.push_str(member);
    }
    Some(kept)
}

/// A lower-case letter or digit, then up to 255 of `a-z 0-9 _ - * / @`.
fn is_key(key: &str) -> bool {
    let is_start = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_rest = |c: u8| is_start(c) || b"_-*/@".contains(&c);
    let mut bytes = key.bytes();
    key.len() <= KEY_OR_VALUE_MAX && bytes.next().is_some_and(is_start) && bytes.all(is_rest)
}

/// Up to 256 printable ASCII characters without comma and equals sign, the last one not a blank.
fn is_value(value: &str) -> bool {
    let is_char = |c: u8| matches!(c, 0x20..=0x7e) && c != b',' && c != b'=';
    !value.is_empty()
        && value.len() <= KEY_OR_VALUE_MAX
        && value.bytes().all(is_char)
        && !value.ends_with(' ')
}
