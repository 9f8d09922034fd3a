//! From a checkpoint in the store to the state of every subtask of a new run.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use everspan_checkpoint::{Location, Report, SubtaskId};
use everspan_state::store::{CheckpointStore, Manifest};
use everspan_state::{Durability, KeyGroupRange, LocalCopies, Owned, Problem, Recovery};

use super::error::JobError;
use super::master::attachment_name;
use super::options::{JobOptions, Start};
use super::stores::Stores;
use crate::graph::{
    Graph, OperatorRecord, Restored, RestoredOperator, claimant, in_flight_uid, is_in_flight,
};

/// A checkpoint that a run begins with.
pub(crate) struct Beginning {
    pub(crate) manifest: Manifest,
    pub(crate) restored: Restored,
    /// Bytes and times so far, for each subtask that had anything.
    pub(crate) reports: BTreeMap<SubtaskId, Report>,
}

/// All checkpoints there are.
pub(crate) struct Known {
    /// The highest number.
    pub(crate) last_id: u64,
    /// Those that retention counts, oldest first.
    pub(crate) retained: Vec<u64>,
}

/// Where checkpoints are.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    pub(crate) stores: &'a Stores,
    /// Of this job, on this host.
    pub(crate) copies: Option<&'a LocalCopies>,
}

/// A checkpoint, and the store that has it.
type Stored<'a> = (Manifest, &'a CheckpointStore);

/// All of all stores, the newest first, and what is wrong with the others.
async fn all(stores: &Stores) -> Result<(Vec<Stored<'_>>, Vec<Problem>), JobError> {
    let (mut manifests, mut problems) = (Vec::new(), Vec::new());
    for store in stores.all() {
        let recovery = Recovery {
            store: Some(store),
            ..Recovery::default()
        };
        let found = recovery.checkpoints().await;
        let (readable, others) = found.map_err(|error| JobError::Restore(error.to_string()))?;
        manifests.extend(readable.into_iter().map(|manifest| (manifest, &**store)));
        problems.extend(others);
    }
    manifests.sort_by_key(|(manifest, _)| Reverse(manifest.checkpoint));
    Ok((manifests, problems))
}

/// Brings the state of the checkpoint that `options` ask for to `dir`; `None`: a fresh start.
pub(crate) async fn restore(
    graph: &Graph,
    places: Places<'_>,
    start: &Start,
    options: &JobOptions,
    dir: &Path,
) -> Result<(Option<Beginning>, Known), JobError> {
    let (manifests, problems) = all(places.stores).await?;
    let readable = manifests.iter().map(|(manifest, _)| manifest.checkpoint);
    let damaged = problems.iter().filter_map(|problem| problem.checkpoint);
    let known = Known {
        last_id: readable.chain(damaged).max().unwrap_or(0),
        retained: {
            let counted = manifests
                .iter()
                .rev()
                .filter(|(manifest, _)| !manifest.is_savepoint);
            counted.map(|(manifest, _)| manifest.checkpoint).collect()
        },
    };
    let wanted: Vec<&Stored<'_>> = match start {
        Start::Fresh => Vec::new(),
        Start::Newest => manifests.iter().collect(),
        Start::From(number) => manifests
            .iter()
            .filter(|(manifest, _)| manifest.checkpoint == *number)
            .collect(),
    };
    let mut damaged = match start {
        Start::Fresh => None,
        Start::Newest => problems.iter().find_map(told),
        Start::From(number) => {
            let mut of_it = problems
                .iter()
                .filter(|problem| problem.checkpoint == Some(*number));
            of_it.find_map(told)
        }
    };
    if let Start::From(number) = start
        && wanted.is_empty()
        && damaged.is_none()
    {
        let told = format!("there is no checkpoint {number} in {}", places.stores.places());
        return Err(JobError::Unrestorable(told));
    }
    for (manifest, store) in wanted {
        let recovery = Recovery {
            copies: places.copies,
            store: Some(store),
            progress: None,
            durability: Durability::Scratch,
        };
        match beginning(graph, &recovery, manifest, options, dir).await {
            Ok(beginning) => return Ok((Some(beginning), known)),
            // The next older one may be whole.
            Err(JobError::Damaged(reason)) => damaged = damaged.or(Some(reason)),
            Err(error) => return Err(error),
        }
    }
    match damaged {
        None => Ok((None, known)),
        Some(reason) => Err(JobError::Damaged(format!(
            "no checkpoint is whole, execution.state-recovery.path = none begins afresh: {reason}"
        ))),
    }
}

