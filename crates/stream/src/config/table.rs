//! The table of keys. A key is added here and read where a job's options are made; everything else follows.

use super::key::{Key, Kind, key, unset};

/// Longest parallelism, as the number of key groups is 16 bits with a sign in Flink.
const PARALLELISM_MAX: u64 = 32_768;
const MANY: u64 = i32::MAX as u64;

/// What the full names of reporters' keys begin with.
pub(super) const REPORTER: &str = "traces.reporter.";

/// Every key whose name is fixed.
pub(crate) const KEYS: &[Key] = &[
    unset(
        "pipeline.name",
        Kind::Text,
        "Name of the job, instead of the program's own.",
    ),
    key(
        "parallelism.default",
        Kind::Count(1, PARALLELISM_MAX),
        "1",
        "Subtasks of each task that says nothing else.",
    ),
    key(
        "pipeline.max-parallelism",
        Kind::Count(1, PARALLELISM_MAX),
        "128",
        "Key groups: the most subtasks a keyed task can ever have.",
    ),
    unset(
        "execution.checkpointing.interval",
        Kind::Duration("1ms"),
        "Time from one checkpoint to the next; unset, none but on demand and at the end.",
    ),
    unset(
        "execution.checkpointing.dir",
        Kind::Text,
        "Where checkpoints and savepoints are kept: a directory, or a URL such as s3://bucket/prefix.",
    ),
    unset(
        "execution.checkpointing.savepoint-dir",
        Kind::Text,
        "Where savepoints are kept, if not with the checkpoints; they share no file with them then.",
    ),
    key(
        "execution.checkpointing.mode",
        Kind::Choice(&["EXACTLY_ONCE", "AT_LEAST_ONCE"]),
        "EXACTLY_ONCE",
        "What a restore does to records: none twice, or perhaps some.",
    ),
    key(
        "execution.checkpointing.timeout",
        Kind::Duration("1ms"),
        "10m",
        "A checkpoint that is not complete after this time is given up.",
    ),
    key(
        "execution.checkpointing.min-pause",
        Kind::Duration("0s"),
        "0s",
        "Least time from the end of a checkpoint to the next.",
    ),
    key(
        "execution.checkpointing.max-concurrent-checkpoints",
        Kind::Count(1, MANY),
        "1",
        "Checkpoints under way at a time.",
    ),
    key(
        "execution.checkpointing.tolerable-failed-checkpoints",
        Kind::Count(0, MANY),
        "0",
        "Failures in a row that the job survives.",
    ),
    key(
        "execution.checkpointing.unaligned.enabled",
        Kind::Bool,
        "false",
        "Whether barriers may overtake data, which becomes part of the checkpoint.",
    ),
    unset(
        "execution.checkpointing.incremental",
        Kind::Bool,
        "Whether checkpoints write what changed instead of everything; unset, true.",
    ),
    unset(
        "execution.checkpointing.local-backup.enabled",
        Kind::Bool,
        "Whether the newest checkpoint stays on this host as well while the job works, for restarts; unset, true with state.backend.type lsm.",
    ),
    key(
        "execution.checkpointing.num-retained",
        Kind::Count(1, MANY),
        "1",
        "Completed checkpoints that are kept; savepoints are kept until they are removed by hand.",
    ),
    key(
        "execution.state-recovery.path",
        Kind::NumberOr(&["newest", "none"]),
        "newest",
        "Where the job begins: at the newest checkpoint of the directory if there is one, afresh, or at one by its number.",
    ),
    key(
        "execution.state-recovery.ignore-unclaimed-state",
        Kind::Bool,
        "false",
        "Whether state of operators that the job no longer has is dropped instead of refused.",
    ),
    key(
        "state.backend.type",
        Kind::Choice(&["hashmap", "lsm", "rocksdb"]),
        "hashmap",
        "Where keyed state is: in memory, or on disk with a part of it in memory; rocksdb is another name of lsm.",
    ),
    unset(
        "state.backend.incremental",
        Kind::Bool,
        "An older name of execution.checkpointing.incremental, which wins.",
    ),
    unset(
        "state.backend.local-recovery",
        Kind::Bool,
        "An older name of execution.checkpointing.local-backup.enabled, which wins.",
    ),
    unset(
        "state.backend.lsm.localdir",
        Kind::Text,
        "Directory on this host for state on disk while the job works; unset, that of process.working-dir.",
    ),
    key(
        "state.backend.lsm.memory.size",
        Kind::Memory("1mb"),
        "512mb",
        "Memory for state on disk, of all subtasks together: what does not fit is read from disk.",
    ),
    unset(
        "restart-strategy.type",
        Kind::Choice(&["none", "fixed-delay", "exponential-delay", "failure-rate"]),
        "What follows a failure; unset, exponential-delay with checkpoints, none without.",
    ),
    key(
        "restart-strategy.fixed-delay.attempts",
        Kind::Count(1, MANY),
        "1",
        "Restarts before the job is given up.",
    ),
    key(
        "restart-strategy.fixed-delay.delay",
        Kind::Duration("0s"),
        "1s",
        "Pause before a restart.",
    ),
    key(
        "restart-strategy.exponential-delay.initial-backoff",
        Kind::Duration("1ms"),
        "1s",
        "Pause before the first restart.",
    ),
    key(
        "restart-strategy.exponential-delay.max-backoff",
        Kind::Duration("1ms"),
        "1m",
        "Longest pause.",
    ),
    key(
        "restart-strategy.exponential-delay.backoff-multiplier",
        Kind::Float(1.0),
        "1.5",
        "Each pause is the one before times this.",
    ),
    key(
        "restart-strategy.exponential-delay.reset-backoff-threshold",
        Kind::Duration("1ms"),
        "1h",
        "After so long without a failure the pause is the first again.",
    ),
    key(
        "restart-strategy.failure-rate.max-failures-per-interval",
        Kind::Count(1, MANY),
        "1",
        "Failures in an interval that the job survives.",
    ),
    key(
        "restart-strategy.failure-rate.failure-rate-interval",
        Kind::Duration("1ms"),
        "1m",
        "The interval in which failures are counted.",
    ),
    key(
        "restart-strategy.failure-rate.delay",
        Kind::Duration("0s"),
        "1s",
        "Pause before a restart.",
    ),
    unset(
        "process.working-dir",
        Kind::Text,
        "Directory on this host for files on their way to the checkpoint store, and for spans that wait for a collector.",
    ),
    key(
        "rest.address",
        Kind::Address,
        "127.0.0.1",
        "Where the job's HTTP endpoint listens.",
    ),
    key(
        "rest.port",
        Kind::Count(0, 65_535),
        "8081",
        "Its port; 0, or 8081 unless set and taken: a free one.",
    ),
    unset(
        "traces.reporters",
        Kind::Names,
        "The reporters that are on; unset, all that are configured.",
    ),
    key(
        "traces.checkpoint.span-detail-level",
        Kind::Choice(&[
            "SPAN_PER_CHECKPOINT",
            "SPAN_PER_CHECKPOINT_WITH_TASKS",
            "CHILDREN_SPANS_PER_TASK",
            "CHILDREN_SPANS_PER_SUBTASK",
        ]),
        "CHILDREN_SPANS_PER_SUBTASK",
        "Which spans tell of a checkpoint or a start.",
    ),
];

