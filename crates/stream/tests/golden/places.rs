//! Where checkpoints and savepoints are, and with which state they may be used.

use std::fs;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use everspan_stream::{JobOptions, JobState, Start, StateBackend};
use everspan_trace::{Span, SpanReceiver, Value};

use super::job::{Job, Place, until};
use crate::{WAYS, checkpointed};

const ALIGNED: [crate::Way; 2] = [WAYS[0], WAYS[2]];

#[test]
fn a_savepoint_in_a_place_of_its_own_is_whole_when_everything_else_is_gone() {
    for way in ALIGNED {
        let place = Place::new();
        let options = || JobOptions {
            savepoint_dir: Some(place.dir().join("savepoints").display().to_string()),
            ..checkpointed(&place, way)
        };
        let handle = Job::held(2).start(&place, options());
        let control = handle.control();
        until(|| control.status().checkpoints.counts().completed > 0, &handle);
        let savepoint = control
            .stop_with_savepoint()
            .expect("a running job has savepoints");
        handle.wait().expect("the savepoint ends the job");
        let name = format!("checkpoints/{savepoint:020}.manifest");
        assert!(place.dir().join("savepoints").join(&name).exists());
        assert!(!place.checkpoints().join(&name).exists());
        fs::remove_dir_all(place.checkpoints()).expect("checkpoints were made");

        let from = JobOptions {
            start: Start::From(savepoint),
            ..options()
        };
        Job::with(4).run(&place, from);
        place.check();
    }
}

#[test]
fn one_place_for_both_and_savepoints_without_checkpoints_are_refused_with_their_keys() {
    let place = Place::new();
    let dir = place.checkpoints().display().to_string();
    let refused = |checkpoint_dir: Option<String>, savepoint_dir: String| {
        let options = JobOptions {
            checkpoint_dir,
            savepoint_dir: Some(savepoint_dir),
            ..JobOptions::default()
        };
        Job::with(1)
            .try_start(&place, options)
            .err()
            .expect("refused")
            .to_string()
    };
    for told in [refused(Some(dir.clone()), format!("{dir}/")), refused(None, dir)] {
        assert!(told.contains("execution.checkpointing.savepoint-dir"), "{told}");
        assert!(told.contains("execution.checkpointing.dir"), "{told}");
    }
}

#[test]
fn a_checkpoint_of_the_other_backend_is_refused_at_once_with_both_names() {
    for (written, other, names) in [
        (WAYS[0], WAYS[2], ["hashmap, the job has lsm", "`counts`"]),
        (WAYS[2], WAYS[0], ["lsm, the job has hashmap", "`counts`"]),
    ] {
        let place = Place::new();
        let handle = Job::held(2).start(&place, checkpointed(&place, written));
        let control = handle.control();
        until(|| control.status().state == JobState::Running, &handle);
        control
            .stop_with_savepoint()
            .expect("a running job has savepoints");
        handle.wait().expect("the savepoint ends the job");

        let handle = Job::with(2).start(&place, checkpointed(&place, other));
        let control = handle.control();
        let error = handle.wait().expect_err("it cannot be read").to_string();
        assert!(names.iter().all(|name| error.contains(name)), "{error}");
        assert_eq!(control.status().restarts, 0, "no restart mends it");

        Job::with(2).run(&place, checkpointed(&place, written));
        place.check();
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<Span>>);

impl SpanReceiver for Told {
    fn add(&self, span: Span) {
        self.0
            .lock()
            .expect("no test panics while it adds a span")
            .push(span);
    }
}

impl Told {
    /// A number of every span of this name that has it.
    fn numbers(&self, name: &str, key: &str) -> Vec<Option<i64>> {
        let spans = self.0.lock().expect("no test panics while it adds a span");
        let spans = spans.iter().filter(|span| span.name == name);
        let of = |span: &Span| {
            span.attributes
                .iter()
                .find(|of| of.key == key)
                .map(|of| match of.value {
                    Value::Int(number) => number,
                    ref other => panic!("{key} is {other:?}"),
                })
        };
        spans.map(of).collect()
    }
}

/// A job that fails once behind a checkpoint and goes on; what it told.
fn recovered(place: &Place, mut options: JobOptions) -> Arc<Told> {
    let told = Arc::new(Told::default());
    options.spans = Some(told.clone());
    options.store.inline_below = 0;
    let job = Job::held(2);
    let handle = job.start(place, options);
    let control = handle.control();
    let has_two = || control.status().checkpoints.counts().completed > 1;
    until(has_two, &handle);
    job.is_to_panic.store(true, Ordering::Release);
    let runs_again = || control.status().restarts == 1 && control.status().state == JobState::Running;
    until(runs_again, &handle);
    until(has_two, &handle);
    job.release();
    handle.wait().expect("the job goes on");
    place.check();
    told
}

#[test]
fn a_restart_takes_state_from_the_copy_on_this_host_where_there_is_one() {
    for (way, local_recovery) in ALIGNED.into_iter().flat_map(|way| [(way, true), (way, false)]) {
        let place = Place::new();
        let mut options = checkpointed(&place, way);
        options.state.local_recovery = Some(local_recovery);
        let told = recovered(&place, options);
        let of_restart = |key: &str| told.numbers("JobInitialization", key)[1].is_some();
        let case = format!("{way:?} {local_recovery}");
        for (key, expected) in [
            ("sumRestoredStateSizeBytes.LOCAL_DISK", local_recovery),
            ("sumRestoredStateSizeBytes.REMOTE", !local_recovery),
            ("maxDownloadStateDurationMs", !local_recovery),
            ("maxRestoreStateDurationMs", true),
        ] {
            assert_eq!(of_restart(key), expected, "{key} {case}");
        }
    }
}

#[test]
fn checkpoints_move_what_changed_or_everything_as_is_asked() {
    for (way, incremental) in ALIGNED.into_iter().flat_map(|way| [(way, true), (way, false)]) {
        let place = Place::new();
        let mut options = checkpointed(&place, way);
        options.state.incremental = incremental;
        let told = recovered(&place, options);
        let moved = told.numbers("Checkpoint", "checkpointedSize");
        let full = told.numbers("Checkpoint", "fullSize");
        let completed = told.numbers("Checkpoint", "metadataSize");
        let whole = (0..completed.len()).filter(|&one| completed[one].is_some());
        let less = whole.filter(|&one| moved[one] < full[one]).count();
        assert_eq!(less > 0, incremental, "{way:?}: {moved:?} of {full:?}");
    }
}

#[test]
fn what_a_job_with_state_on_disk_worked_with_is_removed_when_it_ends() {
    let place = Place::new();
    let mut options = checkpointed(&place, WAYS[2]);
    let lsm_dir = place.dir().join("trees");
    options.state.lsm_dir = Some(lsm_dir.clone());
    assert_eq!(options.state.backend, StateBackend::Lsm);
    let job = Job::held(2);
    let handle = job.start(&place, options);
    let control = handle.control();
    until(|| control.status().state == JobState::Running, &handle);
    let entries = |dir| fs::read_dir(dir).expect("it was made").count();
    assert_eq!(entries(&lsm_dir), 1, "the job's own");
    job.release();
    handle.wait().expect("nothing goes wrong");
    assert_eq!((entries(&lsm_dir), entries(&place.work())), (0, 0));
    place.check();
}
