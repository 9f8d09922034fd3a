//! A disk without room, under the sink, the store, or files on their way there.

use std::time::Duration;

use everspan_stream::{JobOptions, RestartStrategy, StateBackend};

use super::job::{Job, Place, until};
use crate::disk::SmallDisk;
use crate::state;

/// What lies on the full disk.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Full {
    /// All but files on their way to the store.
    SinkAndStore,
    /// Files on their way to the store.
    LocalDir,
    /// State on disk while the job works.
    WorkingState,
}

#[test]
fn a_full_disk_is_told_with_operator_and_subtask_and_costs_nothing_once_there_is_room() {
    for full in [Full::SinkAndStore, Full::LocalDir, Full::WorkingState] {
        // A tree wants some room to stay free.
        let Some(disk) = SmallDisk::mount(if full == Full::WorkingState { 64 } else { 16 }) else {
            eprintln!("skipped: this user may not mount a small disk");
            return;
        };
        let place = match full {
            Full::SinkAndStore => Place::fill(&disk.path().join("job")),
            Full::LocalDir | Full::WorkingState => Place::new(),
        };
        let dir = place.checkpoints().display().to_string();
        let mut options = JobOptions::checkpointing(dir, Duration::from_millis(10));
        options.restart = Some(RestartStrategy::FixedDelay {
            attempts: u32::MAX,
            delay: Duration::from_millis(10),
        });
        match full {
            Full::LocalDir => options.local_dir = Some(disk.path().to_owned()),
            // The sink fails by itself.
            Full::SinkAndStore => options.checkpoints.tolerable_failures = None,
            Full::WorkingState => {
                options.state = state(StateBackend::Lsm);
                options.state.lsm_dir = Some(disk.path().to_owned());
            }
        }
        disk.fill();
        let job = Job::held(2);
        let handle = job.start(&place, options);
        let control = handle.control();
        until(|| control.status().restarts >= 2, &handle);
        let failure = control
            .status()
            .last_failure
            .expect("it was restarted for a reason");
        let (operator, subtask) = match full {
            Full::SinkAndStore => ("(uid `files`): cannot write ", "/2) failed: "),
            Full::LocalDir => ("operator `counts`: ", "checkpoint was declined by MapWithState"),
            Full::WorkingState => ("(uid `counts`): ", "/2) failed: "),
        };
        for words in [operator, subtask, "No space left on device"] {
            assert!(failure.contains(words), "{full:?}: {failure}");
        }

        disk.free();
        job.release();
        handle.wait().expect("there is room");
        place.check();
    }
}
