//! The keys of checkpoints: named as Flink's `execution.checkpointing.*` where the thing is the same.

use crate::config::key::{Key, key, unset};
use crate::config::value::Kind;

pub(super) const KEYS: &[Key] = &[
    unset(
        "checkpoint.destination",
        Kind::Text,
        "Where checkpoints go: a directory, or a URL such as `file:///mnt/checkpoints` or `s3://bucket/prefix`. Without it none are made.",
    )
    .flag_named("checkpoint-destination"),
    key(
        "checkpoint.interval",
        Kind::Duration,
        "1m",
        "Time from one checkpoint to the next; `0s`: only on demand.",
    )
    .range("0s", "365d")
    .flag_named("checkpoint-interval"),
    key(
        "checkpoint.min-pause",
        Kind::Duration,
        "0s",
        "Least time from the end of a checkpoint to the next one of the interval.",
    )
    .range("0s", "365d"),
    key(
        "checkpoint.timeout",
        Kind::Duration,
        "10m",
        "A checkpoint that is not complete after this time is given up.",
    )
    .range("10ms", "365d"),
    key(
        "checkpoint.silence-timeout",
        Kind::Duration,
        "30s",
        "How long the destination may be silent while it is read; after three times an older checkpoint is taken.",
    )
    .range("100ms", "1d"),
    key(
        "checkpoint.retained",
        Kind::Count,
        "3",
        "Complete checkpoints that are kept, with the log behind the oldest of them; savepoints are kept until you remove them.",
    )
    .range("1", "1000"),
    key(
        "checkpoint.inline-size",
        Kind::Size,
        "20KiB",
        "Files of state shorter than this become part of the manifest.",
    )
    .range("0", "64MiB"),
    unset(
        "checkpoint.options",
        Kind::Headers,
        "Settings of the destination, such as `endpoint`, `region` or `allow_http`; `AWS_…` variables count, too.",
    ),
];
