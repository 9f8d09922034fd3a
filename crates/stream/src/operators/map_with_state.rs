//! `map_with_state` of a keyed stream: a closure with one value per key.

use crate::api::functions::KeyedProcessFunction;
use crate::collector::Collector;
use crate::data::{Key, StateValue};
use crate::failure::Result;
use crate::keyed::{KeyedContext, KeyedOpenContext, ValueState, ValueStateDescriptor};

/// See the module.
#[derive(Clone)]
pub(crate) struct MapWithState<V, F> {
    name: String,
    state: ValueState<V>,
    function: F,
}

impl<V, F> MapWithState<V, F> {
    pub(crate) fn new(name: &str, function: F) -> Self {
        Self {
            name: name.to_owned(),
            state: ValueState::default(),
            function,
        }
    }
}

impl<K, T, V, U, F> KeyedProcessFunction<K, T> for MapWithState<V, F>
where
    K: Key,
    V: StateValue + Default,
    F: FnMut(&K, &mut V, T) -> U + Clone + Send + 'static,
{
    type Out = U;

    fn open(&mut self, ctx: &mut KeyedOpenContext<'_, K>) -> Result {
        self.state = ctx.get_state(ValueStateDescriptor::new(&self.name))?;
        Ok(())
    }

    #[inline]
    fn process_element(
        &mut self,
        value: T,
        ctx: &mut KeyedContext<'_, K>,
        out: &mut impl Collector<U>,
    ) -> Result {
        let key = ctx.key();
        let result = self
            .state
            .modify(ctx, |state| (self.function)(&key.key, state, value))?;
        out.collect(result);
        Ok(())
    }
}
