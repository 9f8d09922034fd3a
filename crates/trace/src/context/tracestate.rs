//! The `tracestate` header: checked as a whole, kept as text.

/// The header has at most this many members; one with more is invalid.
const MEMBERS_MAX: usize = 32;
/// The longest key and the longest value, in bytes.
const KEY_OR_VALUE_MAX: usize = 256;
/// The longest header that is kept, in bytes: twice what everyone has to hand on. It is stored with the invocation, and
/// stands on each of its spans. Of a longer one members are left out.
const KEPT_MAX: usize = 1024;
/// A member with more bytes than this is the first to go when the header is too long.
const LONG_MEMBER: usize = 128;

/// The members of a valid header, in order, joined by commas without blanks; `None` when the header is invalid.
///
/// Empty members are allowed and left out; of several members with one key the first is kept.
pub(super) fn normalize(header: &str) -> Option<String> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    for member in header.split(',').map(|member| member.trim_matches([' ', '\t'])) {
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=')?;
        if !is_key(key) || !is_value(value) {
            return None;
        }
        if members.iter().any(|(_, known)| *known == key) {
            continue;
        }
        if members.len() == MEMBERS_MAX {
            return None;
        }
        members.push((member, key));
    }
    let mut members: Vec<&str> = members.into_iter().map(|(member, _)| member).collect();
    shorten(&mut members);
    Some(members.join(","))
}

/// Leaves out what is too much, as the specification asks: long members first, then others, each time the last one.
fn shorten(members: &mut Vec<&str>) {
    let joined_len = |members: &[&str]| {
        let bytes: usize = members.iter().map(|member| member.len()).sum();
        bytes + members.len().saturating_sub(1)
    };
    while joined_len(members) > KEPT_MAX {
        let last_long = members.iter().rposition(|member| member.len() > LONG_MEMBER);
        members.remove(last_long.unwrap_or(members.len() - 1));
    }
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
