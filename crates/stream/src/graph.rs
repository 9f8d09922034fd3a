//! What a program built: tasks, each a chain of operators, and the exchanges between them.
//!
//! A stream is attached from its end: a sink asks the stream in front of it to attach it, which wraps it and asks the
//! one in front again, until a source or an exchange makes a task of the whole. So every chain is one nested type.

mod branches;
mod operator;
mod restored;
mod setup;

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

pub(crate) use branches::{Branches, TeeFactory};
pub(crate) use operator::named;
pub use operator::{Operator, OperatorOptions};
pub use restored::OwnState;
pub(crate) use restored::{
    OperatorRecord, Restored, RestoredOperator, claimant, in_flight_uid, is_in_flight,
};
pub use setup::Setup;
pub(crate) use setup::Wiring;

use crate::data::Data;
use crate::exchange::{ExchangeFactory, Partitioner, Router};
use crate::operators::side_output::SideOutput;
use crate::runtime::error::JobError;
use crate::stage::Stage;
use crate::task::{GateHead, Subtask};

/// Makes one stage, with everything behind it, for each subtask and each run.
pub trait StageFactory<T>: Send + 'static {
    /// The stage.
    type Stage: Stage<T> + 'static;

    /// Makes it for the subtask of `setup`.
    fn make(&self, setup: &mut Setup<'_>) -> Self::Stage;

    /// Tells which operators and exchanges are in it, the first first.
    fn describe(&self, task: &mut TaskDescription);
}

/// A stream as far as it is built: knows what is in front, and takes what comes behind.
pub trait Chain<T>: Send + Sized + 'static {
    /// Puts `next` behind.
    fn attach<N: StageFactory<T>>(self, next: N, graph: &mut Graph);

    /// Ends here: records go to the task that receives from `gate`.
    fn send_to<P: Partitioner<T>>(self, gate: GateId<T>, partitioner: P, graph: &mut Graph)
    where
        T: Data,
    {
        let router = partitioner.clone();
        let edge = graph.add_edge(gate, P::POINTWISE, move || Router::new(router.clone()));
        self.attach(ExchangeFactory::new(edge, partitioner), graph);
    }

    /// The operator that was added last.
    fn operator(&mut self) -> &mut OperatorOptions;

    /// The side outputs of the operator that was added last, if it can have any.
    fn side_outputs(&mut self) -> Option<&mut Vec<Box<dyn SideOutput>>> {
        None
    }

    /// How many subtasks its task has; `None`: as many as the environment says.
    fn parallelism(&mut self) -> &mut Option<usize>;
}

/// The receiving end of an exchange.
pub struct GateId<T> {
    index: usize,
    records: PhantomData<fn() -> T>,
}

impl<T> Clone for GateId<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for GateId<T> {}

/// One sending end of an exchange.
pub struct EdgeId<T> {
    gate: GateId<T>,
    edge: usize,
}

/// What a task is made of.
#[derive(Clone, Debug, Default)]
pub struct TaskDescription {
    /// Its operators, in the order of the data.
    pub operators: Vec<Operator>,
    /// Whether it begins with a source.
    pub(crate) is_source: bool,
    /// Where it sends to: gate and edge.
    edges: Vec<(usize, usize)>,
    /// Uids of the operators to which records may have been in flight when a checkpoint was made.
    in_flight_to: Vec<Arc<str>>,
}

impl TaskDescription {
    /// An operator.
    pub fn operator(&mut self, operator: &Operator) {
        self.operators.push(operator.clone());
    }

    /// An exchange it sends into.
    pub fn edge<T>(&mut self, edge: &EdgeId<T>) {
        self.edges.push((edge.gate.index, edge.edge));
    }

    /// The operator of this number, if there is one, takes what was in flight to it.
    pub(crate) fn takes_in_flight(&mut self, operator: usize) {
        let operator = self.operators.get(operator);
        self.in_flight_to.extend(operator.map(|of| of.uid.clone()));
    }

    /// Whether it takes what was in flight to the operator of this uid.
    pub(crate) fn has_in_flight_to(&self, uid: &str) -> bool {
        self.in_flight_to.iter().any(|of| &**of == uid)
    }

    /// All of it as if it were one operator, for failures that are no operator's.
    pub(crate) fn as_operator(&self) -> Operator {
        let name = self.name();
        Operator {
            uid: name.as_str().into(),
            name: name.into(),
            has_own_uid: false,
        }
    }

    /// The operators' names, as people know them from Flink.
    pub fn name(&self) -> String {
        let names: Vec<&str> = self.operators.iter().map(|operator| &*operator.name).collect();
        names.join(" -> ")
    }
}

