//! Texts of services and users, as spans carry them: never so long that a collector refuses the span.

use std::borrow::Cow;

/// The longest error message on a span, bytes.
pub(super) const MESSAGE_MAX: usize = 8 * 1024;
/// The longest stack trace, bytes.
pub(super) const STACKTRACE_MAX: usize = 32 * 1024;
/// The longest name, state key or target on an event, of which a span has many, bytes.
pub(super) const EVENT_TEXT_MAX: usize = 2 * 1024;

/// At most `max` bytes of a text; where something is missing it ends in `…`.
pub(super) fn cut(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return text.into();
    }
    let end = text.floor_char_boundary(max - '…'.len_utf8());
    format!("{}…", &text[..end]).into()
}

/// RFC 3339, from ms since the epoch; empty beyond the year 9999.
pub(super) fn rfc3339(at_ms: u64) -> String {
    let at = i64::try_from(at_ms)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map(|timestamp| timestamp.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_two_characters_and_says_so() {
        let cases = [
            ("short", 5, "short"),
            ("longer", 5, "lo…"),
            ("ääää", 6, "ä…"),
            ("€€", 5, "…"),
        ];
        for (text, max, expected) in cases {
            let cut = cut(text, max);
            assert_eq!(cut, expected);
            assert!(cut.len() <= max);
        }
    }
}
