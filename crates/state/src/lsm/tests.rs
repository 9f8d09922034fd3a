use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use super::*;

fn owner() -> Owner {
    Owner {
        partition: 1,
        partitions: 8,
        cluster: "test".to_owned(),
    }
}

fn options() -> LsmOptions {
    let shared = LsmShared::start(1 << 20, 64).unwrap();
    LsmOptions {
        l0_tables_max: 2,
        table_bytes: 1 << 10,
        ..LsmOptions::new(shared, owner())
    }
}

fn open(dir: &TempDir) -> Result<LsmBackend, OpenError> {
    LsmBackend::open(dir.path(), options())
}

/// One batch of `position`, which overwrites `key` and adds a key of its own.
fn batch(state: &mut LsmBackend, position: u64) {
    state.put(b"key", &position.to_le_bytes());
    state.put(format!("at {position:06}").as_bytes(), &[7; 100]);
    state.commit(position);
}

/// A closed state that was flushed twice.
fn written() -> TempDir {
    let dir = TempDir::new().unwrap();
    let mut state = open(&dir).unwrap();
    for position in [10, 20] {
        batch(&mut state, position);
        assert_eq!(state.flush(), Ok(position));
    }
    dir
}

fn version_path(dir: &TempDir) -> PathBuf {
    let current = fs::read(dir.path().join("tree/current")).unwrap();
    let id = u64::from_le_bytes(current[..8].try_into().unwrap());
    dir.path().join(format!("tree/v{id}"))
}

fn refusal(dir: &TempDir) -> String {
    let message = open(dir).err().expect("refused").to_string();
    message.replace(&format!("{}/", dir.path().display()), "")
}

#[test]
fn a_state_is_found_again_at_its_last_flush() {
    let dir = written();
    let mut state = LsmBackend::open_existing(dir.path(), options()).unwrap();
    assert_eq!((state.applied(), state.persisted()), (20, 20));
    assert_eq!(state.get(b"key").unwrap().unwrap()[..], 20u64.to_le_bytes());
    batch(&mut state, 21);
    drop(state);
    let state = open(&dir).unwrap();
    assert_eq!(state.applied(), 20, "what was not flushed is gone");
    assert_eq!(state.unflushed_bytes(), 0);
}

#[test]
fn a_scan_shows_no_key_of_the_backend() {
    let dir = written();
    let state = open(&dir).unwrap();
    let keys = |prefix: &[u8]| -> Vec<Bytes> {
        let found = state.scan(prefix, None, 9).unwrap();
        found.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(b""), ["at 000010", "at 000020", "key"]);
    assert_eq!(keys(&[0xff]), [""; 0]);
    assert_eq!(keys(&[0xfe, 0xff]), [""; 0]);
}

#[test]
fn a_long_value_comes_back_whole() {
    let dir = TempDir::new().unwrap();
    let mut state = open(&dir).unwrap();
    let value: Vec<u8> = (0..3_000_000u32).map(|n| n.to_le_bytes()[1]).collect();
    state.put(b"long", &value);
    state.put(b"none", b"");
    state.commit(1);
    state.flush().unwrap();
    assert_eq!(state.get(b"long").unwrap().unwrap(), value);
    assert_eq!(state.get(b"none").unwrap().unwrap(), "");
}

#[test]
fn every_flipped_bit_of_current_and_of_the_version_is_refused() {
    let dir = written();
    for path in [dir.path().join("tree/current"), version_path(&dir)] {
        let good = fs::read(&path).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        for at in 0..good.len() {
            for bit in 0..8 {
                let flipped = [good[at] ^ (1 << bit)];
                file.write_all_at(&flipped, at as u64).unwrap();
                let refused = version_file::verify_current(dir.path()).is_err();
                assert!(refused, "{path:?} byte {at} bit {bit}");
            }
            file.write_all_at(&good[at..=at], at as u64).unwrap();
        }
        fs::write(&path, &good[..good.len() - 1]).unwrap();
        assert!(open(&dir).is_err());
        fs::write(&path, &good).unwrap();
    }
    assert_eq!(open(&dir).unwrap().applied(), 20);
}

#[test]
fn what_is_missing_or_foreign_is_named() {
    let check = |change: &dyn Fn(&Path), expected: &str| {
        let dir = written();
        change(dir.path());
        assert_eq!(refusal(&dir), expected);
    };
    let write = |name: &'static str| move |dir: &Path| fs::write(dir.join(name), "x").unwrap();
    let remove = |name: &'static str| move |dir: &Path| fs::remove_file(dir.join(name)).unwrap();
    check(&remove("tree/current"), "tree/current is missing");
    check(
        &|dir| fs::remove_dir_all(dir.join("tree")).unwrap(),
        "tree is missing",
    );
    check(
        &write("tree/notes.txt"),
        "tree/notes.txt does not belong to a state",
    );
    check(&write("tree/version"), "tree/version does not belong to a state");
    check(
        &write("tree/tables/07"),
        "tree/tables/07 does not belong to a state",
    );
    check(
        &|dir| fs::create_dir(dir.join("tree/tables/9")).unwrap(),
        "tree/tables/9 does not belong to a state",
    );
    check(&write("PARTITION"), "PARTITION is not a readable marker");
}

#[test]
fn a_state_that_lost_its_marker_is_not_taken_for_an_empty_one() {
    let dir = written();
    fs::remove_file(dir.path().join("PARTITION")).unwrap();
    assert!(matches!(open(&dir), Err(OpenError::Foreign { .. })));
}

#[test]
fn a_foreign_directory_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("letter.txt"), "dear").unwrap();
    assert_eq!(refusal(&dir), "letter.txt does not belong to a state");
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(names.len(), 1);
}