type MakeSubtask = Box<dyn Fn(&mut Setup<'_>) -> Box<dyn Subtask> + Send>;

/// One task.
pub(crate) struct Task {
    pub(crate) description: TaskDescription,
    pub(crate) parallelism: usize,
    make: MakeSubtask,
}

struct Gate {
    /// The receiving task.
    task: usize,
    edges: Vec<Edge>,
}

struct Edge {
    pointwise: bool,
    /// The sending task, once it is attached.
    from: Option<usize>,
    /// A [`MakeRouter`] of the gate's records.
    router: Box<dyn Any + Send>,
}

/// Says where records in flight of an exchange belong when the number of subtasks has changed.
type MakeRouter<T> = Box<dyn Fn() -> Router<T> + Send>;

/// Something that waits for what is behind it.
struct Finish {
    is_ready: Box<dyn Fn() -> bool + Send>,
    attach: Box<dyn FnOnce(&mut Graph) + Send>,
}

/// Everything a program built.
#[derive(Default)]
pub struct Graph {
    tasks: Vec<Task>,
    gates: Vec<Gate>,
    uids: operator::Uids,
    finish: Vec<Finish>,
    pub(crate) options: GraphOptions,
}

/// What holds for the whole graph.
#[derive(Clone, Debug)]
pub(crate) struct GraphOptions {
    /// Subtasks of tasks that say nothing else.
    pub(crate) parallelism: usize,
    /// How many key groups keys are divided into: the most subtasks a keyed task can have.
    pub(crate) max_parallelism: u16,
    /// Whether operators are put into one chain across a `key_by` where both sides have one subtask.
    pub(crate) chain_keyed: bool,
    /// How often watermarks leave, in ms of processing time; 0: only those that follow a record.
    pub(crate) auto_watermark_interval_ms: i64,
    /// Batches that wait in one channel at most.
    pub(crate) buffers_per_channel: usize,
}

impl Default for GraphOptions {
    fn default() -> Self {
        Self {
            parallelism: 1,
            max_parallelism: 128,
            chain_keyed: true,
            auto_watermark_interval_ms: 200,
            buffers_per_channel: crate::exchange::BUFFERS_PER_CHANNEL,
        }
    }
}

impl Graph {
    /// A name and a uid for an operator.
    pub fn add_operator(&mut self, options: OperatorOptions) -> Operator {
        self.uids.name(options)
    }

    /// A task made by `make` for each subtask.
    pub fn add_task(
        &mut self,
        description: TaskDescription,
        parallelism: Option<usize>,
        make: impl Fn(&mut Setup<'_>) -> Box<dyn Subtask> + Send + 'static,
    ) -> usize {
        let index = self.tasks.len();
        for &(gate, edge) in &description.edges {
            self.gates[gate].edges[edge].from = Some(index);
        }
        self.tasks.push(Task {
            description,
            parallelism: parallelism.unwrap_or(self.options.parallelism),
            make: Box::new(make),
        });
        index
    }

    /// A task that begins with what other tasks send; `first` is its first operator.
    pub fn add_gate_task<T: Data, N: StageFactory<T>>(
        &mut self,
        first: N,
        parallelism: Option<usize>,
    ) -> GateId<T> {
        let gate = GateId {
            index: self.gates.len(),
            records: PhantomData,
        };
        let mut description = TaskDescription::default();
        first.describe(&mut description);
        if description.operators.is_empty() {
            // It only hands on: data in flight of it needs a name all the same.
            let relay = self.add_operator(OperatorOptions::named("Relay"));
            description.operators.push(relay);
        }
        description.takes_in_flight(0);
        let task = self.add_task(description, parallelism, move |setup| {
            let channels = setup.inputs(gate);
            let restoring = setup.restoring(gate);
            let chain = first.make(setup);
            Box::new(GateHead::new(channels, restoring, chain, setup.figures()))
        });
        self.gates.push(Gate {
            task,
            edges: Vec::new(),
        });
        gate
    }

    /// One more sending end into a gate. With `pointwise` each subtask sends to the one of its number only.
    pub(crate) fn add_edge<T: 'static>(
        &mut self,
        gate: GateId<T>,
        pointwise: bool,
        router: impl Fn() -> Router<T> + Send + 'static,
    ) -> EdgeId<T> {
        let edges = &mut self.gates[gate.index].edges;
        let router: MakeRouter<T> = Box::new(router);
        edges.push(Edge {
            pointwise,
            from: None,
            router: Box::new(router),
        });
        EdgeId {
            gate,
            edge: edges.len() - 1,
        }
    }

    /// Something that can be attached only when all that is behind it is: `is_ready` tells. At the latest when the program
    /// has built everything; streams without a sink are left out.
    pub fn at_end(
        &mut self,
        is_ready: impl Fn() -> bool + Send + 'static,
        attach: impl FnOnce(&mut Graph) + Send + 'static,
    ) {
        self.finish.push(Finish {
            is_ready: Box::new(is_ready),
            attach: Box::new(attach),
        });
    }

    /// The program has built everything: attaches what was put off, and checks the whole.
    pub(crate) fn finish(&mut self) -> Result<(), JobError> {
        while !self.finish.is_empty() {
            let ready = self.finish.iter().position(|finish| (finish.is_ready)());
            let next = self.finish.remove(ready.unwrap_or(self.finish.len() - 1));
            (next.attach)(self);
        }
        if let Some(uid) = self.uids.twice().first() {
            return Err(JobError::UidTwice(uid.clone()));
        }
        let most = usize::from(self.options.max_parallelism);
        let too_wide = self.tasks.iter().find(|task| task.parallelism > most);
        too_wide.map_or(Ok(()), |task| {
            Err(JobError::Parallelism {
                task: task.description.name(),
                parallelism: task.parallelism,
                max_parallelism: self.options.max_parallelism,
            })
        })
    }

    /// The number of subtasks of a task that says `wanted`.
    pub fn parallelism(&self, wanted: Option<usize>) -> usize {
        wanted.unwrap_or(self.options.parallelism)
    }

    /// How many key groups keys are divided into.
    pub fn max_parallelism(&self) -> u16 {
        self.options.max_parallelism
    }

    pub(crate) fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// Makes one subtask.
    pub(crate) fn make(&self, wiring: &mut Wiring, task: usize, subtask: usize) -> Box<dyn Subtask> {
        let mut setup = Setup::new(self, wiring, task, subtask);
        (self.tasks[task].make)(&mut setup)
    }
}

/// Shared by an environment and the streams made from it.
pub(crate) type SharedGraph = Arc<std::sync::Mutex<Graph>>;
