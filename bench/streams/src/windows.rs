//! The workloads with windows, as a Flink user would write them.

use std::time::Duration;

use everspan_stream::{
    AggregateFunction, Chain, Collector, DataStream, ProcessWindowFunction, Result, SlidingEventTimeWindows,
    TumblingEventTimeWindows, WatermarkStrategy, WindowContext,
};

use crate::generators::Event;
use crate::result::Fields;

/// Event time and its watermarks.
pub(crate) fn timed(events: DataStream<Event, impl Chain<Event>>) -> DataStream<Event, impl Chain<Event>> {
    events.assign_timestamps_and_watermarks(
        WatermarkStrategy::for_monotonous_timestamps().with_timestamp_assigner(|event: &Event, _| event.ts),
    )
}

/// q5: the auction with the most bids of the last 10 s, every 2 s.
pub(crate) fn hottest_auctions(
    events: DataStream<Event, impl Chain<Event>>,
) -> DataStream<Fields, impl Chain<Fields>> {
    let seconds = Duration::from_secs;
    timed(events)
        .filter(|event| event.kind == 2)
        .key_by(|bid| bid.auction)
        .window(SlidingEventTimeWindows::of(seconds(10), seconds(2)))
        .aggregate_with(Count, WithWindowEnd)
        .key_by(|count| count.0)
        .window(TumblingEventTimeWindows::of(seconds(2)))
        .reduce(|a, b| if (a.2, b.1) > (b.2, a.1) { a } else { b })
        .map(|(end, auction, bids)| [end as u64, auction as u64, bids, 0])
}

/// q8: who came and offered something within the same 10 s.
pub(crate) fn new_sellers(
    events: DataStream<Event, impl Chain<Event>>,
) -> DataStream<Fields, impl Chain<Fields>> {
    let events = timed(events).share();
    let persons = events.clone().filter(|event| event.kind == 0);
    let auctions = events.filter(|event| event.kind == 1);
    persons
        .join(auctions)
        .where_key(|person| person.person)
        .equal_to(|auction| auction.person)
        .window(TumblingEventTimeWindows::of(Duration::from_secs(10)))
        .apply(|person, auction| [person.person as u64, auction.auction as u64, 0, 0])
}

#[derive(Clone)]
struct Count;

impl AggregateFunction<Event> for Count {
    type Accumulator = u64;
    type Out = u64;

    fn create_accumulator(&self) -> u64 {
        0
    }

    fn add(&self, _bid: Event, count: &mut u64) {
        *count += 1;
    }

    fn get_result(&self, count: u64) -> u64 {
        count
    }

    fn merge(&self, count: &mut u64, later: u64) {
        *count += later;
    }
}

/// (end of the window, auction, bids).
#[derive(Clone)]
struct WithWindowEnd;

impl ProcessWindowFunction<i64, u64> for WithWindowEnd {
    type Out = (i64, i64, u64);

    fn process(
        &mut self,
        auction: &i64,
        context: &WindowContext,
        bids: u64,
        out: &mut impl Collector<Self::Out>,
    ) -> Result {
        out.collect((context.window().end, *auction, bids));
        Ok(())
    }
}
