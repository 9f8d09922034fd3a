use std::fs;
use std::path::PathBuf;

use super::*;
use crate::{FetchedPart, KeyGroupRange, LsmOptions, LsmShared, Owner};

struct Bed {
    dir: tempfile::TempDir,
    options: LsmOptions,
}

impl Bed {
    fn new() -> Self {
        let shared = LsmShared::start(1 << 20, 64).unwrap();
        let owner = Owner {
            partition: 0,
            partitions: 1,
            cluster: "0123456789abcdef0123456789abcdef".to_owned(),
        };
        let mut options = LsmOptions::new(shared, owner);
        options.l0_tables_max = 2;
        Self {
            dir: tempfile::tempdir().unwrap(),
            options,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn open(&self, name: &str) -> LsmBackend {
        LsmBackend::open(&self.path(name), self.options.clone()).unwrap()
    }

    /// Takes a snapshot and writes it here and now.
    fn snapshot(&self, state: &mut LsmBackend, to: &str) -> SnapshotFiles {
        state.snapshot().unwrap().write(&self.path(to)).unwrap()
    }

    fn restore(&self, from: &SnapshotFiles, to: &str) -> LsmBackend {
        let part = part_of(from);
        let restored = LsmBackend::restore(&[part], whole(), &self.path(to), self.options.clone());
        restored.unwrap().state
    }
}

fn part_of(snapshot: &SnapshotFiles) -> FetchedPart {
    FetchedPart::of_snapshot(snapshot, whole()).unwrap()
}

/// One owner has all.
fn whole() -> KeyGroupRange {
    KeyGroupRange::of_owner(0, 1, 1)
}

/// Batch `n` is a pure function of `n`.
fn apply(state: &mut LsmBackend, batches: std::ops::RangeInclusive<u64>) {
    for n in batches {
        for key in 0..20 {
            let key = (n * 31 + key * 7) % 500;
            if (n + key) % 5 == 0 {
                state.delete(&key.to_be_bytes());
            } else {
                state.put(&key.to_be_bytes(), &[n.to_le_bytes()[0]; 300]);
            }
        }
        state.commit(n);
    }
}

/// The digest of the state after `n` batches.
fn model(n: u64) -> u128 {
    let bed = Bed::new();
    let mut state = bed.open("model");
    apply(&mut state, 1..=n);
    state.digest().unwrap()
}

#[test]
fn a_snapshot_is_the_state_at_its_position_whatever_the_state_does_later() {
    let bed = Bed::new();
    let mut state = bed.open("state");
    let mut taken = Vec::new();
    for round in 1..=8 {
        apply(&mut state, (round - 1) * 40 + 1..=round * 40);
        let snapshot = state.snapshot().unwrap();
        // Work goes on, also to disk, before the snapshot is written.
        apply_next(&mut state, round * 40);
        if round % 2 == 0 {
            state.flush().unwrap();
        }
        let written = snapshot.write(&bed.path(&format!("s{round}"))).unwrap();
        assert_eq!(written.position, round * 40);
        taken.push(written);
        drop(state);
        let part = part_of(&taken[taken.len() - 1]);
        fs::remove_dir_all(bed.path("state")).unwrap();
        state = LsmBackend::restore(&[part], whole(), &bed.path("state"), bed.options.clone())
            .unwrap()
            .state;
    }
    drop(state);
    for (round, snapshot) in (1..).zip(&taken) {
        let restored = bed.restore(snapshot, &format!("restored{round}"));
        assert_eq!(restored.applied(), snapshot.position);
        assert_eq!(
            restored.digest().unwrap(),
            model(snapshot.position),
            "round {round}"
        );
    }
}

/// Something that must not be in a snapshot taken at `position`.
fn apply_next(state: &mut LsmBackend, position: u64) {
    for key in 0..500u64 {
        state.put(&key.to_be_bytes(), b"later");
    }
    state.commit(position + 1);
}

/// The disk is slow: no flush ends before it is let.
#[test]
fn a_snapshot_is_taken_and_work_goes_on_while_a_flush_is_under_way() {
    let bed = Bed::new();
    let mut state = bed.open("state");
    let (let_go, held) = std::sync::mpsc::channel();
    apply(&mut state, 1..=40);
    let first = state.snapshot_behind(move || held.recv().unwrap()).unwrap();
    apply(&mut state, 41..=80);
    let second = state.snapshot().unwrap();
    assert_eq!(state.poll_flush().unwrap(), None);
    apply(&mut state, 81..=100);
    assert_eq!(state.digest().unwrap(), model(100), "what is on its way is read");
    for key in 0..500u64 {
        let (key, scanned) = (
            key.to_be_bytes(),
            state.scan(&key.to_be_bytes(), None, 1).unwrap(),
        );
        let got = state.get(&key).unwrap();
        assert_eq!(scanned.first().map(|(_, value)| value), got.as_ref());
    }
    let_go.send(()).unwrap();
    let second = second.write(&bed.path("second")).unwrap();
    let first = first.write(&bed.path("first")).unwrap();
    assert_eq!(state.flush().unwrap(), 100);
    drop(state);
    for (snapshot, position) in [(first, 40), (second, 80)] {
        assert_eq!(snapshot.position, position);
        let to = format!("restored-{position}");
        assert_eq!(bed.restore(&snapshot, &to).digest().unwrap(), model(position));
    }
    assert_eq!(bed.open("state").digest().unwrap(), model(100));
}

#[test]
fn a_snapshot_outlives_compactions_that_replace_all_its_tables() {
    let bed = Bed::new();
    let mut state = bed.open("state");
    apply(&mut state, 1..=40);
    let snapshot = state.snapshot().unwrap();
    for n in 41..=80 {
        apply(&mut state, n..=n);
        state.flush().unwrap();
    }
    while state.counters().compactions == 0 {
        std::thread::yield_now();
    }
    let written = snapshot.write(&bed.path("s")).unwrap();
    drop(state);
    assert_eq!(bed.restore(&written, "restored").digest().unwrap(), model(40));
    assert_eq!(bed.open("state").digest().unwrap(), model(80));
}

#[test]
fn a_snapshot_that_is_not_written_before_its_state_is_closed_says_so_and_frees_its_files() {
    let bed = Bed::new();
    let mut state = bed.open("state");
    apply(&mut state, 1..=40);
    let snapshot = state.snapshot().unwrap();
    drop(state);
    let mut state = bed.open("state");
    apply(&mut state, 41..=60);
    state.flush().unwrap();
    let error = snapshot.write(&bed.path("s")).unwrap_err().to_string();
    assert!(error.contains("the state was closed"), "{error}");
    assert!(!bed.path("s").exists());
    drop(state);
    assert_eq!(bed.open("state").digest().unwrap(), model(60));
}

#[test]
fn a_snapshot_is_not_written_over_another() {
    let bed = Bed::new();
    let mut state = bed.open("state");
    apply(&mut state, 1..=10);
    let written = bed.snapshot(&mut state, "s");
    let error = state.snapshot().unwrap().write(&bed.path("s")).unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
    drop(state);
    assert_eq!(bed.restore(&written, "restored").digest().unwrap(), model(10));
}

#[test]
fn a_restored_state_goes_on_and_leaves_the_snapshot_as_it_was() {
    let bed = Bed::new();
    let mut state = bed.open("state");
    apply(&mut state, 1..=50);
    let written = bed.snapshot(&mut state, "s");
    for round in 0..2 {
        let to = format!("restored{round}");
        let mut restored = bed.restore(&written, &to);
        apply(&mut restored, 51..=300);
        restored.flush().unwrap();
        drop(restored);
        assert_eq!(bed.open(&to).digest().unwrap(), model(300), "round {round}");
    }
}

#[test]
fn what_did_not_change_keeps_its_names() {
    let bed = Bed::new();
    let mut state = bed.open("state");
    apply(&mut state, 1..=50);
    let names =
        |snapshot: &SnapshotFiles| -> Vec<FileName> { snapshot.files.iter().map(|file| file.name).collect() };
    let first = bed.snapshot(&mut state, "s1");
    let second = bed.snapshot(&mut state, "s2");
    assert_eq!(names(&first), names(&second));
    for file in &first.files {
        assert_eq!(
            FileName::of(&fs::read(&file.path).unwrap()),
            file.name,
            "{}",
            file.label
        );
    }
}

#[test]
fn a_damaged_file_is_noticed() {
    let bed = Bed::new();
    let mut state = bed.open("state");
    apply(&mut state, 1..=50);
    let written = bed.snapshot(&mut state, "s");
    drop(state);
    for file in &written.files {
        let content = fs::read(&file.path).unwrap();
        let mut bytes = content.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        // Not through the link: the state's own file stays whole.
        fs::remove_file(&file.path).unwrap();
        fs::write(&file.path, bytes).unwrap();
        let error = FetchedPart::of_snapshot(&written, whole())
            .unwrap_err()
            .to_string();
        assert!(error.contains("is damaged"), "{}: {error}", file.label);
        fs::write(&file.path, content).unwrap();
    }
    let restored = bed.restore(&written, "restored");
    assert_eq!(restored.digest().unwrap(), model(50));
}

#[test]
fn leavings_of_a_killed_restore_do_no_harm() {
    let bed = Bed::new();
    let mut state = bed.open("state");
    apply(&mut state, 1..=50);
    let written = bed.snapshot(&mut state, "s");
    fs::create_dir_all(bed.path("restored.restoring").join("tree/tables")).unwrap();
    fs::write(bed.path("restored.restoring").join("tree/tables/1"), "half").unwrap();
    let restored = bed.restore(&written, "restored");
    assert_eq!(restored.digest().unwrap(), model(50));
    assert!(!bed.path("restored.restoring").exists());
}

#[test]
fn a_state_is_not_restored_over_another() {
    let bed = Bed::new();
    let mut state = bed.open("state");
    apply(&mut state, 1..=50);
    let written = bed.snapshot(&mut state, "s");
    drop(state);
    let restored = LsmBackend::restore(
        &[part_of(&written)],
        whole(),
        &bed.path("state"),
        bed.options.clone(),
    );
    assert!(restored.is_err());
    assert_eq!(bed.open("state").applied(), 50);
}

#[test]
fn a_part_of_another_backend_is_refused() {
    let bed = Bed::new();
    let mut state = bed.open("state");
    apply(&mut state, 1..=5);
    let mut written = bed.snapshot(&mut state, "s");
    written.format = "other 1";
    let restored = LsmBackend::restore(
        &[part_of(&written)],
        whole(),
        &bed.path("restored"),
        bed.options.clone(),
    );
    let error = restored.err().expect("the format is unknown").to_string();
    assert!(error.contains("other 1"), "{error}");
}