/// The row of a key that is known to be one.
pub(super) fn find(name: &str) -> &'static Key {
    row(name).unwrap_or_else(|| panic!("{name} is a row of the table"))
}

/// The row with this name.
pub(super) fn row(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Whether `name` is a key. Below a reporter every name is: a factory of the user's own may know it.
pub(super) fn is_key(name: &str) -> bool {
    let of_reporter = |rest: &str| {
        rest.split_once('.')
            .is_some_and(|(reporter, leaf)| !reporter.is_empty() && !leaf.is_empty())
    };
    row(name).is_some() || name.strip_prefix(REPORTER).is_some_and(of_reporter)
}

/// Whether keys stand below this name.
pub(super) fn is_table(name: &str) -> bool {
    let fixed = KEYS.iter().any(|key| {
        key.name
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    });
    let reporters = REPORTER.trim_end_matches('.');
    fixed || name == reporters || name.starts_with(REPORTER)
}

/// How alike two names must be for one to be proposed instead of the other; 1 is the same.
const ALIKE: f64 = 0.8;

/// The key that was probably meant: one that is nearly written so, or ends with the same word.
pub(super) fn nearest(wanted: &str) -> Option<String> {
    let leaf = |name: &str| name.rsplit('.').next().map(str::to_owned);
    let score = |key: &Key| {
        let near = strsim::normalized_damerau_levenshtein(wanted, key.name);
        let same_end = leaf(wanted) == leaf(key.name);
        if same_end { near.max(ALIKE) } else { near }
    };
    let scored = KEYS.iter().map(|key| (score(key), key.name));
    let best = scored.max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(score, _)| *score >= ALIKE)
        .map(|(_, name)| name.to_owned())
}
