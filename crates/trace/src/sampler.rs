//! The decision, made once per trace, whether it is recorded.

use std::fmt;
use std::str::FromStr;

use crate::{SpanContext, TraceId};

/// Decides whether a trace is recorded. Pure: the same trace id and parent give the same answer in every process.
#[derive(Clone, Debug, PartialEq)]
pub enum Sampler {
    /// Every trace.
    AlwaysOn,
    /// No trace.
    AlwaysOff,
    /// The given share (0.0 to 1.0) of traces, chosen by trace id as the OpenTelemetry SDKs do.
    TraceIdRatio(f64),
    /// As the parent decided; for a trace that begins here, as the inner sampler decides.
    ParentBased(Box<Sampler>),
}

/// A sampler that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SamplerError {
    /// No sampler has this name.
    UnknownName(String),
    /// The ratio is missing, not a number, or not within 0.0 and 1.0.
    BadRatio(String),
}

impl Sampler {
    /// Whether the trace is recorded. `parent` is the context that came in, `None` when the trace begins here.
    pub fn samples(&self, trace_id: TraceId, parent: Option<&SpanContext>) -> bool {
        match (self, parent) {
            (Self::AlwaysOn, _) => true,
            (Self::AlwaysOff, _) => false,
            (Self::TraceIdRatio(ratio), _) => is_within_ratio(trace_id, *ratio),
            (Self::ParentBased(_), Some(parent)) => parent.is_sampled(),
            (Self::ParentBased(root), None) => root.samples(trace_id, None),
        }
    }
}

impl Default for Sampler {
    /// `parentbased_always_on`.
    fn default() -> Self {
        Self::ParentBased(Box::new(Self::AlwaysOn))
    }
}

impl FromStr for Sampler {
    type Err = SamplerError;

    /// `always_on`, `always_off`, `traceidratio:0.1`, and each of them with `parentbased_` in front.
    fn from_str(text: &str) -> Result<Self, SamplerError> {
        let (root, parent_based) = match text.strip_prefix("parentbased_") {
            Some(root) => (root, true),
            None => (text, false),
        };
        let (name, argument) = match root.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (root, None),
        };
        let sampler = match (name, argument) {
            ("always_on", None) => Self::AlwaysOn,
            ("always_off", None) => Self::AlwaysOff,
            ("traceidratio", argument) => Self::TraceIdRatio(parse_ratio(text, argument)?),
            _ => return Err(SamplerError::UnknownName(text.to_owned())),
        };
        Ok(if parent_based {
            Self::ParentBased(Box::new(sampler))
        } else {
            sampler
        })
    }
}

impl fmt::Display for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlwaysOn => write!(f, "always_on"),
            Self::AlwaysOff => write!(f, "always_off"),
            Self::TraceIdRatio(ratio) => write!(f, "traceidratio:{ratio}"),
            Self::ParentBased(root) => write!(f, "parentbased_{root}"),
        }
    }
}

impl fmt::Display for SamplerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName(text) => write!(
                f,
                "unknown sampler `{text}`: use always_on, always_off, traceidratio:R, or one of them after parentbased_"
            ),
            Self::BadRatio(text) => {
                write!(
                    f,
                    "sampler `{text}` needs a ratio from 0.0 to 1.0, as in traceidratio:0.1"
                )
            }
        }
    }
}

impl std::error::Error for SamplerError {}

fn parse_ratio(text: &str, argument: Option<&str>) -> Result<f64, SamplerError> {
    argument
        .and_then(|ratio| ratio.parse().ok())
        .filter(|ratio| (0.0..=1.0).contains(ratio))
        .ok_or_else(|| SamplerError::BadRatio(text.to_owned()))
}

/// The low 63 bits of the trace id against the share of their range: the rule of the OpenTelemetry SDKs.
fn is_within_ratio(trace_id: TraceId, ratio: f64) -> bool {
    const RANGE: f64 = (1u64 << 63) as f64;
    let [.., a, b, c, d, e, f, g, h] = trace_id.0;
    let low_bits = u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1;
    ratio >= 1.0 || (low_bits as f64) < ratio * RANGE
}

#[cfg(test)]
mod tests;
