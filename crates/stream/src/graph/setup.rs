//! What a stage is given when it is made: who it is, and its ends of the exchanges.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use everspan_state::KeyGroupRange;

use super::{EdgeId, GateId, Graph, Operator, OwnState, Restored};
use crate::exchange::{Channel, Gauge, Waker};
use crate::keyed::StateSettings;
use crate::operators::side_output::SideStages;
use crate::runtime_context::RuntimeContext;
use crate::task::{Restoring, SubtaskFigures};

/// Gate, edge, sending subtask, receiving subtask.
type ChannelPlace = (usize, usize, usize, usize);

/// The channels, wakers and figures of one run of a graph.
pub(crate) struct Wiring {
    channels: BTreeMap<ChannelPlace, Box<dyn Any + Send>>,
    wakers: Vec<Vec<Arc<Waker>>>,
    figures: Vec<Vec<Arc<SubtaskFigures>>>,
    buffers_per_channel: usize,
    gauges: Vec<Gauge>,
    contexts: RuntimeContext,
    restored: Option<Restored>,
    is_checkpointed: bool,
    state: StateSettings,
}

impl Wiring {
    /// `restored` is what the run begins with; without checkpoints nobody commits but the end.
    pub(crate) fn new(
        graph: &Graph,
        contexts: RuntimeContext,
        restored: Option<Restored>,
        is_checkpointed: bool,
    ) -> Self {
        Self {
            restored,
            is_checkpointed,
            state: StateSettings::Heap { incremental: true },
            channels: BTreeMap::new(),
            buffers_per_channel: graph.options.buffers_per_channel,
            gauges: Vec::new(),
            wakers: of_each_subtask(graph),
            figures: of_each_subtask(graph),
            contexts,
        }
    }

    /// Where keyed state is, if not in memory.
    pub(crate) fn with_state(self, state: StateSettings) -> Self {
        Self { state, ..self }
    }

    pub(crate) fn waker(&self, task: usize, subtask: usize) -> Arc<Waker> {
        self.wakers[task][subtask].clone()
    }

    pub(crate) fn figures(&self, task: usize, subtask: usize) -> Arc<SubtaskFigures> {
        self.figures[task][subtask].clone()
    }

    /// One for each channel made so far.
    pub(crate) fn take_gauges(&mut self) -> Vec<Gauge> {
        std::mem::take(&mut self.gauges)
    }

    fn channel<T: Send + 'static>(
        &mut self,
        place: ChannelPlace,
        from_task: usize,
        to_task: usize,
    ) -> Arc<Channel<T>> {
        let (_, _, from, to) = place;
        let (sender, receiver) = (self.waker(from_task, from), self.waker(to_task, to));
        let (most, gauges) = (self.buffers_per_channel, &mut self.gauges);
        let channel = self.channels.entry(place).or_insert_with(|| {
            let channel = Arc::new(Channel::<T>::new(sender, receiver, most));
            gauges.push(Gauge {
                from: (from_task, from),
                to: (to_task, to),
                channel: channel.clone(),
            });
            Box::new(channel)
        });
        channel
            .downcast_ref::<Arc<Channel<T>>>()
            .expect("both ends of an exchange have its type")
            .clone()
    }
}

fn of_each_subtask<X: Default>(graph: &Graph) -> Vec<Vec<Arc<X>>> {
    let tasks = graph.tasks().iter();
    tasks
        .map(|task| (0..task.parallelism).map(|_| Arc::default()).collect())
        .collect()
}

/// See the module.
pub struct Setup<'a> {
    graph: &'a Graph,
    wiring: &'a mut Wiring,
    task: usize,
    subtask: usize,
    side_outputs: SideStages,
}

impl<'a> Setup<'a> {
    pub(crate) fn new(graph: &'a Graph, wiring: &'a mut Wiring, task: usize, subtask: usize) -> Self {
        Self {
            graph,
            wiring,
            task,
            subtask,
            side_outputs: SideStages::default(),
        }
    }

    /// The number of the subtask, from 0.
    pub fn subtask(&self) -> usize {
        self.subtask
    }

    /// How many subtasks the task has.
    pub fn parallelism(&self) -> usize {
        self.graph.tasks()[self.task].parallelism
    }

    /// How many key groups keys are divided into.
    pub fn max_parallelism(&self) -> u16 {
        self.graph.max_parallelism()
    }

    /// The stages of side outputs that the operator which is made next has.
    pub(crate) fn set_side_outputs(&mut self, side_outputs: SideStages) {
        self.side_outputs = side_outputs;
    }

    /// The side outputs of the operator that is being made.
    pub(crate) fn take_side_outputs(&mut self) -> SideStages {
        std::mem::take(&mut self.side_outputs)
    }

