use super::*;
use crate::{Backend, LsmShared, Owner};

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

    fn restore(&self, from: &str, to: &str) -> Result<LsmBackend, OpenError> {
        LsmBackend::restore(&self.path(from), &self.path(to), self.options.clone())
    }
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
        state.flush().unwrap();
        let snapshot = state.link_snapshot(&bed.path(&format!("s{round}"))).unwrap();
        assert_eq!(snapshot.position, round * 40);
        taken.push(snapshot);
    }
    apply(&mut state, 321..=400);
    state.flush().unwrap();
    drop(state);
    for (round, snapshot) in (1..).zip(&taken) {
        let restored = bed
            .restore(&format!("s{round}"), &format!("restored{round}"))
            .unwrap();
        assert_eq!(restored.applied(), snapshot.position);
        assert_eq!(
            restored.digest().unwrap(),
            model(snapshot.position),
            "round {round}"
        );
    }
    let again = bed.open("state");
    assert_eq!(again.digest().unwrap(), model(400));
}

#[test]
fn a_restored_state_goes_on_and_leaves_the_snapshot_as_it_was() {
    let bed = Bed::new();
    let mut state = bed.open("state");
    apply(&mut state, 1..=50);
    state.flush().unwrap();
    state.link_snapshot(&bed.path("s")).unwrap();
    for round in 0..2 {
        let to = format!("restored{round}");
        let mut restored = bed.restore("s", &to).unwrap();
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
    state.flush().unwrap();
    let names =
        |snapshot: &LsmSnapshot| -> Vec<FileName> { snapshot.files.iter().map(|file| file.name).collect() };
    let first = state.link_snapshot(&bed.path("s1")).unwrap();
    let second = state.link_snapshot(&bed.path("s2")).unwrap();
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
fn a_damaged_file_is_noticed_and_leaves_no_state() {
    let bed = Bed::new();
    let mut state = bed.open("state");
    apply(&mut state, 1..=50);
    state.flush().unwrap();
    let snapshot = state.link_snapshot(&bed.path("s")).unwrap();
    drop(state);
    for file in &snapshot.files {
        let damaged = bed.path("damaged");
        fs::create_dir_all(damaged.join("tree/tables")).unwrap();
        for other in &snapshot.files {
            fs::copy(&other.path, damaged.join(&other.label)).unwrap();
        }
        let path = damaged.join(&file.label);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        fs::write(&path, bytes).unwrap();
        assert!(bed.restore("damaged", "restored").is_err(), "{}", file.label);
        assert!(!bed.path("restored").exists(), "{}", file.label);
    }
    assert!(bed.restore("s", "restored").is_ok());
}

#[test]
fn leavings_of_a_killed_snapshot_or_restore_do_no_harm() {
    let bed = Bed::new();
    let mut state = bed.open("state");
    apply(&mut state, 1..=50);
    state.flush().unwrap();
    for leaving in ["s.new", "restored.restoring"] {
        fs::create_dir_all(bed.path(leaving).join("tree/tables")).unwrap();
        fs::write(bed.path(leaving).join("tree/tables/1"), "half").unwrap();
    }
    state.link_snapshot(&bed.path("s")).unwrap();
    let restored = bed.restore("s", "restored").unwrap();
    assert_eq!(restored.digest().unwrap(), model(50));
    assert!(!bed.path("s.new").exists() && !bed.path("restored.restoring").exists());
}

#[test]
fn a_state_is_not_restored_over_another() {
    let bed = Bed::new();
    let mut state = bed.open("state");
    apply(&mut state, 1..=50);
    state.flush().unwrap();
    state.link_snapshot(&bed.path("s")).unwrap();
    drop(state);
    assert!(bed.restore("s", "state").is_err());
    assert_eq!(bed.open("state").applied(), 50);
}
