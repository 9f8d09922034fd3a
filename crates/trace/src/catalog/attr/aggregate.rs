//! What is measured per subtask, and told of a task or a whole job as a greatest value and a sum.

use super::{Key, Text};
use crate::KeyValue;

/// The keys of one measure: `AlignmentDurationMs` of a subtask, `max…` and `sum…` over several.
pub struct Aggregate {
    /// Of one subtask.
    pub one: Key<i64>,
    /// The greatest of all.
    pub max: Key<i64>,
    /// All together.
    pub sum: Key<i64>,
    /// The greatest of each task, as a list: `[4, 0, 55]`.
    pub per_task_max: Key<Text>,
    /// All of each task together, as a list.
    pub per_task_sum: Key<Text>,
}

impl Aggregate {
    /// `max…` and `sum…` over the measures of several subtasks; nothing when none has one, for a key that does not
    /// apply is absent.
    pub fn over(&self, measures: impl IntoIterator<Item = i64>) -> Option<[KeyValue; 2]> {
        let together = |(max, sum): (i64, i64), one: i64| (max.max(one), sum.saturating_add(one));
        let all = measures.into_iter().map(|one| (one, one));
        let (max, sum) = all.reduce(|so_far, (one, _)| together(so_far, one))?;
        Some([self.max.value(max), self.sum.value(sum)])
    }
}

/// Measures, in groups by where `max`, `sum` and the plain key stand. Keys are put together here.
macro_rules! aggregates {
    ($(max on $max:tt sum on $sum:tt one on $one:tt per task on $task:tt {
        $(#[doc = $doc:literal] $name:ident = $text:literal;)*
    })*) => {
        $($(#[doc = $doc] pub const $name: Aggregate = Aggregate {
            one: Key::new($text),
            max: Key::new(concat!("max", $text)),
            sum: Key::new(concat!("sum", $text)),
            per_task_max: Key::new(concat!("perTaskMax", $text)),
            per_task_sum: Key::new(concat!("perTaskSum", $text)),
        };)*)*

        pub(super) const AGGREGATES: &[AttributeDef] = &[$($(
            row(concat!("max", $text), "int", places!(spans $max), $doc),
            row(concat!("sum", $text), "int", places!(spans $sum), $doc),
            row($text, "int", places!(spans $one), $doc),
            row(concat!("perTaskMax", $text), "string", places!(spans $task), $doc),
            row(concat!("perTaskSum", $text), "string", places!(spans $task), $doc),
        )*)*];
    };
}

pub(super) use aggregates;
