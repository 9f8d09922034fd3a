//! Which traces are recorded: the names are OpenTelemetry's, the ratio follows a colon.

use std::fmt;

/// The sampling decision, taken once per trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// Follow the caller's decision when the request carries one.
    pub parent_based: bool,
    /// The decision for traces that begin here.
    pub root: RootSampler,
}

/// The decision for a trace that begins here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RootSampler {
    /// Record all.
    AlwaysOn,
    /// Record none.
    AlwaysOff,
    /// Record this share of the traces, from 0 to 1, chosen by trace id.
    TraceIdRatio(f64),
}

/// What the configuration takes as a sampler, in words.
pub(super) const FORM: &str = "always_on, always_off, traceidratio:R (R from 0 to 1), \
     or one of them with parentbased_ before it";

/// The sampler `text` names, or what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Sampler, String> {
    let text = text.trim();
    let (parent_based, root) = match text.strip_prefix("parentbased_") {
        Some(root) => (true, root),
        None => (false, text),
    };
    let root = match root {
        "always_on" => RootSampler::AlwaysOn,
        "always_off" => RootSampler::AlwaysOff,
        _ => root
            .strip_prefix("traceidratio:")
            .and_then(|ratio| ratio.trim().parse().ok())
            .filter(|ratio| (0.0..=1.0).contains(ratio))
            .map(RootSampler::TraceIdRatio)
            .ok_or_else(|| format!("expected {FORM}"))?,
    };
    Ok(Sampler { parent_based, root })
}

impl fmt::Display for Sampler {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.parent_based {
            out.write_str("parentbased_")?;
        }
        match self.root {
            RootSampler::AlwaysOn => out.write_str("always_on"),
            RootSampler::AlwaysOff => out.write_str("always_off"),
            RootSampler::TraceIdRatio(ratio) => write!(out, "traceidratio:{ratio}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sampler_reads_back_as_it_is_written() {
        for text in [
            "always_on",
            "parentbased_always_off",
            "traceidratio:0.25",
            "parentbased_traceidratio:1",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_unknown_sampler_is_refused() {
        for text in [
            "",
            "on",
            "traceidratio",
            "traceidratio:1.5",
            "traceidratio:NaN",
            "jaeger_remote",
        ] {
            assert!(parse(text).unwrap_err().contains("always_on"), "{text}");
        }
    }
}
