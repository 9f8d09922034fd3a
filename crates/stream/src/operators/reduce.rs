//! `reduce` of a keyed stream: all records of a key become one, two by two.

use crate::api::functions::KeyedProcessFunction;
use crate::collector::Collector;
use crate::data::{Key, StateValue};
use crate::failure::Result;
use crate::keyed::{KeyedContext, KeyedOpenContext, ValueState, ValueStateDescriptor};

/// See the module.
#[derive(Clone)]
pub(crate) struct Reduce<T, F> {
    state: ValueState<Option<T>>,
    function: F,
}

impl<T, F> Reduce<T, F> {
    pub(crate) fn new(function: F) -> Self {
        Self {
            state: ValueState::default(),
            function,
        }
    }
}

impl<K, T, F> KeyedProcessFunction<K, T> for Reduce<T, F>
where
    K: Key,
    T: StateValue,
    F: FnMut(T, T) -> T + Clone + Send + 'static,
{
    type Out = T;

    fn open(&mut self, ctx: &mut KeyedOpenContext<'_, K>) -> Result {
        self.state = ctx.get_state(ValueStateDescriptor::new("reduced"))?;
        Ok(())
    }

    #[inline]
    fn process_element(
        &mut self,
        value: T,
        ctx: &mut KeyedContext<'_, K>,
        out: &mut impl Collector<T>,
    ) -> Result {
        let reduced = self.state.modify(ctx, |state| {
            let reduced = match state.take() {
                Some(earlier) => (self.function)(earlier, value),
                None => value,
            };
            state.insert(reduced).clone()
        })?;
        out.collect(reduced);
        Ok(())
    }
}
