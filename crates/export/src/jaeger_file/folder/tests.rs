use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

fn open(path: &Path, bytes_max: u64) -> Folder {
    let keep = Keep {
        bytes_max,
        age_max: HOUR,
    };
    Folder::open(path, keep).unwrap()
}

fn name(number: usize) -> String {
    format!("trace-20261121T131412.123456Z-{number:016x}.json")
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_appears_whole_and_nothing_else_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("not/yet/there");
    let mut folder = open(&path, 100);
    assert_eq!(names(&path), Vec::<String>::new());
    folder.write(&name(1), b"one").unwrap();
    assert_eq!(names(&path), [name(1)]);
    assert_eq!(fs::read(path.join(name(1))).unwrap(), b"one");
}

#[test]
fn the_same_file_again_takes_the_place_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = open(dir.path(), 5);
    for _ in 0..3 {
        folder.write(&name(1), b"one").unwrap();
    }
    assert_eq!(folder.remove_old(SystemTime::now()), Removed::default());
    assert_eq!((names(dir.path()), folder.bytes), (vec![name(1)], 3));
}

#[test]
fn the_oldest_files_go_first_when_there_are_too_many_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = open(dir.path(), 10);
    for number in 0..5 {
        folder.write(&name(number), b"four").unwrap();
    }
    let removed = folder.remove_old(SystemTime::now());
    assert_eq!(removed, Removed { files: 3, bytes: 12 });
    assert_eq!(names(dir.path()), [name(3), name(4)]);
}

#[test]
fn the_newest_file_stays_however_large() {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = open(dir.path(), 1);
    folder.write(&name(1), b"four").unwrap();
    folder.write(&name(2), b"four").unwrap();
    folder.remove_old(SystemTime::now());
    assert_eq!(names(dir.path()), [name(2)]);
}

#[test]
fn files_that_are_too_old_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = open(dir.path(), 100);
    folder.write(&name(1), b"one").unwrap();
    let now = SystemTime::now();
    assert_eq!(folder.remove_old(now - 2 * HOUR), Removed::default());
    assert_eq!(folder.remove_old(now + HOUR / 2), Removed::default());
    assert_eq!(folder.remove_old(now + 2 * HOUR), Removed { files: 1, bytes: 3 });
    assert_eq!(names(dir.path()), Vec::<String>::new());
}

#[test]
fn files_of_an_earlier_process_count() {
    let dir = tempfile::tempdir().unwrap();
    for file in [&name(1), &name(2)] {
        fs::write(dir.path().join(file), "four").unwrap();
    }
    let mut folder = open(dir.path(), 10);
    folder.write(&name(0), b"four").unwrap();
    assert_eq!(folder.remove_old(SystemTime::now()).files, 1);
    assert!(dir.path().join(name(0)).exists(), "the newest one was removed");
}

#[test]
fn half_written_files_go_unless_somebody_still_writes_them() {
    let dir = tempfile::tempdir().unwrap();
    // Process 1 lives as long as the system.
    let half = |process: u32| format!("{}.{process}-0.tmp", name(9));
    let (living, own, gone) = (half(1), half(std::process::id()), half(u32::MAX));
    for file in [&living, &own, &gone] {
        fs::write(dir.path().join(file), "half").unwrap();
    }
    open(dir.path(), 10);
    assert_eq!(names(dir.path()), std::slice::from_ref(&living));
    let file = File::options()
        .write(true)
        .open(dir.path().join(&living))
        .unwrap();
    file.set_modified(SystemTime::now() - 2 * HOUR).unwrap();
    open(dir.path(), 10);
    assert_eq!(names(dir.path()), Vec::<String>::new());
}

#[test]
fn files_of_others_are_neither_counted_nor_removed() {
    let dir = tempfile::tempdir().unwrap();
    let others = [
        "merged.json",
        "trace-mine.json",
        "trace-1795266852.json",
        "notes.tmp",
        "trace-20261121T131412.123456Z-0123.json",
    ];
    for file in others {
        fs::write(dir.path().join(file), "a lot of bytes").unwrap();
    }
    fs::create_dir(dir.path().join(name(5))).unwrap();
    let mut folder = open(dir.path(), 5);
    folder.write(&name(1), b"four").unwrap();
    assert_eq!(folder.remove_old(SystemTime::now() + HOUR * 2).files, 1);
    assert_eq!(names(dir.path()).len(), others.len() + 1);
}

#[test]
fn a_folder_that_was_removed_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("traces");
    let mut folder = open(&path, 100);
    folder.write(&name(1), b"one").unwrap();
    fs::remove_dir_all(&path).unwrap();
    folder.write(&name(2), b"two").unwrap();
    assert_eq!(names(&path), [name(2)]);
    folder.remove_old(SystemTime::now() + HOUR * 2);
    assert_eq!((names(&path), folder.bytes), (Vec::new(), 0));
}

#[test]
fn what_is_no_folder_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let keep = Keep {
        bytes_max: 1,
        age_max: HOUR,
    };
    assert!(Folder::open(&file, keep).is_err());
    assert!(Folder::open(&file.join("below"), keep).is_err());
}
