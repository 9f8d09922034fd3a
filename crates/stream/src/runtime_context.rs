//! Where a function runs: what rich functions ask for in `open`.

use std::sync::Arc;

use everspan_trace::MetricGroup;

use crate::graph::Operator;

/// Which operator of which subtask of which job this is, and where its spans go. (Flink's `RuntimeContext`.)
#[derive(Clone, Debug)]
pub struct RuntimeContext {
    metric_group: MetricGroup,
    task_name: Arc<str>,
    operator: Operator,
    subtask: usize,
    parallelism: usize,
    max_parallelism: u16,
    attempt: u32,
    lineage: Option<Lineage>,
}

/// What ties the runs of one job together, also those of other processes: its checkpoints.
#[derive(Clone, Debug)]
pub(crate) struct Lineage {
    /// The job's name and where its checkpoints are.
    pub(crate) id: Arc<str>,
    /// Whether this run has gone on from the newest of them, so that what else was left means nothing.
    pub(crate) goes_on: bool,
}

impl RuntimeContext {
    /// Of the job as a whole; `attempt` counts its restarts from 0.
    pub(crate) fn of_job(metric_group: MetricGroup, attempt: u32) -> Self {
        Self {
            metric_group,
            task_name: "".into(),
            operator: Operator::unnamed(),
            subtask: 0,
            parallelism: 1,
            max_parallelism: 1,
            attempt,
            lineage: None,
        }
    }

    /// Of a job with checkpoints.
    pub(crate) fn with_lineage(self, lineage: Lineage) -> Self {
        Self {
            lineage: Some(lineage),
            ..self
        }
    }

    /// `None` for a job without checkpoints.
    pub(crate) fn lineage(&self) -> Option<&Lineage> {
        self.lineage.as_ref()
    }

    pub(crate) fn of_operator(
        &self,
        task: &str,
        (subtask, parallelism): (usize, usize),
        max_parallelism: u16,
        operator: &Operator,
    ) -> Self {
        let index = i64::try_from(subtask).expect("few subtasks");
        let group = self
            .metric_group
            .add_group("task_name", task.to_owned())
            .add_group("subtask_index", index)
            .add_group("operator_name", operator.name.to_string());
        Self {
            metric_group: group,
            task_name: task.into(),
            operator: operator.clone(),
            subtask,
            parallelism,
            max_parallelism,
            attempt: self.attempt,
            lineage: self.lineage.clone(),
        }
    }

    /// Where spans of this operator go.
    pub fn metric_group(&self) -> &MetricGroup {
        &self.metric_group
    }

    /// The name of the task: its operators.
    pub fn task_name(&self) -> &str {
        &self.task_name
    }

    /// The name of the operator.
    pub fn operator_name(&self) -> &str {
        &self.operator.name
    }

    /// The operator with its uid.
    pub fn operator(&self) -> &Operator {
        &self.operator
    }

    /// The number of this subtask, from 0.
    pub fn index_of_this_subtask(&self) -> usize {
        self.subtask
    }

    /// How many subtasks the task has.
    pub fn number_of_parallel_subtasks(&self) -> usize {
        self.parallelism
    }

    /// How many key groups keys are divided into.
    pub fn max_number_of_parallel_subtasks(&self) -> u16 {
        self.max_parallelism
    }

    /// How often the job was restarted before this run.
    pub fn attempt_number(&self) -> u32 {
        self.attempt
    }
}
