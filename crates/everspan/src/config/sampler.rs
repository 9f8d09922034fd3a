//! Which traces are recorded, as the configuration writes it.

use everspan_trace::Sampler;

/// What the configuration takes as a sampler, in words.
pub(super) const FORM: &str = "always_on, always_off, traceidratio:R (R from 0 to 1), \
     or one of them with parentbased_ before it";

/// The sampler `text` names, or what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Sampler, String> {
    text.trim().parse().map_err(|_| format!("expected {FORM}"))
}
