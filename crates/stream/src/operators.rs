//! What happens to records: one operator per file. None has a thread or a clock.

pub(crate) mod filter;
pub(crate) mod flat_map;
#[cfg(test)]
pub(crate) mod harness;
pub(crate) mod keyed_process;
mod look_ahead;
pub(crate) mod map;
pub(crate) mod map_with_state;
pub(crate) mod reduce;
pub(crate) mod side_output;
pub(crate) mod sink;
pub(crate) mod timestamps;
pub(crate) mod window;

use crate::graph::{Operator, Setup};
use crate::stage::Stage;

/// An operator, as a program describes it: makes its stage in front of any next one.
pub trait OperatorFactory<T>: Send + 'static {
    /// What comes out.
    type Out: 'static;
    /// The stage, in front of `N`.
    type Stage<N: Stage<Self::Out> + 'static>: Stage<T> + 'static;

    /// Whether it takes the side outputs that [`Setup`] has for it.
    const HAS_SIDE_OUTPUTS: bool = false;

    /// Makes it for the subtask of `setup`.
    fn make<N: Stage<Self::Out> + 'static>(
        &self,
        next: N,
        operator: &Operator,
        setup: &mut Setup<'_>,
    ) -> Self::Stage<N>;
}
