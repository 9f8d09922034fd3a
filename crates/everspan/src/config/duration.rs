//! Durations as people write them: `500ms`, `10s`, `1m 30s`, `1d`, and ISO 8601 `PT10S`.
//!
//! `jiff` reads both forms; it is well kept and saves a grammar. It would print a day as `24h`, so the
//! printing is ours. A day is 24 hours; months and years have no fixed length and are refused.

use std::time::Duration;

/// Longest accepted duration: one that can be added to a clock without a thought.
const MAX: Duration = Duration::from_secs(36_500 * 24 * 3600);

/// What the configuration takes as a duration, in words.
pub(super) const FORM: &str = "a duration, such as 500ms, 10s, 1m, 1d or PT10S";

/// The duration `text` stands for, or what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let span: jiff::Span = text.trim().parse().map_err(|_| format!("expected {FORM}"))?;
    let signed = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| "months and years have no fixed length; write days".to_owned())?;
    let duration = Duration::try_from(signed).map_err(|_| "a duration cannot be negative".to_owned())?;
    if duration > MAX {
        Err("a duration cannot exceed 36500d".to_owned())
    } else {
        Ok(duration)
    }
}

/// The duration in the largest units that say it exactly: `1d 2h`, `500ms`, `0s`.
pub(crate) fn show(duration: Duration) -> String {
    let mut parts = Vec::new();
    let mut rest = duration.as_nanos();
    for (unit, nanos) in UNITS {
        let count = rest / nanos;
        rest %= nanos;
        if count > 0 {
            parts.push(format!("{count}{unit}"));
        }
    }
    if parts.is_empty() {
        "0s".to_owned()
    } else {
        parts.join(" ")
    }
}

const UNITS: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in [
            ("500ms", 500),
            ("10s", 10_000),
            (" 10s ", 10_000),
            ("10 seconds", 10_000),
            ("1m", 60_000),
            ("1m 30s", 90_000),
            ("1.5h", 5_400_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("7 days", 604_800_000),
            ("0s", 0),
            ("PT10S", 10_000),
            ("P1DT2H", 93_600_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", FORM),
            ("10", FORM),
            ("soon", FORM),
            ("-1s", "negative"),
            ("1 month", "write days"),
            ("40000d", "36500d"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(nanos in 0..=3_153_600_000_000_000_000u64) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse(&show(duration)), Ok(duration));
        }
    }
}
