//! Durations as people write them: `500ms`, `10s`, `1m 30s`, `10 min`, and ISO 8601 `PT10S`.
//!
//! `jiff` reads both forms. A day is 24 hours; months and years have no fixed length and are refused.

use std::time::Duration;

/// Longest accepted duration: one that can be added to a clock without a thought.
const MAX: Duration = Duration::from_secs(36_500 * 24 * 3600);

/// The duration `text` stands for, or what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let span: jiff::Span = text
        .trim()
        .parse()
        .map_err(|_| "expected a duration with its unit, such as 500ms, 10s, 1m, 1d or PT10S".to_owned())?;
    let signed = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| "months and years have no fixed length; write days".to_owned())?;
    let duration = Duration::try_from(signed).map_err(|_| "a duration cannot be negative".to_owned())?;
    if duration > MAX {
        return Err("a duration cannot exceed 36500d".to_owned());
    }
    Ok(duration)
}
