//! What the command line says.

use std::collections::BTreeMap;

/// Checked arguments.
pub(crate) struct Arguments {
    pub(crate) workload: String,
    pub(crate) parallelism: u64,
    pub(crate) events: u64,
    /// Whether one subtask may go on over a `key_by` in one thread.
    pub(crate) keyed_chaining: bool,
    /// How often there is a checkpoint, ms, and where it goes.
    pub(crate) checkpoints: Option<(u64, String)>,
}

const KNOWN: [&str; 7] = [
    "workload",
    "parallelism",
    "events",
    "keyed-chaining",
    "backend",
    "checkpoint-interval-ms",
    "checkpoint-dir",
];

impl Arguments {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let given = pairs(words)?;
        let number = |key: &str, default: u64| match given.get(key) {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(format!("--{key} `{text}`: not a number above 0")),
            },
        };
        let keyed_chaining = match given.get("keyed-chaining").map(String::as_str) {
            None | Some("true") => true,
            Some("false") => false,
            Some(other) => return Err(format!("--keyed-chaining `{other}`: not true or false")),
        };
        if let Some(other) = given.get("backend").filter(|backend| *backend != "heap") {
            return Err(format!("--backend `{other}`: only heap is there"));
        }
        let interval_ms = number("checkpoint-interval-ms", 1000)?;
        let dir = given.get("checkpoint-dir").cloned();
        if dir.is_none() && given.contains_key("checkpoint-interval-ms") {
            return Err("--checkpoint-interval-ms: without --checkpoint-dir".to_owned());
        }
        Ok(Self {
            checkpoints: dir.map(|dir| (interval_ms, dir)),
            workload: given.get("workload").cloned().unwrap_or_else(|| "sum".to_owned()),
            parallelism: number("parallelism", 1)?,
            events: number("events", 10_000_000)?,
            keyed_chaining,
        })
    }
}

fn pairs(mut words: impl Iterator<Item = String>) -> Result<BTreeMap<String, String>, String> {
    let mut given = BTreeMap::new();
    while let Some(word) = words.next() {
        let key = word
            .strip_prefix("--")
            .ok_or_else(|| format!("`{word}`: not a flag"))?;
        if !KNOWN.contains(&key) {
            return Err(format!("--{key}: unknown, use one of {}", KNOWN.join(", ")));
        }
        let value = words.next().ok_or_else(|| format!("--{key}: without a value"))?;
        given.insert(key.to_owned(), value);
    }
    Ok(given)
}