/// What is wrong with a checkpoint; nothing of a place as a whole.
fn told(problem: &Problem) -> Option<String> {
    let Problem { place, reason, .. } = problem;
    let number = problem.checkpoint?;
    Some(format!("checkpoint {number} in {place}: {reason}"))
}

async fn beginning(
    graph: &Graph,
    recovery: &Recovery<'_>,
    manifest: &Manifest,
    options: &JobOptions,
    dir: &Path,
) -> Result<Beginning, JobError> {
    let mut operators = records(manifest)?;
    check_claims(graph, manifest, &operators, options)?;
    let mut reports = listed(graph, &operators);
    for (task, of) in graph.tasks().iter().enumerate() {
        for (place, operator) in of.description.operators.iter().enumerate() {
            let uid = &*operator.uid;
            if !manifest.tasks.iter().any(|state| state.task == uid) {
                continue;
            }
            let restored = operators.entry(uid.to_owned()).or_default();
            for index in 0..of.parallelism {
                let subtask = subtask_id(task, index);
                let owner = Owned {
                    task: uid.to_owned(),
                    range: range(graph, index, of.parallelism),
                    to: dir.join(format!("{task}-{place}-{index}")),
                };
                let fetched = recovery.fetch(manifest, &owner).await.map_err(|error| {
                    let number = manifest.checkpoint;
                    let subtask = format!("subtask {}/{}", index + 1, of.parallelism);
                    let reason = format!("checkpoint {number}: operator {operator}, {subtask}: {error}");
                    if error.is_damage() {
                        JobError::Damaged(reason)
                    } else {
                        JobError::Restore(reason)
                    }
                })?;
                let report: &mut Report = reports.entry(subtask).or_default();
                if let Some(took) = fetched.download {
                    *report.download.get_or_insert_default() += took;
                }
                let bytes = [
                    (Location::LocalMemory, fetched.bytes.local_memory),
                    (Location::LocalDisk, fetched.bytes.local_disk),
                    (Location::Remote, fetched.bytes.remote),
                ];
                for (location, bytes) in bytes.into_iter().filter(|(_, bytes)| *bytes > 0) {
                    *report.restored_bytes.entry(location).or_default() += bytes;
                }
                restored.tables.push(fetched.parts);
            }
        }
    }
    Ok(Beginning {
        manifest: manifest.clone(),
        restored: Restored {
            operators,
            drops_unclaimed: options.drops_unclaimed,
        },
        reports,
    })
}

/// Bytes of what lies in the manifest itself, for each subtask that gets any of it: lists, and data in flight.
fn listed(graph: &Graph, operators: &BTreeMap<String, RestoredOperator>) -> BTreeMap<SubtaskId, Report> {
    let mut reports: BTreeMap<SubtaskId, Report> = BTreeMap::new();
    for (task, of) in graph.tasks().iter().enumerate() {
        let uids = of.description.operators.iter().map(|operator| &*operator.uid);
        let in_flight = uids.clone().next().map(in_flight_uid);
        for index in 0..of.parallelism {
            let share = |uid: &str| {
                operators
                    .get(uid)
                    .map_or(0, |of_it| of_it.listed_bytes(index, of.parallelism))
            };
            let lists = uids.clone().map(share).sum();
            let overtaken = in_flight.as_deref().map_or(0, |uid| {
                operators
                    .get(uid)
                    .map_or(0, |of_it| of_it.read_bytes(index, of.parallelism))
            });
            let found = [(Location::LocalMemory, lists), (Location::Unknown, overtaken)];
            for (location, bytes) in found.into_iter().filter(|(_, bytes)| *bytes > 0) {
                let report = reports.entry(subtask_id(task, index)).or_default();
                *report.restored_bytes.entry(location).or_default() += bytes;
            }
        }
    }
    reports
}

