//! Files that earlier runs of a job have left hidden: written by a process that was killed, or prepared for a checkpoint
//! that never completed.
//!
//! ```text
//!  .part-<subtask>-<sink>-<writer>-<count>.inprogress
//!                  │      └ drawn
//!                  └ follows from job, operator and place of checkpoints: no other sink has it
//! ```
//!
//! They mean nothing once every subtask has committed what the newest checkpoint holds, which is so when the first barrier
//! of a run comes. A run that was told to begin elsewhere removes nothing: a newer checkpoint may be wanted again.

use std::fs;
use std::io;
use std::path::Path;

use everspan_trace::derive_trace_id;

use crate::runtime_context::RuntimeContext;

/// What the names of all files of one sink have in common, over all runs of its job.
pub(super) fn sink_of(context: &RuntimeContext) -> Option<String> {
    let lineage = context.lineage()?;
    let seed = format!("{}\n{}", lineage.id, context.operator().uid);
    let id = derive_trace_id(seed.as_bytes()).to_string();
    Some(id[..16].to_owned())
}

/// What one subtask of a sink is to remove.
#[derive(Debug)]
pub(super) struct Leftovers {
    sink: String,
    subtask: usize,
    parallelism: usize,
}

impl Leftovers {
    /// `None` when nothing is to be removed.
    pub(super) fn of(context: &RuntimeContext) -> Option<Self> {
        if !context.lineage()?.goes_on {
            return None;
        }
        Some(Self {
            sink: sink_of(context)?,
            subtask: context.index_of_this_subtask(),
            parallelism: context.number_of_parallel_subtasks(),
        })
    }

    /// Removes them; says how many there were. `own` is what the names of this writer's files begin with.
    pub(super) fn remove(&self, dir: &Path, own: &str) -> io::Result<usize> {
        let mut removed = 0;
        for entry in fs::read_dir(dir)? {
            let name = entry?.file_name();
            if name.to_str().is_some_and(|name| self.has(name, own)) {
                fs::remove_file(dir.join(&name))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Each subtask stands for those of its number, and, if there were more once, for its share of them.
    fn has(&self, name: &str, own: &str) -> bool {
        let stem = name
            .strip_prefix('.')
            .and_then(|name| name.strip_suffix(".inprogress"));
        let Some(stem) = stem.filter(|stem| !stem.starts_with(own)) else {
            return false;
        };
        match *stem.split('-').collect::<Vec<_>>() {
            ["part", subtask, sink, _writer, _count] => {
                let subtask = subtask.parse::<usize>();
                sink == self.sink && subtask.is_ok_and(|of| of % self.parallelism == self.subtask)
            }
            _ => false,
        }
    }
}