    /// How often watermarks leave, in ms of processing time; 0: only those that follow a record.
    pub(crate) fn auto_watermark_interval_ms(&self) -> i64 {
        self.graph.options.auto_watermark_interval_ms
    }

    /// The key groups of this subtask, and how many there are in all.
    pub fn key_groups(&self) -> (KeyGroupRange, u16) {
        let groups = self.max_parallelism();
        let narrow =
            |number| u16::try_from(number).expect("the parallelism is at most the number of key groups");
        let range = KeyGroupRange::of_owner(narrow(self.subtask), narrow(self.parallelism()), groups);
        (range, groups)
    }

    pub(crate) fn figures(&self) -> Arc<SubtaskFigures> {
        self.wiring.figures(self.task, self.subtask)
    }

    /// What the functions of an operator of this subtask see of where they are.
    pub fn runtime_context(&self, operator: &Operator) -> RuntimeContext {
        let task = self.graph.tasks()[self.task].description.name();
        self.wiring.contexts.of_operator(
            &task,
            (self.subtask, self.parallelism()),
            self.max_parallelism(),
            operator,
        )
    }

    /// What this subtask of an operator begins with, if the run goes on from a checkpoint that knows the operator.
    pub fn restored(&self, operator: &Operator) -> Option<OwnState> {
        let restored = self.wiring.restored.as_ref()?;
        restored.share(&operator.uid, self.subtask, self.parallelism())
    }

    /// Where keyed state is kept.
    pub(crate) fn state_settings(&self) -> StateSettings {
        self.wiring.state.clone()
    }

    /// Whether the job makes checkpoints, so that what is prepared is committed when one completes.
    pub fn is_checkpointed(&self) -> bool {
        self.wiring.is_checkpointed
    }

    /// Whether the task begins with this operator.
    pub(crate) fn begins_with(&self, operator: &Operator) -> bool {
        let first = self.graph.tasks()[self.task].description.operators.first();
        first.is_some_and(|first| first.uid == operator.uid)
    }

    /// Data in flight to an operator that a checkpoint holds, of all subtasks.
    pub(crate) fn in_flight(&self, head: &Operator) -> Vec<Vec<u8>> {
        let restored = self.wiring.restored.as_ref();
        restored
            .map(|restored| restored.in_flight(&head.uid))
            .unwrap_or_default()
    }

    /// Data in flight that a checkpoint holds for a gate, of all subtasks, and how it is divided anew.
    pub(crate) fn restoring<T: 'static>(&self, gate: GateId<T>) -> Restoring<T> {
        let head = self.graph.tasks()[self.task].description.operators.first();
        let head = head.expect("a task has an operator");
        let edges = self.graph.gates[gate.index].edges.iter();
        Restoring {
            head: head.clone(),
            subtask: self.subtask,
            parallelism: self.parallelism(),
            elements: self.in_flight(head),
            routers: edges
                .map(|edge| {
                    let router = edge.router.downcast_ref::<super::MakeRouter<T>>();
                    router.expect("an exchange has the type of its gate")()
                })
                .collect(),
        }
    }

    /// The channels into a gate with the numbers of their exchanges, in the order of the senders.
    pub(crate) fn inputs<T: Send + 'static>(&mut self, gate: GateId<T>) -> Vec<(usize, Arc<Channel<T>>)> {
        let mut channels = Vec::new();
        for (edge, of) in self.graph.gates[gate.index].edges.iter().enumerate() {
            let from_task = of.from.expect("every sending end is attached to a task");
            let senders = 0..self.graph.tasks()[from_task].parallelism;
            for from in senders.filter(|from| !of.pointwise || *from == self.subtask) {
                let place = (gate.index, edge, from, self.subtask);
                channels.push((edge, self.wiring.channel(place, from_task, self.task)));
            }
        }
        channels
    }

    /// The operator that receives what is sent there.
    pub(crate) fn receiver<T>(&self, edge: &EdgeId<T>) -> Operator {
        let task = self.graph.gates[edge.gate.index].task;
        let first = self.graph.tasks()[task].description.operators.first();
        first.expect("a task has an operator").clone()
    }

    /// The channels out of a sending end, in the order of the receivers.
    pub(crate) fn outputs<T: Send + 'static>(&mut self, edge: &EdgeId<T>) -> Vec<Arc<Channel<T>>> {
        let gate = &self.graph.gates[edge.gate.index];
        let receivers = 0..self.graph.tasks()[gate.task].parallelism;
        let pointwise = gate.edges[edge.edge].pointwise;
        receivers
            .filter(|to| !pointwise || *to == self.subtask)
            .map(|to| {
                let place = (edge.gate.index, edge.edge, self.subtask, to);
                self.wiring.channel(place, self.task, gate.task)
            })
            .collect()
    }
}