/// What the manifest says of every operator, subtask by subtask.
fn records(manifest: &Manifest) -> Result<BTreeMap<String, RestoredOperator>, JobError> {
    let mut operators: BTreeMap<String, RestoredOperator> = BTreeMap::new();
    let mut numbered: BTreeMap<(String, u32), OperatorRecord> = BTreeMap::new();
    for attachment in &manifest.attachments {
        let Some((subtask, uid)) = operator_of(&attachment.name) else {
            continue;
        };
        let record = OperatorRecord::decode(&attachment.bytes).map_err(|error| {
            let name = &attachment.name;
            JobError::Damaged(format!("checkpoint {}: {name}: {error}", manifest.checkpoint))
        })?;
        numbered.insert((uid.to_owned(), subtask), record);
    }
    for ((uid, _), record) in numbered {
        operators.entry(uid).or_default().records.push(record);
    }
    Ok(operators)
}

fn operator_of(attachment: &str) -> Option<(u32, &str)> {
    let (subtask, uid) = attachment.strip_prefix("operator/")?.split_once('/')?;
    let subtask = subtask.parse().ok()?;
    debug_assert_eq!(attachment, attachment_name(uid, subtask));
    Some((subtask, uid))
}

/// Every operator of the checkpoint is in the program, with as many key groups.
fn check_claims(
    graph: &Graph,
    manifest: &Manifest,
    operators: &BTreeMap<String, RestoredOperator>,
    options: &JobOptions,
) -> Result<(), JobError> {
    let of_program = || graph.tasks().iter().flat_map(|task| &task.description.operators);
    let takes_in_flight = |uid: &str| {
        let mut tasks = graph.tasks().iter();
        tasks.any(|task| task.description.has_in_flight_to(claimant(uid)))
    };
    let is_claimed = |uid: &str| {
        of_program().any(|operator| &*operator.uid == claimant(uid))
            && (!is_in_flight(uid) || takes_in_flight(uid))
    };
    let has_state = |of: &&RestoredOperator| {
        let mut records = of.records.iter();
        records.any(|record| !record.list.is_empty() || !record.states.is_empty())
    };
    let unclaimed = operators
        .iter()
        .find(|(uid, of)| has_state(of) && !is_claimed(uid));
    if let Some((uid, _)) = unclaimed
        && !options.drops_unclaimed
    {
        return Err(JobError::Unclaimed {
            checkpoint: manifest.checkpoint,
            uid: uid.clone(),
        });
    }
    let own = graph.max_parallelism();
    match manifest
        .tasks
        .iter()
        .find(|state| state.key_groups != own && is_claimed(&state.task))
    {
        Some(state) => Err(JobError::Unrestorable(format!(
            "checkpoint {}: operator `{}` has {} key groups, pipeline.max-parallelism is {own}",
            manifest.checkpoint, state.task, state.key_groups
        ))),
        None => Ok(()),
    }
}

fn range(graph: &Graph, index: usize, parallelism: usize) -> KeyGroupRange {
    let narrow = |number| u16::try_from(number).expect("the parallelism was compared with the key groups");
    KeyGroupRange::of_owner(narrow(index), narrow(parallelism), graph.max_parallelism())
}

/// The name of a subtask towards the coordinator.
pub(crate) fn subtask_id(task: usize, index: usize) -> SubtaskId {
    let narrow = |number| u32::try_from(number).expect("few tasks and subtasks");
    SubtaskId {
        task: narrow(task),
        index: narrow(index),
    }
}
