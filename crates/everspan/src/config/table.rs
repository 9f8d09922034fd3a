//! The table of keys. A key is added here and read in `checked/from_settings.rs`; everything else follows.

mod checkpoint;
mod reporter;
mod tracing;

use crate::config::key::{Key, NAME, Section, Slot, key, unset};
use crate::config::value::Kind;

/// Every key, in the order in which help and reference show them.
pub(super) static SECTIONS: &[Section] = &[
    Section {
        title: "Node",
        keys: NODE,
    },
    Section {
        title: "Network",
        keys: NETWORK,
    },
    Section {
        title: "Workers",
        keys: WORKERS,
    },
    Section {
        title: "Invoker",
        keys: INVOKER,
    },
    Section {
        title: "Retries and retention",
        keys: RETRIES,
    },
    Section {
        title: "Storage",
        keys: STORAGE,
    },
    Section {
        title: "Checkpoints",
        keys: checkpoint::KEYS,
    },
    Section {
        title: "Tracing",
        keys: tracing::KEYS,
    },
];

pub(crate) use reporter::FACTORIES;
pub(super) use reporter::{REPORTERS, keys_of};

/// What the full names of reporters' keys begin with.
pub(super) const REPORTER: &str = "traces.reporter.";

/// Every key whose name is fixed.
pub(super) fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

/// Every key a reporter may have, whatever its factory.
pub(super) fn reporter_keys() -> impl Iterator<Item = &'static Key> {
    REPORTERS.iter().flat_map(|section| section.keys)
}

/// The row with this name, if the name is a fixed one.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    keys().find(|key| key.name == name)
}

/// The row that `name` is a full name of. Below a reporter every name has one: a factory of the user's own may know it.
pub(super) fn resolve(name: &str) -> Option<Slot> {
    if let Some(key) = find(name) {
        return Some(key.into());
    }
    let (reporter, leaf) = name.strip_prefix(REPORTER)?.split_once('.')?;
    let known = reporter_keys().find(|key| reporter_leaf(key) == leaf);
    Some(Slot {
        name: format!("{REPORTER}{reporter}.{leaf}"),
        key: known.unwrap_or(&reporter::OTHER),
    })
}

/// The map that `name` is an entry of, and the entry: `x-foo` of `tracing-headers.x-foo`.
pub(super) fn resolve_entry(name: &str) -> Option<(Slot, &str)> {
    let dots = name.match_indices('.').map(|(at, _)| at);
    dots.filter_map(|at| Some((resolve(&name[..at])?, &name[at + 1..])))
        .find(|(slot, entry)| slot.key.kind.is_map() && !entry.is_empty())
}

/// A reporter's key as it is written inside the table of the reporter.
pub(super) fn reporter_leaf(key: &Key) -> &'static str {
    key.name
        .strip_prefix(REPORTER)
        .and_then(|rest| rest.strip_prefix(NAME)?.strip_prefix('.'))
        .unwrap_or(key.name)
}

/// Every full name that may have been meant by `wanted`.
pub(super) fn names_near(wanted: &str) -> impl Iterator<Item = String> {
    let reporter = wanted
        .strip_prefix(REPORTER)
        .and_then(|rest| Some(rest.split_once('.')?.0));
    let below = reporter
        .into_iter()
        .flat_map(|name| reporter_keys().map(move |key| format!("{REPORTER}{name}.{}", reporter_leaf(key))));
    keys().map(|key| key.name.to_owned()).chain(below)
}

const NODE: &[Key] = &[
    key(
        "cluster-name",
        Kind::Text,
        "everspan",
        "Name of the cluster; the jobId of the server's own spans.",
    )
    .flag(),
    key("node-name", Kind::Text, "node-1", "Name of this node.").flag(),
    key(
        "base-dir",
        Kind::Path,
        "./everspan-data",
        "Directory of all data of this node.",
    )
    .flag(),
    key(
        "partitions",
        Kind::Count,
        "8",
        "Number of partitions; fixed when the data directory is first used.",
    )
    .range("1", "1024")
    .flag(),
    key(
        "shutdown-timeout",
        Kind::Duration,
        "1m",
        "How long a graceful shutdown may take.",
    )
    .flag(),
    key("log-filter", Kind::Filter, "info", "What the server logs.").flag(),
    key(
        "log-format",
        Kind::Choice(&["pretty", "compact", "json"]),
        "pretty",
        "Format of the server's log.",
    )
    .flag(),
];

const NETWORK: &[Key] = &[
    key(
        "ingress.bind-address",
        Kind::Address,
        "127.0.0.1:8080",
        "Where clients invoke services.",
    )
    .flag_named("ingress-bind-address"),
    key(
        "ingress.request-size-limit",
        Kind::Size,
        "32MiB",
        "Largest request body; a larger one is answered 413.",
    )
    .range("1KiB", "2GiB"),
    key(
        "admin.bind-address",
        Kind::Address,
        "127.0.0.1:9070",
        "Where the admin API and the metrics listen.",
    )
    .flag_named("admin-bind-address"),
];

