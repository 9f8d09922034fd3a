//! The store and the coordinator of one life of the process.

use std::sync::Arc;
use std::time::Duration;

use everspan_checkpoint::{Coordinator, DetailLevel, Job, Options, Resumed, Run, Task};
use everspan_state::store::{CheckpointStore, Retry, StoreOptions};
use object_store::path::Path;

use super::{JOB, TASK};
use crate::cuts::PREFIX;
use crate::objects::Objects;
use crate::settings::Settings;

/// A checkpoint that takes longer is given up.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn open(objects: &Arc<Objects>, settings: &Settings) -> Arc<CheckpointStore> {
    let options = StoreOptions {
        inline_below: settings.inline_below,
        // Asking again needs a clock; a new checkpoint does it as well.
        retry: Retry {
            tries_max: 1,
            ..Retry::default()
        },
        silence_max: None,
        settings: Vec::new(),
    };
    let objects = Arc::clone(objects);
    Arc::new(CheckpointStore::over(
        objects,
        Path::from(PREFIX),
        JOB.to_owned(),
        options,
    ))
}

pub(super) fn coordinator(settings: &Settings, number: u64, last_id: u64) -> Coordinator {
    let job = Job {
        id: JOB.to_owned(),
        name: JOB.to_owned(),
        tasks: vec![Task {
            id: TASK.to_owned(),
            name: TASK.to_owned(),
            hosts: vec![JOB.to_owned(); usize::from(settings.partitions)],
        }],
    };
    let options = Options {
        timeout: TIMEOUT,
        tolerable_failures: None,
        retained: settings.retained,
        detail: DetailLevel::SpanPerCheckpoint,
        ..Options::default()
    };
    let resumed = Resumed {
        last_id,
        retained: Vec::new(),
    };
    Coordinator::new(job, run(number), options, resumed)
}

pub(super) fn run(number: u64) -> Run {
    Run::new(JOB, &number.to_string())
}
