//! The sources of the jobs: they read the plan's splits in the order of event time, and pause.

use std::ops::Range;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_stream::{Collector, Progress, Result, RuntimeContext, Source, SourceReader};

use super::Mutation;
use super::outside::Outside;
use super::plan::Event;

/// A pause that makes a source idle, ms.
const LONG_PAUSE_MS: i64 = 120;

/// A source.
#[derive(Clone)]
pub(super) struct Input {
    pub(super) outside: Arc<Outside>,
    pub(super) splits: Range<u32>,
    /// One pause in so many is a long one; 0: none.
    pub(super) long_pause: usize,
}

/// How far a split is read.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct Place {
    split: u32,
    next: u32,
}

pub(super) struct Reader {
    input: Input,
    places: Vec<Place>,
    /// It has said that it comes again then, ms.
    pauses_until: Option<i64>,
}

impl Source for Input {
    type Item = Event;
    type Split = Place;
    type Reader = Reader;

    fn splits(&self, _parallelism: usize) -> Result<Vec<Place>> {
        let place = |split| Place { split, next: 0 };
        Ok(self.splits.clone().map(place).collect())
    }

    fn reader(&self, _context: &RuntimeContext) -> Result<Reader> {
        Ok(Reader {
            input: self.clone(),
            places: Vec::new(),
            pauses_until: None,
        })
    }
}

impl Reader {
    /// The split whose next event is the earliest.
    fn earliest(&self) -> Option<(usize, Event)> {
        let plan = &self.input.outside.plan;
        let next = |place: &Place| {
            let split = &plan.splits[place.split as usize];
            split.get(place.next as usize).copied()
        };
        let all = self.places.iter().enumerate();
        let left = all.filter_map(|(index, place)| Some((index, next(place)?)));
        left.min_by_key(|(_, event)| (event.time, event.split))
    }
}

impl SourceReader for Reader {
    type Item = Event;
    type Split = Place;

    fn add_splits(&mut self, splits: Vec<Place>) -> Result {
        self.places.extend(splits);
        Ok(())
    }

    fn poll_next(&mut self, _max: usize, out: &mut impl Collector<Event>) -> Result<Progress> {
        let outside = &self.input.outside;
        outside.mishap(outside.settings.failing_function, "the source cannot be read")?;
        self.pauses_until.take_if(|until| *until <= outside.now_ms());
        if let Some(until) = self.pauses_until {
            return Ok(Progress::Later { at_ms: Some(until) });
        }
        if self.earliest().is_none() {
            return Ok(Progress::End);
        }
        if outside.below(3) == 0 {
            let is_long = self.input.long_pause > 0 && outside.below(self.input.long_pause) == 0;
            let short = i64::try_from(outside.below(15)).expect("a few ms");
            let pause = if is_long { LONG_PAUSE_MS } else { short };
            self.pauses_until = Some(outside.now_ms() + pause);
            return Ok(Progress::Later {
                at_ms: self.pauses_until,
            });
        }
        for _ in 0..=outside.below(4) {
            if let Some((index, event)) = self.earliest() {
                self.places[index].next += 1;
                out.collect(event);
            }
        }
        Ok(Progress::More)
    }

    fn snapshot(&mut self) -> Result<Vec<Place>> {
        let outside = &self.input.outside;
        outside.mishap(outside.settings.failing_sink, "the source has no place")?;
        let mut places = self.places.clone();
        if outside.settings.mutation == Some(Mutation::SourceForgets) {
            places
                .iter_mut()
                .for_each(|place| place.next -= place.next.min(1));
        }
        Ok(places)
    }
}