const WORKERS: &[Key] = &[
    key(
        "worker.threads",
        Kind::Count,
        "0",
        "Partition worker threads; 0 means one per core.",
    )
    .range("0", "1024")
    .flag_named("worker-threads"),
    key(
        "worker.mailbox-max",
        Kind::Count,
        "4096",
        "Inputs that may wait at one worker; beyond it requests are answered 429 with Retry-After.",
    )
    .range("1", "1048576"),
    key(
        "worker.cleanup-interval",
        Kind::Duration,
        "1h",
        "How often data past its retention is purged.",
    )
    .range("1s", "365d"),
];

const INVOKER: &[Key] = &[
    key(
        "worker.invoker.inactivity-timeout",
        Kind::Duration,
        "1m",
        "How long a service may be silent before it is asked to suspend.",
    ),
    key(
        "worker.invoker.abort-timeout",
        Kind::Duration,
        "10m",
        "How long a service asked to suspend may take before its connection is closed.",
    ),
    key(
        "worker.invoker.connect-timeout",
        Kind::Duration,
        "10s",
        "How long connecting to a deployment may take.",
    )
    .range("1ms", "1h"),
    key(
        "worker.invoker.message-size-limit",
        Kind::Size,
        "32MiB",
        "Largest message a service may send.",
    )
    .range("1KiB", "2GiB"),
    key(
        "worker.invoker.concurrent-invocations-limit",
        Kind::Count,
        "1000",
        "Attempts that may run at once on this node; the others wait.",
    )
    .range("1", "1000000"),
    key(
        "worker.invoker.disable-eager-state",
        Kind::Bool,
        "false",
        "Do not send state with the start of an attempt; services ask for each key.",
    ),
    key(
        "worker.invoker.eager-state-size-limit",
        Kind::Size,
        "1MiB",
        "Most state sent with the start of an attempt; services ask for the rest.",
    )
    .range("0", "2GiB"),
    key(
        "worker.invoker.http2-keep-alive-interval",
        Kind::Duration,
        "40s",
        "How often an HTTP/2 connection to a deployment is pinged.",
    )
    .range("1s", "1d"),
    key(
        "worker.invoker.http2-keep-alive-timeout",
        Kind::Duration,
        "20s",
        "How long a ping may stay unanswered before the connection is closed.",
    )
    .range("1ms", "1d"),
    unset(
        "worker.invoker.additional-request-headers",
        Kind::Headers,
        "Headers added to every request to a deployment.",
    ),
];

const RETRIES: &[Key] = &[
    key(
        "default-retry-policy.initial-interval",
        Kind::Duration,
        "500ms",
        "Wait before the first retry.",
    )
    .range("1ms", "365d"),
    key(
        "default-retry-policy.exponentiation-factor",
        Kind::Float,
        "2",
        "Each wait is the one before times this.",
    )
    .range("1", "1000"),
    key(
        "default-retry-policy.max-interval",
        Kind::Duration,
        "1m",
        "Longest wait between two attempts.",
    )
    .range("1ms", "365d"),
    key(
        "default-retry-policy.max-attempts",
        Kind::Limit,
        "70",
        "Attempts before on-max-attempts applies, the first included.",
    )
    .range("1", "4294967295"),
    key(
        "default-retry-policy.on-max-attempts",
        Kind::Choice(&["pause", "kill"]),
        "pause",
        "What happens to an invocation whose attempts are used up.",
    ),
    key(
        "default-journal-retention",
        Kind::Duration,
        "1d",
        "How long the journal of a completed invocation is kept.",
    )
    .flag(),
    key(
        "default-idempotency-retention",
        Kind::Duration,
        "1d",
        "How long the result behind an idempotency key is kept.",
    )
    .flag(),
    key(
        "default-workflow-completion-retention",
        Kind::Duration,
        "1d",
        "How long the result of a completed workflow is kept.",
    )
    .flag(),
];

const STORAGE: &[Key] = &[
    key(
        "log.segment-size",
        Kind::Size,
        "64MiB",
        "Size at which a segment of the log is closed and the next begun.",
    )
    .range("1MiB", "2GiB"),
    key(
        "state.flush-size",
        Kind::Size,
        "16MiB",
        "State of one partition held in memory before it is flushed.",
    )
    .range("1MiB", "1GiB"),
    key(
        "state.cache-size",
        Kind::Size,
        "64MiB",
        "Memory for blocks of state read from disk, all partitions together.",
    )
    .range("0", "1TiB"),
    key(
        "state.min-free-disk",
        Kind::Size,
        "128MiB",
        "Free space below which new requests are refused, so that running work can finish.",
    )
    .range("0", "1TiB"),
];
