//! A source that works its records out from their numbers.

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
}

impl<F> GeneratorSource<F> {
    /// `records` records.
    pub fn new(records: u64, make: F) -> Self {
        Self { records, make }
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

    fn reader(&self, _context: &RuntimeContext) -> Result<GeneratorReader<F>> {
        Ok(GeneratorReader {
            make: self.make.clone(),
            ranges: Vec::new(),
        })
    }
}

/// See [`GeneratorSource`].
pub struct GeneratorReader<F> {
    make: F,
    /// The last is being made.
    ranges: Vec<NumberRange>,
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
        let until = range.end.min(range.next + max as u64);
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
