//! What the command line says.

use std::collections::BTreeMap;

use everspan_stream::StateBackend;

/// Checked arguments.
pub(crate) struct Arguments {
    pub(crate) workload: String,
    pub(crate) parallelism: u64,
    pub(crate) events: u64,
    /// Whether one subtask may go on over a `key_by` in one thread.
    pub(crate) keyed_chaining: bool,
    /// Where keyed state is.
    pub(crate) backend: StateBackend,
    /// How often there is a checkpoint, ms, and where it goes.
    pub(crate) checkpoints: Option<(u64, String)>,
    /// Of the workload `state`.
    pub(crate) keeping: Option<Keeping>,
}

/// What the workload `state` does.
#[derive(Clone, Copy)]
pub(crate) struct Keeping {
    /// Keys that are written once, in order, before random ones are.
    pub(crate) keys: u64,
    pub(crate) value_bytes: usize,
    /// Completed checkpoints after which the job is over.
    pub(crate) checkpoints: u64,
    /// Completed checkpoints after which it fails once.
    pub(crate) fail_after: u64,
}

const WORKLOADS: [&str; 9] = ["src", "wc", "sum", "q0", "q1", "q2", "q5", "q8", STATE];
const STATE: &str = "state";

/// Flags of every workload.
const SHARED: [&str; 6] = [
    "workload",
    "parallelism",
    "keyed-chaining",
    "backend",
    "checkpoint-interval-ms",
    "checkpoint-dir",
];
/// Flags of `state` alone.
const OF_STATE: [&str; 4] = ["keys", "value-bytes", "checkpoints", "fail-after-checkpoints"];
/// Flags of all others.
const OF_OTHERS: [&str; 1] = ["events"];

/// Flags with their values.
struct Given(BTreeMap<String, String>);

impl Arguments {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let given = Given::read(words)?;
        let workload = given.text("workload").unwrap_or("sum").to_owned();
        if !WORKLOADS.contains(&&*workload) {
            let known = WORKLOADS.join(", ");
            return Err(format!("--workload `{workload}`: unknown, use one of {known}"));
        }
        given.check_flags(&workload)?;
        let checkpoints = given.checkpoints()?;
        let keeping = (workload == STATE).then(|| given.keeping()).transpose()?;
        if keeping.is_some() && checkpoints.is_none() {
            return Err(format!("--workload `{STATE}`: without --checkpoint-dir"));
        }
        Ok(Self {
            workload,
            parallelism: given.number("parallelism", 1)?,
            events: given.number("events", 10_000_000)?,
            keyed_chaining: given.keyed_chaining()?,
            backend: given.backend()?,
            checkpoints,
            keeping,
        })
    }
}

impl Given {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut given = BTreeMap::new();
        while let Some(word) = words.next() {
            let key = word
                .strip_prefix("--")
                .ok_or_else(|| format!("`{word}`: not a flag"))?;
            let value = words.next().ok_or_else(|| format!("--{key}: without a value"))?;
            given.insert(key.to_owned(), value);
        }
        Ok(Self(given))
    }

    fn check_flags(&self, workload: &str) -> Result<(), String> {
        let own: &[&str] = if workload == STATE { &OF_STATE } else { &OF_OTHERS };
        let known = [&SHARED[..], own].concat();
        match self.0.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(format!(
                "--{key}: unknown with --workload {workload}, use one of {}",
                known.join(", ")
            )),
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    fn number(&self, key: &str, default: u64) -> Result<u64, String> {
        match self.text(key) {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(format!("--{key} `{text}`: not a number above 0")),
            },
        }
    }

    fn keyed_chaining(&self) -> Result<bool, String> {
        match self.text("keyed-chaining") {
            None | Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(format!("--keyed-chaining `{other}`: not true or false")),
        }
    }

    fn backend(&self) -> Result<StateBackend, String> {
        match self.text("backend") {
            None | Some("heap") => Ok(StateBackend::Hashmap),
            Some("lsm") => Ok(StateBackend::Lsm),
            Some(other) => Err(format!("--backend `{other}`: not heap or lsm")),
        }
    }

    fn checkpoints(&self) -> Result<Option<(u64, String)>, String> {
        let interval_ms = self.number("checkpoint-interval-ms", 1000)?;
        match self.text("checkpoint-dir") {
            Some(dir) => Ok(Some((interval_ms, dir.to_owned()))),
            None if self.text("checkpoint-interval-ms").is_some() => {
                Err("--checkpoint-interval-ms: without --checkpoint-dir".to_owned())
            }
            None => Ok(None),
        }
    }

    fn keeping(&self) -> Result<Keeping, String> {
        let value_bytes = self.number("value-bytes", 200)?;
        let keeping = Keeping {
            keys: self.number("keys", 1_000_000)?,
            value_bytes: usize::try_from(value_bytes)
                .map_err(|_| format!("--value-bytes `{value_bytes}`: more than memory can hold"))?,
            checkpoints: self.number("checkpoints", 10)?,
            fail_after: self.number("fail-after-checkpoints", 6)?,
        };
        if keeping.fail_after >= keeping.checkpoints {
            return Err(format!(
                "--fail-after-checkpoints `{}`: not below --checkpoints `{}`",
                keeping.fail_after, keeping.checkpoints
            ));
        }
        Ok(keeping)
    }
}
