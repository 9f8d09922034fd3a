use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{FileSink, FileWriter, PendingFile};
use crate::api::sink::{Sink, SinkWriter};
use crate::failure::Result;
use crate::graph::Operator;
use crate::runtime_context::{Lineage, RuntimeContext};

type Encode = fn(&u64, &mut Vec<u8>) -> Result;

fn writer(dir: &Path, part_bytes_max: u64) -> FileWriter<Encode> {
    let group = everspan_export::Reporters::new(Vec::new()).metric_group();
    let sink: FileSink<Encode> = FileSink::text_lines(dir).part_bytes_max(part_bytes_max);
    sink.writer(&RuntimeContext::of_job(group, 0))
        .expect("the directory can be made")
}

/// A writer of a job with checkpoints.
fn writer_of(dir: &Path, job: &str, goes_on: bool, place: (usize, usize)) -> FileWriter<Encode> {
    let group = everspan_export::Reporters::new(Vec::new()).metric_group();
    let lineage = Lineage {
        id: job.into(),
        goes_on,
    };
    let operator = Operator {
        name: "Sink".into(),
        uid: "files".into(),
        has_own_uid: true,
    };
    let job = RuntimeContext::of_job(group, 0).with_lineage(lineage);
    let context = job.of_operator("task", place, 128, &operator);
    let sink: FileSink<Encode> = FileSink::text_lines(dir);
    sink.writer(&context).expect("the directory can be made")
}

#[test]
fn what_a_killed_run_has_left_is_removed_at_the_first_barrier_of_one_that_goes_on_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let left = |job, subtask, number| {
        let mut killed = writer_of(dir.path(), job, false, (subtask, 4));
        write(&mut killed, [number]);
        prepare(&mut killed)
    };
    let held = left("mine", 0, 1);
    for (job, subtask, number) in [("mine", 0, 2), ("mine", 1, 3), ("mine", 2, 4), ("other", 0, 5)] {
        left(job, subtask, number);
    }
    let hidden = |dir: &Path| files(dir).remove(".part").unwrap_or_default();
    let all = [
        "1
", "2
", "3
", "4
", "5
",
    ];
    assert_eq!(hidden(dir.path()), all);

    // One that was told to begin elsewhere.
    let mut elsewhere = writer_of(dir.path(), "mine", false, (0, 2));
    assert!(prepare(&mut elsewhere).is_empty());
    assert_eq!(hidden(dir.path()), all);

    let mut next = writer_of(dir.path(), "mine", true, (0, 2));
    commit(&mut next, &held).unwrap();
    write(&mut next, [6]);
    assert_eq!(
        hidden(dir.path()).len(),
        5,
        "not before every subtask has committed"
    );
    let own = prepare(&mut next);
    assert_eq!(
        hidden(dir.path()),
        [
            "3
", "5
", "6
"
        ],
        "of subtask 1, of another job, its own"
    );
    commit(&mut next, &own).unwrap();
    assert_eq!(
        files(dir.path())["part"],
        [
            "1
", "6
"
        ]
    );
}

/// Text of each file, by its first word: `part` or `.part`.
fn files(dir: &Path) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let kind = name.split('-').next().unwrap().to_owned();
        found
            .entry(kind)
            .or_default()
            .push(fs::read_to_string(&path).unwrap());
    }
    found.values_mut().for_each(|texts| texts.sort());
    found
}

fn write(writer: &mut FileWriter<Encode>, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        writer.write(number, None).unwrap();
    }
}

fn prepare(writer: &mut FileWriter<Encode>) -> Vec<PendingFile> {
    SinkWriter::<u64>::prepare_commit(writer).unwrap()
}

fn commit(writer: &mut FileWriter<Encode>, prepared: &[PendingFile]) -> Result<(), String> {
    SinkWriter::<u64>::commit(writer, prepared.to_vec()).map_err(|error| error.to_string())
}

#[test]
fn a_file_is_visible_only_when_it_is_committed_and_committing_twice_is_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path(), 1000);
    write(&mut writer, [1, 2]);
    let first = prepare(&mut writer);
    write(&mut writer, [3]);
    let second = prepare(&mut writer);
    assert!(prepare(&mut writer).is_empty(), "nothing was written since");
    assert!(!files(dir.path()).contains_key("part"));

    commit(&mut writer, &first).unwrap();
    let visible = |texts: &[&str]| Some(texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
    assert_eq!(files(dir.path()).get("part").cloned(), visible(&["1\n2\n"]));

    let both: Vec<_> = first.into_iter().chain(second).collect();
    for _ in 0..2 {
        commit(&mut writer, &both).unwrap();
        assert_eq!(
            files(dir.path()).get("part").cloned(),
            visible(&["1\n2\n", "3\n"])
        );
    }
}

#[test]
fn a_writer_of_a_later_run_commits_what_an_earlier_one_prepared_and_never_takes_its_names() {
    let dir = tempfile::tempdir().unwrap();
    let mut killed = writer(dir.path(), 1000);
    write(&mut killed, [1]);
    let prepared = prepare(&mut killed);
    write(&mut killed, [2]);
    drop(killed);

    let mut restored = writer(dir.path(), 1000);
    commit(&mut restored, &prepared).unwrap();
    write(&mut restored, [2, 3]);
    let rest = prepare(&mut restored);
    commit(&mut restored, &rest).unwrap();
    assert_eq!(files(dir.path())["part"], ["1\n", "2\n3\n"]);
}

#[test]
fn parts_are_closed_when_they_are_large_and_what_no_checkpoint_holds_goes_when_the_writer_closes() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path(), 4);
    write(&mut writer, [1, 2, 3, 4, 5]);
    let prepared = prepare(&mut writer);
    commit(&mut writer, &prepared).unwrap();
    assert_eq!(files(dir.path())["part"], ["1\n2\n", "3\n4\n", "5\n"]);

    write(&mut writer, [6, 7, 8]);
    SinkWriter::<u64>::close(&mut writer).unwrap();
    assert!(!files(dir.path()).contains_key(".part"));
}

#[test]
fn a_file_that_is_gone_or_changed_is_told_and_nothing_is_committed_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path(), 1000);
    write(&mut writer, [1]);
    let prepared = prepare(&mut writer);
    let PendingFile { hidden, visible, .. } = &prepared[0];

    fs::write(hidden, "1\n2\n").unwrap();
    assert_eq!(
        commit(&mut writer, &prepared),
        Err(format!("{hidden} has 4 bytes, but its checkpoint says 2"))
    );
    fs::remove_file(hidden).unwrap();
    assert_eq!(
        commit(&mut writer, &prepared),
        Err(format!(
            "a checkpoint holds {hidden}, and neither it nor {visible} is there: if a reader has taken the visible \
             file away already, make an empty one of its name"
        ))
    );
    fs::write(visible, "").unwrap();
    assert_eq!(commit(&mut writer, &prepared), Ok(()));
}

#[test]
fn a_directory_that_cannot_be_written_is_told_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("taken");
    fs::write(&path, "").unwrap();
    let group = everspan_export::Reporters::new(Vec::new()).metric_group();
    let sink = FileSink::<Encode>::text_lines(path.join("out"));
    let error = sink.writer(&RuntimeContext::of_job(group, 0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot make the directory {}: Not a directory (os error 20)",
            path.join("out").display()
        )
    );
}
