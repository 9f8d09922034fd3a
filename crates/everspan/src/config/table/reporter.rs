//! The keys of one reporter, `[traces.reporter.NAME]`.

use crate::config::key::{Key, Section, key, unset};
use crate::config::value::Kind;

/// A factory that is built in, and the keys that are its own.
struct Factory {
    name: &'static str,
    keys: &'static [Key],
}

/// Names of the factories that are built in.
pub(crate) const FACTORIES: [&str; 3] = ["otlp", "jaeger-file", "log"];

const BUILT_IN: [Factory; 3] = [
    Factory {
        name: FACTORIES[0],
        keys: OTLP,
    },
    Factory {
        name: FACTORIES[1],
        keys: JAEGER_FILE,
    },
    Factory {
        name: FACTORIES[2],
        keys: &[],
    },
];

/// All of them, as the reference shows them.
pub(in crate::config) static REPORTERS: &[Section] = &[
    Section {
        title: "Every reporter",
        keys: COMMON,
    },
    Section {
        title: "Reporters with `factory = \"otlp\"`",
        keys: OTLP,
    },
    Section {
        title: "Reporters with `factory = \"jaeger-file\"`",
        keys: JAEGER_FILE,
    },
];

/// Stands for a key that only a factory of the user's own may know.
pub(in crate::config) static OTHER: Key = unset("traces.reporter.NAME.KEY", Kind::Other, "");

/// The keys a reporter of this factory takes; of a factory that is not built in, those of every reporter.
pub(in crate::config) fn keys_of(factory: &str) -> impl Iterator<Item = &'static Key> {
    let own = BUILT_IN.iter().find(|known| known.name == factory);
    COMMON.iter().chain(own.map_or(&[][..], |known| known.keys))
}

const COMMON: &[Key] = &[
    unset(
        "traces.reporter.NAME.factory",
        Kind::Text,
        "What it is: `otlp`, `jaeger-file` or `log`; may stay unset when the reporter is named so.",
    ),
    unset(
        "traces.reporter.NAME.filter.includes",
        Kind::Patterns,
        "The spans it takes; unset, all.",
    ),
    unset(
        "traces.reporter.NAME.filter.excludes",
        Kind::Patterns,
        "The spans among them that it does not take.",
    ),
    unset(
        "traces.reporter.NAME.scope.variables.additional",
        Kind::Attributes,
        "Attributes added to every span it sends.",
    ),
    unset(
        "traces.reporter.NAME.batch-delay",
        Kind::Duration,
        "In place of tracing-batch-delay.",
    )
    .range("1ms", "1m"),
    unset(
        "traces.reporter.NAME.batch-max",
        Kind::Count,
        "In place of tracing-batch-max.",
    )
    .range("1", "65536"),
    unset(
        "traces.reporter.NAME.queue-size",
        Kind::Size,
        "In place of tracing-queue-size.",
    )
    .range("64KiB", "4GiB"),
    unset(
        "traces.reporter.NAME.spool-limit",
        Kind::Size,
        "In place of tracing-spool-limit.",
    )
    .range("0", "1TiB"),
];

const OTLP: &[Key] = &[
    unset(
        "traces.reporter.NAME.endpoint",
        Kind::Endpoint,
        "The collector; needed.",
    ),
    unset(
        "traces.reporter.NAME.headers",
        Kind::Headers,
        "Headers sent with every export.",
    ),
    unset(
        "traces.reporter.NAME.certificate",
        Kind::Path,
        "As tracing-certificate.",
    ),
    unset(
        "traces.reporter.NAME.client-certificate",
        Kind::Path,
        "As tracing-client-certificate.",
    ),
    unset(
        "traces.reporter.NAME.client-key",
        Kind::Path,
        "As tracing-client-key.",
    ),
    key(
        "traces.reporter.NAME.compression",
        Kind::Choice(&["none", "gzip"]),
        "none",
        "How exports are compressed.",
    ),
    key(
        "traces.reporter.NAME.timeout",
        Kind::Duration,
        "10s",
        "How long the collector may take to answer one export.",
    )
    .range("10ms", "10m"),
];

const JAEGER_FILE: &[Key] = &[
    unset(
        "traces.reporter.NAME.path",
        Kind::Path,
        "Directory of the files; needed.",
    ),
    key(
        "traces.reporter.NAME.file-size",
        Kind::Size,
        "16MiB",
        "Largest file.",
    )
    .range("64KiB", "1GiB"),
    key(
        "traces.reporter.NAME.size-limit",
        Kind::Size,
        "1GiB",
        "All files together; beyond it the oldest are removed.",
    )
    .range("1MiB", "1TiB"),
    key(
        "traces.reporter.NAME.age-limit",
        Kind::Duration,
        "7d",
        "Age at which a file is removed.",
    )
    .range("1s", "36500d"),
];
