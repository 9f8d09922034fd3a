//! The spans of one life of the process: what must be told is told once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use everspan_trace::{Span, SpanReceiver, Status, Value};

/// Takes the spans of a job.
#[derive(Default)]
pub(super) struct Spans {
    told: Mutex<Told>,
}

/// What was told in one life of the process.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// Status of each checkpoint, by its number; more than one is wrong.
    checkpoints: BTreeMap<i64, Vec<String>>,
    /// Refused before any run could see which numbers were used.
    unknowing: BTreeSet<i64>,
    has_begun: bool,
    pub(super) starts: u64,
    pub(super) failures: u64,
    /// What happened to runs, since someone asked.
    news: Vec<String>,
    /// Trace ids of all roots.
    roots: BTreeSet<String>,
    twice: Vec<String>,
    pub(super) completed: u64,
    /// The highest number of one that completed.
    newest: i64,
    pub(super) savepoints: u64,
    pub(super) unaligned: u64,
}

impl SpanReceiver for Spans {
    fn add(&self, span: Span) {
        if span.parent.is_some() {
            return;
        }
        let mut told = self.lock();
        if !told.roots.insert(span.context.trace_id.to_string()) {
            told.twice.push(format!("{} {:?}", span.name, span.attributes));
        }
        match &*span.name.to_string() {
            "Checkpoint" => {
                told.checkpoint(&span);
                told.news.push(format!(
                    "checkpoint {:?} has ended: {:?}",
                    value(&span, "checkpointId"),
                    span.status
                ));
            }
            "JobInitialization" => {
                told.starts += 1;
                told.has_begun |= !matches!(span.status, Status::Error(_));
                let from = value(&span, "checkpointId");
                told.news.push(format!("a run has begun from {from:?}"));
            }
            "JobFailure" => {
                told.failures += 1;
                told.news.push(format!("a run has failed: {:?}", span.status));
            }
            other => told.twice.push(format!("nobody knows a root {other}")),
        }
    }
}

impl Spans {
    /// The same for the same seed.
    pub(super) fn take_news(&self) -> Vec<String> {
        let news = std::mem::take(&mut self.lock().news);
        news.iter().map(|news| without_names_of_files(news)).collect()
    }

    pub(super) fn told(&self) -> Told {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Files are named by their content, and a tree on disk notes the hour in its own.
fn without_names_of_files(text: &str) -> String {
    let words = text
        .split(' ')
        .map(|word| if word.contains("/files/") { "a file:" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

impl Told {
    fn checkpoint(&mut self, span: &Span) {
        let number = match value(span, "checkpointId") {
            Some(Value::Int(number)) => *number,
            other => panic!("a checkpoint has a number: {other:?}"),
        };
        let status = words(span, "checkpointStatus");
        if status == "COMPLETED" {
            self.completed += 1;
            self.newest = self.newest.max(number);
            self.savepoints += u64::from(words(span, "checkpointType").contains("avepoint"));
            self.unaligned += u64::from(value(span, "isUnaligned") == Some(&Value::Bool(true)));
        }
        if !self.has_begun {
            self.unknowing.insert(number);
        }
        self.checkpoints.entry(number).or_default().push(status);
    }

    /// Whether no later checkpoint has completed.
    pub(super) fn is_newest(&self, checkpoint: u64) -> bool {
        u64::try_from(self.newest) == Ok(checkpoint)
    }

    /// Looks at all that the life of a process told. `has_ended`: the job came to its own end, so nothing is open.
    pub(super) fn check(&self, has_ended: bool) {
        assert!(
            self.twice.is_empty(),
            "every span has its own id: {:?}",
            self.twice
        );
        for (number, statuses) in &self.checkpoints {
            assert!(
                matches!(&statuses[..], [status] if status == "COMPLETED" || status == "FAILED"),
                "checkpoint {number} ends in one span: {statuses:?}"
            );
        }
        if !has_ended {
            return;
        }
        let known = self.checkpoints.keys().filter(|of| !self.unknowing.contains(of));
        let numbers: Vec<i64> = known.copied().collect();
        let is_next = |pair: &[i64]| pair[0] + 1 == pair[1];
        assert!(
            numbers.windows(2).all(is_next),
            "every checkpoint that began has ended in a span: {numbers:?}"
        );
    }
}

fn value<'a>(span: &'a Span, key: &str) -> Option<&'a Value> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == key);
    attribute.map(|attribute| &attribute.value)
}

fn words(span: &Span, key: &str) -> String {
    match value(span, key) {
        Some(Value::Str(text)) => text.to_string(),
        other => panic!("{key} is a text: {other:?}"),
    }
}