#[test]
fn an_interrupted_creation_is_started_again() {
    let dir = TempDir::new().unwrap();
    drop(open(&dir).unwrap());
    fs::remove_file(dir.path().join("PARTITION")).unwrap();
    fs::write(dir.path().join("PARTITION.tmp"), "every").unwrap();
    assert_eq!(open(&dir).unwrap().applied(), 0);
    fs::remove_file(dir.path().join("PARTITION")).unwrap();
    fs::remove_file(dir.path().join("tree/current")).unwrap();
    assert_eq!(open(&dir).unwrap().applied(), 0);
}

#[test]
fn a_state_that_must_exist_is_not_created() {
    let dir = TempDir::new().unwrap();
    let absent = dir.path().join("deep/er");
    let refused = LsmBackend::open_existing(&absent, options());
    assert!(matches!(refused, Err(OpenError::Absent { .. })));
    assert!(!absent.exists());
    assert_eq!(LsmBackend::open(&absent, options()).unwrap().applied(), 0);
}

#[test]
fn a_state_has_one_owner_at_a_time_and_forever() {
    let dir = written();
    let state = open(&dir).unwrap();
    assert_eq!(refusal(&dir), "LOCK is locked: the state is open");
    drop(state);
    let mut other = options();
    other.owner.partition = 2;
    assert!(matches!(
        LsmBackend::open(dir.path(), other),
        Err(OpenError::WrongOwner { found, .. }) if found == owner()
    ));
}

#[test]
fn temporary_files_of_a_killed_flush_are_swept() {
    let dir = written();
    let leftover = dir.path().join("tree/.tmpA1b2C3");
    fs::write(&leftover, "x").unwrap();
    drop(open(&dir).unwrap());
    assert!(!leftover.exists());
}

#[test]
fn a_full_disk_stops_flushes_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let free = Arc::new(AtomicU64::new(FREE_MARGIN_BYTES));
    let mut options = options();
    let probe = Arc::clone(&free);
    options.free_space = Arc::new(move |_| Ok(probe.load(Ordering::Relaxed)));
    let mut state = LsmBackend::open(dir.path(), options).unwrap();
    batch(&mut state, 1);
    let full = StateError::DiskFull {
        needed: FREE_MARGIN_BYTES + 2 * state.unflushed_bytes(),
        free: FREE_MARGIN_BYTES,
    };
    assert_eq!(state.flush(), Err(full));
    assert_eq!(state.persisted(), 0);
    batch(&mut state, 2);
    free.store(u64::MAX, Ordering::Relaxed);
    assert_eq!(state.flush(), Ok(2));
}

#[test]
fn a_failed_flush_is_the_last_one() {
    let dir = written();
    let mut state = open(&dir).unwrap();
    fs::remove_dir_all(dir.path().join("tree/tables")).unwrap();
    batch(&mut state, 21);
    let first = state.flush().unwrap_err();
    assert!(matches!(first, StateError::Poisoned { .. }));
    fs::create_dir(dir.path().join("tree/tables")).unwrap();
    assert_eq!(state.flush(), Err(first));
    assert_eq!(state.persisted(), 20);
}

#[test]
fn a_failed_compaction_forbids_flushes() {
    let dir = TempDir::new().unwrap();
    let mut state = LsmBackend::open(
        dir.path(),
        LsmOptions {
            l0_tables_max: 9,
            ..options()
        },
    )
    .unwrap();
    for position in 1..8 {
        batch(&mut state, position);
        state.flush().unwrap();
    }
    drop(state);
    let mut options = options();
    options.shared.descriptors = Arc::new(lsm_tree::DescriptorTable::new(1));
    let mut state = LsmBackend::open(dir.path(), options).unwrap();
    let first = dir.path().join("tree/tables/0");
    let bytes = fs::read(&first).unwrap();
    fs::write(&first, vec![0; bytes.len()]).unwrap();
    let damaged = state.verify_tables();
    assert!(matches!(damaged, Err(StateError::TableDamaged { .. })));
    batch(&mut state, 100);
    state.flush().unwrap();
    state.slot.compact();
    batch(&mut state, 101);
    assert!(matches!(state.flush(), Err(StateError::Poisoned { .. })));
}

#[test]
fn compaction_keeps_the_number_of_tables_small() {
    let dir = TempDir::new().unwrap();
    let mut state = open(&dir).unwrap();
    for position in 1..=40 {
        batch(&mut state, position);
        state.flush().unwrap();
    }
    let before = state.digest().unwrap();
    state.slot.compact();
    let counters = state.counters();
    assert_eq!(counters.flushes, 40);
    assert!(counters.compactions > 0 && counters.l0_tables < 2, "{counters:?}");
    assert_eq!(state.digest().unwrap(), before);
    assert!(state.verify_tables().unwrap() >= counters.table_bytes);
}

#[test]
fn a_flush_behind_something_leaves_the_disk_alone_until_that_is_done() {
    let dir = written();
    let mut state = LsmBackend::open_existing(dir.path(), options()).unwrap();
    let before = version_path(&dir);
    batch(&mut state, 21);
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let first = move || {
        wait.recv().ok();
    };
    state.begin_flush_behind(first).unwrap();
    batch(&mut state, 22);
    assert_eq!(state.poll_flush(), Ok(None), "the owner goes on meanwhile");
    assert_eq!((state.persisted(), version_path(&dir)), (20, before.clone()));
    assert_eq!(state.get(b"key").unwrap().unwrap()[..], 22u64.to_le_bytes());
    go.send(()).unwrap();
    while state.poll_flush().unwrap().is_none() {
        std::thread::yield_now();
    }
    assert_eq!(state.persisted(), 21);
    assert_ne!(version_path(&dir), before);
}
