//! What is kept of what the sampler leaves out, as the configuration writes it: `failed`, `slow:2s`.

use std::fmt;
use std::time::Duration;

use crate::config::duration;

/// What the configuration takes, in words.
pub(super) const FORM: &str = "failed, slow:DURATION such as slow:2s, or both";

/// Invocations that are reported although the sampler left them out; decided when they end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Those that fail.
    pub failed: bool,
    /// Those that take this long or longer.
    pub slow: Option<Duration>,
}

/// What the names in `text`, with commas between them, amount to, or what is wrong with them.
pub(super) fn parse(text: &str) -> Result<Keep, String> {
    let mut keep = Keep::default();
    for name in text.split(',').map(str::trim) {
        match name.split_once(':') {
            None if name == "failed" => keep.failed = true,
            Some(("slow", least)) => {
                let least = duration::parse(least).map_err(|why| format!("{name:?}: {why}"))?;
                if least.is_zero() {
                    return Err(format!(
                        "{name:?} would keep every invocation; that is a matter of the sampler"
                    ));
                }
                keep.slow = Some(least);
            }
            _ => return Err(format!("{name:?} is unknown; expected {FORM}")),
        }
    }
    Ok(keep)
}

impl fmt::Display for Keep {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slow = self.slow.map(|least| format!("slow:{}", duration::show(least)));
        let failed = self.failed.then(|| "failed".to_owned());
        let names: Vec<String> = failed.into_iter().chain(slow).collect();
        out.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_and_shown() {
        for (text, failed, slow_ms) in [
            ("failed", true, None),
            ("slow:2s", false, Some(2000)),
            ("failed,slow:1500ms", true, Some(1500)),
            (" slow:1m 30s , failed ", true, Some(90_000)),
        ] {
            let keep = Keep {
                failed,
                slow: slow_ms.map(Duration::from_millis),
            };
            assert_eq!(parse(text), Ok(keep), "{text}");
            assert_eq!(parse(&keep.to_string()), Ok(keep), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_kept_is_refused_with_its_name() {
        for (text, reason) in [
            ("slow", "\"slow\" is unknown; expected failed, slow:DURATION"),
            ("failed,", "\"\" is unknown"),
            ("slow:soon", "\"slow:soon\": expected a duration"),
            ("slow:0s", "would keep every invocation"),
            ("failed:2s", "\"failed:2s\" is unknown"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }
}
