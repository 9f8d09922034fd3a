//! Names of side outputs.

use std::fmt;
use std::sync::Arc;

use crate::graph::Branches;

/// Names a side output of records of type `X`. (Flink's `OutputTag`.)
///
/// A function gives records to it, [`get_side_output`](crate::DataStream::get_side_output) makes a stream of them. Two
/// tags of one name are two; a clone is the same.
///
/// ```
/// use everspan_stream::{
///     Collector, KeyedContext, KeyedProcessFunction, OutputTag, Result, StreamExecutionEnvironment,
/// };
///
/// #[derive(Clone)]
/// struct Split {
///     odd: OutputTag<u64>,
/// }
///
/// impl KeyedProcessFunction<u64, u64> for Split {
///     type Out = u64;
///
///     fn process_element(
///         &mut self,
///         number: u64,
///         ctx: &mut KeyedContext<'_, u64>,
///         out: &mut impl Collector<u64>,
///     ) -> Result {
///         if number % 2 == 1 {
///             ctx.output(&self.odd, number);
///         } else {
///             out.collect(number);
///         }
///         Ok(())
///     }
/// }
///
/// let env = StreamExecutionEnvironment::new();
/// let odd = OutputTag::new("odd");
/// let mut even = env.from_sequence(1, 4).key_by(|number| *number).process(Split { odd: odd.clone() });
/// let odd = even.get_side_output(&odd).collect();
/// let even = even.collect();
/// env.execute("split")?;
/// assert_eq!((even.take(), odd.take()), (vec![2, 4], vec![1, 3]));
/// # Ok::<(), everspan_stream::JobError>(())
/// ```
pub struct OutputTag<X> {
    name: Arc<str>,
    records: std::marker::PhantomData<fn() -> X>,
}

impl<X> OutputTag<X> {
    /// A tag of this name.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            records: std::marker::PhantomData,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the other is this tag or a clone of it.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.name, &other.name)
    }
}

impl<X> Clone for OutputTag<X> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            records: std::marker::PhantomData,
        }
    }
}

impl<X> fmt::Debug for OutputTag<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OutputTag").field(&self.name).finish()
    }
}

/// A side output that a program made a stream of.
pub(crate) struct Tagged<X> {
    pub(crate) tag: OutputTag<X>,
    pub(crate) branches: Branches<X>,
}
