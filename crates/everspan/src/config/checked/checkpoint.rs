//! `[checkpoint]`

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::checked::from_settings::{count, duration, given, pairs, size, text};
use crate::config::name_values::Headers;
use crate::config::settings::Settings;

/// `[checkpoint]`
#[derive(Clone, Debug, PartialEq)]
pub struct CheckpointConfig {
    /// Directory or URL; `None`: no checkpoints are made.
    pub destination: Option<String>,
    /// Time from one checkpoint to the next; `None`: only on demand.
    pub interval: Option<Duration>,
    /// Least time from the end of a checkpoint to the next one of the interval.
    pub min_pause: Duration,
    /// When a checkpoint is given up.
    pub timeout: Duration,
    /// How long the destination may be silent while it is read.
    pub silence_timeout: Duration,
    /// Complete checkpoints that are kept, at least 1.
    pub retained: usize,
    /// Files shorter than this become part of the manifest, bytes.
    pub inline_size: u64,
    /// Settings of the destination; may hold secrets.
    pub options: Headers,
}

impl CheckpointConfig {
    /// The settings of the destination, by name.
    pub fn settings(&self) -> &BTreeMap<String, String> {
        &self.options.0
    }
}

pub(super) fn read(from: &Settings) -> CheckpointConfig {
    CheckpointConfig {
        destination: given(from, "checkpoint.destination", text),
        interval: Some(duration(from, "checkpoint.interval")).filter(|interval| !interval.is_zero()),
        min_pause: duration(from, "checkpoint.min-pause"),
        timeout: duration(from, "checkpoint.timeout"),
        silence_timeout: duration(from, "checkpoint.silence-timeout"),
        retained: count(from, "checkpoint.retained"),
        inline_size: size(from, "checkpoint.inline-size"),
        options: Headers(pairs(from, "checkpoint.options")),
    }
}
