//! Figures of a checkpoint or a start, as they stand on its root and on its subtasks.

#![allow(dead_code, reason = "each test file uses a part of this world")]

use opentelemetry_proto::tonic::trace::v1::Span;

use super::collector::{Collector, attributes, number};

/// The subtasks of a root, by way of its tasks.
pub(crate) fn subtasks(collector: &Collector, root: &Span) -> Vec<Span> {
    let tasks = collector.children(root);
    tasks.iter().flat_map(|task| collector.children(task)).collect()
}

/// A figure of every subtask that has it.
pub(crate) fn figures(collector: &Collector, root: &Span, figure: &str) -> Vec<i64> {
    let ones = subtasks(collector, root);
    let ones = ones.iter().filter(|one| attributes(one).contains_key(figure));
    ones.map(|one| number(one, figure)).collect()
}

/// `max…` and `sum…` of a figure are over the subtasks that have it, and absent where none has. Returns how many have.
pub(crate) fn assert_aggregated(collector: &Collector, root: &Span, figure: &str) -> usize {
    let ones = figures(collector, root, figure);
    let expected = [
        ones.iter().max().copied(),
        ones.iter().copied().reduce(|a, b| a + b),
    ];
    for (how, expected) in ["max", "sum"].into_iter().zip(expected) {
        let key = format!("{how}{figure}");
        let found = attributes(root).get(&key).cloned();
        let expected = expected.map(|figure| figure.to_string());
        assert_eq!(found, expected, "{key} on {}", root.name);
    }
    ones.len()
}

/// Start and end of a root stand on it in milliseconds, too.
pub(crate) fn assert_in_ms(key: &str, root: &Span, ns: u64) {
    let ms = i64::try_from(ns / 1_000_000).unwrap();
    assert_eq!(number(root, key), ms, "{key} on {}", root.name);
}
