//! What the windows of the jobs count.

use everspan_stream::{AggregateFunction, Collector, ProcessWindowFunction, Result, WindowContext};

use super::plan::{Event, Out, SIZE_MS};

/// How many came.
#[derive(Clone)]
pub(super) struct Counting;

impl AggregateFunction<Event> for Counting {
    type Accumulator = u64;
    type Out = u64;

    fn create_accumulator(&self) -> u64 {
        0
    }

    fn add(&self, _event: Event, count: &mut u64) {
        *count += 1;
    }

    fn get_result(&self, count: u64) -> u64 {
        count
    }

    fn merge(&self, count: &mut u64, later: u64) {
        *count += later;
    }
}

/// Says which window it was.
#[derive(Clone)]
pub(super) struct Named;

impl ProcessWindowFunction<u32, u64> for Named {
    type Out = Out;

    fn process(
        &mut self,
        &key: &u32,
        context: &WindowContext,
        count: u64,
        out: &mut impl Collector<Out>,
    ) -> Result {
        let end = context.window().end;
        out.collect(Out::Window { key, end, count });
        Ok(())
    }
}

/// A record that came too late for its tumbling window.
pub(super) fn too_late(event: Event) -> Out {
    Out::Late {
        key: event.key,
        end: event.time.div_euclid(SIZE_MS) * SIZE_MS + SIZE_MS,
    }
}
