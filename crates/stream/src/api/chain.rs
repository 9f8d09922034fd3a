//! The shapes that streams are built of.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::source::Source;
use crate::data::Data;
use crate::exchange::Partitioner;
use crate::failure::Result;
use crate::graph::{Chain, GateId, Graph, Operator, OperatorOptions, Setup, StageFactory, TaskDescription};
use crate::operators::OperatorFactory;
use crate::operators::side_output::{SideOutput, SideStages};
use crate::panicked::{Blamed, blame};
use crate::task::snapshot::decoded;
use crate::task::{ChainedFactory, SourceHead};

/// A stream that begins with a source.
pub(crate) struct FromSource<S> {
    pub(crate) source: S,
    pub(crate) operator: OperatorOptions,
    pub(crate) parallelism: Option<usize>,
}

impl<S: Source> Chain<S::Item> for FromSource<S> {
    fn attach<N: StageFactory<S::Item>>(self, next: N, graph: &mut Graph) {
        let operator = graph.add_operator(self.operator);
        let mut description = TaskDescription::default();
        description.is_source = true;
        description.operator(&operator);
        next.describe(&mut description);
        let source = self.source;
        // What the first subtask found is divided among all.
        let found = Mutex::new(Vec::new());
        graph.add_task(description, self.parallelism, move |setup| {
            let splits = match setup.restored(&operator) {
                Some(own) => decoded(&own.list),
                None => blame(&operator, || divide(&source, setup, &found)),
            };
            let chain = next.make(setup);
            let context = setup.runtime_context(&operator);
            Box::new(SourceHead::new(
                (source.clone(), splits),
                operator.clone(),
                context,
                chain,
                setup.figures(),
            ))
        });
    }

    fn operator(&mut self) -> &mut OperatorOptions {
        &mut self.operator
    }

    fn parallelism(&mut self) -> &mut Option<usize> {
        &mut self.parallelism
    }
}

/// The share of one subtask of what the first one finds.
fn divide<S: Source>(
    source: &S,
    setup: &Setup<'_>,
    found: &Mutex<Vec<Vec<S::Split>>>,
) -> Result<Vec<S::Split>> {
    let mut found = lock(found);
    let parallelism = setup.parallelism();
    if setup.subtask() == 0 {
        found.clear();
        found.resize_with(parallelism, Vec::new);
        for (number, split) in source.splits(parallelism)?.into_iter().enumerate() {
            found[number % parallelism].push(split);
        }
    }
    Ok(found
        .get_mut(setup.subtask())
        .map(std::mem::take)
        .unwrap_or_default())
}

/// A stream with one operator more, in the same chain.
pub(crate) struct Then<T, B, O> {
    before: B,
    factory: O,
    operator: OperatorOptions,
    side_outputs: Vec<Box<dyn SideOutput>>,
    records: PhantomData<fn() -> T>,
}

impl<T, B, O> Then<T, B, O> {
    pub(crate) fn new(before: B, factory: O, name: &str) -> Self {
        Self {
            before,
            factory,
            operator: OperatorOptions::named(name),
            side_outputs: Vec::new(),
            records: PhantomData,
        }
    }
}

impl<T: 'static, B: Chain<T>, O: OperatorFactory<T>> Chain<O::Out> for Then<T, B, O> {
    fn attach<N: StageFactory<O::Out>>(self, next: N, graph: &mut Graph) {
        let operator = graph.add_operator(self.operator);
        let side_outputs = Arc::new(Mutex::new(self.side_outputs));
        let here = Linked {
            factory: self.factory,
            operator,
            side_outputs: side_outputs.clone(),
            next,
        };
        if lock(&side_outputs).is_empty() {
            self.before.attach(here, graph);
        } else {
            let is_ready = move || lock(&side_outputs).iter().all(|side| side.is_complete());
            let before = self.before;
            graph.at_end(is_ready, |graph| before.attach(here, graph));
        }
    }

    fn side_outputs(&mut self) -> Option<&mut Vec<Box<dyn SideOutput>>> {
        O::HAS_SIDE_OUTPUTS.then_some(&mut self.side_outputs)
    }

    fn operator(&mut self) -> &mut OperatorOptions {
        &mut self.operator
    }

    fn parallelism(&mut self) -> &mut Option<usize> {
        self.before.parallelism()
    }
}

/// An operator with everything behind it.
struct Linked<O, N> {
    factory: O,
    operator: Operator,
    side_outputs: Arc<Mutex<Vec<Box<dyn SideOutput>>>>,
    next: N,
}

impl<T: 'static, O: OperatorFactory<T>, N: StageFactory<O::Out>> StageFactory<T> for Linked<O, N> {
    type Stage = Blamed<O::Stage<N::Stage>>;

    fn make(&self, setup: &mut Setup<'_>) -> Self::Stage {
        let next = self.next.make(setup);
        let side = lock(&self.side_outputs)
            .iter()
            .map(|side| side.make(setup))
            .collect();
        setup.set_side_outputs(SideStages::new(side));
        Blamed::new(&self.operator, self.factory.make(next, &self.operator, setup))
    }

    fn describe(&self, task: &mut TaskDescription) {
        task.operator(&self.operator);
        lock(&self.side_outputs)
            .iter()
            .for_each(|side| side.describe(task));
        self.next.describe(task);
    }
}

fn lock<X>(shared: &Mutex<X>) -> MutexGuard<'_, X> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stream that goes on in another task.
pub(crate) struct Exchanged<B, P> {
    pub(crate) before: B,
    pub(crate) partitioner: P,
    pub(crate) parallelism: Option<usize>,
    /// Whether the chain may simply go on where both sides have one subtask.
    pub(crate) may_chain: bool,
}

impl<T: Data, B: Chain<T>, P: Partitioner<T>> Chain<T> for Exchanged<B, P> {
    fn attach<N: StageFactory<T>>(mut self, next: N, graph: &mut Graph) {
        let from = graph.parallelism(*self.before.parallelism());
        let to = graph.parallelism(self.parallelism);
        if self.may_chain && graph.options.chain_keyed && from == 1 && to == 1 {
            self.before.attach(ChainedFactory::new(next), graph);
        } else {
            let gate = graph.add_gate_task(next, self.parallelism);
            self.before.send_to(gate, self.partitioner, graph);
        }
    }

    fn operator(&mut self) -> &mut OperatorOptions {
        self.before.operator()
    }

    fn parallelism(&mut self) -> &mut Option<usize> {
        &mut self.parallelism
    }
}

/// Two streams of the same records as one.
pub(crate) struct United<A, B> {
    pub(crate) first: A,
    pub(crate) second: B,
    pub(crate) parallelism: Option<usize>,
}

impl<T: Data, A: Chain<T>, B: Chain<T>> Chain<T> for United<A, B> {
    fn attach<N: StageFactory<T>>(self, next: N, graph: &mut Graph) {
        let gate = graph.add_gate_task(next, self.parallelism);
        self.send_to(gate, crate::exchange::Rebalance::default(), graph);
    }

    /// Both send there: a union costs nothing of its own.
    fn send_to<P: Partitioner<T>>(self, gate: GateId<T>, partitioner: P, graph: &mut Graph) {
        self.first.send_to(gate, partitioner.clone(), graph);
        self.second.send_to(gate, partitioner, graph);
    }

    fn operator(&mut self) -> &mut OperatorOptions {
        self.second.operator()
    }

    fn parallelism(&mut self) -> &mut Option<usize> {
        &mut self.parallelism
    }
}
