//! What the command line says.

use std::collections::BTreeMap;

/// Checked arguments.
pub(crate) struct Arguments {
    pub(crate) workload: String,
    pub(crate) parallelism: u64,
    pub(crate) events: u64,
    /// Whether one subtask may go on over a `key_by` in one thread.
    pub(crate) keyed_chaining: bool,
}

const KNOWN: [&str; 4] = ["workload", "parallelism", "events", "keyed-chaining"];

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
        Ok(Self {
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
        let key = word.strip_prefix("--").ok_or_else(|| format!("`{word}`: not a flag"))?;
        if !KNOWN.contains(&key) {
            return Err(format!("--{key}: unknown, use one of {}", KNOWN.join(", ")));
        }
        let value = words.next().ok_or_else(|| format!("--{key}: without a value"))?;
        given.insert(key.to_owned(), value);
    }
    Ok(given)
}
