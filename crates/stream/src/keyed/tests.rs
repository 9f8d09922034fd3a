use crate::api::window_functions::AggregateFunction;
use crate::{
    AggregatingState, AggregatingStateDescriptor, Collector, KeyedContext, KeyedOpenContext,
    KeyedProcessFunction, ReducingState, ReducingStateDescriptor, Result, StreamExecutionEnvironment,
};

/// The mean of what was added.
#[derive(Clone)]
struct Mean;

impl AggregateFunction<u64> for Mean {
    type Accumulator = (u64, u64);
    type Out = u64;

    fn create_accumulator(&self) -> (u64, u64) {
        (0, 0)
    }

    fn add(&self, value: u64, (sum, count): &mut (u64, u64)) {
        *sum += value;
        *count += 1;
    }

    fn get_result(&self, (sum, count): (u64, u64)) -> u64 {
        sum / count
    }

    fn merge(&self, (sum, count): &mut (u64, u64), later: (u64, u64)) {
        *sum += later.0;
        *count += later.1;
    }
}

/// Largest and mean of each key's numbers; 0 forgets them.
#[derive(Clone, Default)]
struct Summary {
    largest: ReducingState<u64>,
    mean: AggregatingState<u64, Mean>,
    /// Whether `open` makes them.
    is_made: bool,
}

type Summed = (u64, Option<u64>, Option<u64>);

impl KeyedProcessFunction<u64, u64> for Summary {
    type Out = Summed;

    fn open(&mut self, ctx: &mut KeyedOpenContext<'_, u64>) -> Result {
        if self.is_made {
            self.largest = ctx.get_reducing_state(ReducingStateDescriptor::new("largest", u64::max))?;
            self.mean =
                ctx.get_aggregating_state(AggregatingStateDescriptor::new("mean", Mean).version(2))?;
        }
        Ok(())
    }

    fn process_element(
        &mut self,
        number: u64,
        ctx: &mut KeyedContext<'_, u64>,
        out: &mut impl Collector<Summed>,
    ) -> Result {
        if number == 0 {
            self.largest.clear(ctx)?;
            self.mean.clear(ctx)?;
        } else {
            self.largest.add(ctx, number)?;
            self.mean.add(ctx, number)?;
        }
        out.collect((*ctx.current_key(), self.largest.get(ctx)?, self.mean.get(ctx)?));
        Ok(())
    }
}

fn summed(is_made: bool) -> Result<Vec<Summed>, String> {
    let env = StreamExecutionEnvironment::new();
    let out = env
        .from_collection([(1, 4), (2, 9), (1, 8), (1, 3), (2, 0), (2, 7)])
        .key_by(|&(key, _): &(u64, u64)| key)
        .process(Pairs(Summary {
            is_made,
            ..Summary::default()
        }))
        .collect();
    let ran = env.execute("summary").map_err(|error| error.to_string());
    ran.map(|_| out.take())
}

/// Hands on the second of a pair.
#[derive(Clone)]
struct Pairs(Summary);

impl KeyedProcessFunction<u64, (u64, u64)> for Pairs {
    type Out = Summed;

    fn open(&mut self, ctx: &mut KeyedOpenContext<'_, u64>) -> Result {
        self.0.open(ctx)
    }

    fn process_element(
        &mut self,
        (_, number): (u64, u64),
        ctx: &mut KeyedContext<'_, u64>,
        out: &mut impl Collector<Summed>,
    ) -> Result {
        self.0.process_element(number, ctx, out)
    }
}

#[test]
fn reducing_and_aggregating_states_hold_one_value_per_key_of_all_that_was_added() {
    let expected = [
        (1, Some(4), Some(4)),
        (2, Some(9), Some(9)),
        (1, Some(8), Some(6)),
        (1, Some(8), Some(5)),
        (2, None, None),
        (2, Some(7), Some(7)),
    ];
    assert_eq!(summed(true), Ok(expected.to_vec()));
}

#[test]
fn a_state_that_open_has_not_made_is_refused_by_the_first_use() {
    let error = summed(false).expect_err("there is no state");
    let words = "operator `KeyedProcess`: a state is used that `open` has not made: call get_state there";
    assert!(error.ends_with(words), "{error}");
}
