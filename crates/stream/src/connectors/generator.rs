//! A source that works its records out from their numbers.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::api::source::{Progress, Source, SourceReader};
use crate::collector::Collector;
use crate::failure::Result;
use crate::runtime_context::RuntimeContext;

/// Makes record number *i* of `0..records` by a function. (Flink's `DataGeneratorSource`.)
///
/// The numbers are divided into one contiguous range per subtask.
#[derive(Clone)]
pub struct GeneratorSource<F> {
    records: u64,
    make: F,
    per_second: Option<u64>,
}

impl<F> GeneratorSource<F> {
    /// `records` records.
    pub fn new(records: u64, make: F) -> Self {
        Self {
            records,
            make,
            per_second: None,
        }
    }

    /// All subtasks together make no more records than this in a second; for trying things out.
    #[must_use]
    pub fn per_second(mut self, records: u64) -> Self {
        self.per_second = Some(records.max(1));
        self
    }
}

/// Numbers that are still to be made.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct NumberRange {
    /// The next one.
    pub next: u64,
    /// The first that is not in it.
    pub end: u64,
}

impl<T: 'static, F: Fn(u64) -> T + Clone + Send + 'static> Source for GeneratorSource<F> {
    type Item = T;
    type Split = NumberRange;
    type Reader = GeneratorReader<F>;

    fn splits(&self, parallelism: usize) -> Result<Vec<NumberRange>> {
        let parts = parallelism as u64;
        // The product of two u64 fits into u128.
        let bound = |part: u64| {
            let place = u128::from(self.records) * u128::from(part) / u128::from(parts);
            u64::try_from(place).expect("a part of a u64")
        };
        let split = |part| NumberRange {
            next: bound(part),
            end: bound(part + 1),
        };
        Ok((0..parts).map(split).collect())
    }

    fn reader(&self, context: &RuntimeContext) -> Result<GeneratorReader<F>> {
        let share = |all: u64| all as f64 / context.number_of_parallel_subtasks() as f64;
        Ok(GeneratorReader {
            make: self.make.clone(),
            ranges: Vec::new(),
            pace: self.per_second.map(|all| Pace::new(share(all))),
        })
    }
}

/// See [`GeneratorSource`].
pub struct GeneratorReader<F> {
    make: F,
    /// The last is being made.
    ranges: Vec<NumberRange>,
    pace: Option<Pace>,
}

/// Lets so many records pass in a second.
#[derive(Debug)]
struct Pace {
    per_second: f64,
    began: Instant,
    made: u64,
}

impl Pace {
    fn new(per_second: f64) -> Self {
        Self {
            per_second,
            began: Instant::now(),
            made: 0,
        }
    }

    /// How many may be made now, or the time, ms since the Unix epoch, at which the next may.
    fn allows(&self) -> Result<u64, i64> {
        let due = self.began.elapsed().as_secs_f64() * self.per_second;
        // A float that is too large or below zero becomes the nearest there is.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "of a time that is not negative, as above"
        )]
        let allowed = (due as u64).saturating_sub(self.made);
        if allowed > 0 {
            return Ok(allowed);
        }
        let wait = Duration::from_secs_f64((self.made as f64 + 1.0 - due) / self.per_second);
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + wait;
        Err(i64::try_from(at.as_millis())
            .unwrap_or(i64::MAX)
            .saturating_add(1))
    }
}

impl<T: 'static, F: Fn(u64) -> T + Send + 'static> SourceReader for GeneratorReader<F> {
    type Item = T;
    type Split = NumberRange;

    fn add_splits(&mut self, splits: Vec<NumberRange>) -> Result {
        self.ranges.extend(splits);
        Ok(())
    }

    fn poll_next(&mut self, max: usize, out: &mut impl Collector<T>) -> Result<Progress> {
        let Some(range) = self.ranges.last_mut() else {
            return Ok(Progress::End);
        };
        let mut most = max as u64;
        if let Some(pace) = &mut self.pace {
            match pace.allows() {
                Ok(allowed) => most = most.min(allowed),
                Err(at_ms) => return Ok(Progress::Later { at_ms: Some(at_ms) }),
            }
            pace.made += most.min(range.end - range.next);
        }
        let until = range.end.min(range.next + most);
        for number in range.next..until {
            out.collect((self.make)(number));
        }
        range.next = until;
        if range.next == range.end {
            self.ranges.pop();
        }
        Ok(Progress::More)
    }

    fn snapshot(&mut self) -> Result<Vec<NumberRange>> {
        Ok(self.ranges.clone())
    }
}
