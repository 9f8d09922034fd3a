use std::os::unix::fs::MetadataExt;

use super::*;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}

fn carry(
    work: impl FnOnce(&Pulse<FileName>) -> io::Result<FileName> + Send + 'static,
) -> Result<FileName, CarryError> {
    runtime().block_on(in_thread(Some(Duration::from_secs(60)), work))
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

#[test]
fn a_file_has_its_new_name_when_it_is_what_the_name_says_whatever_had_the_name_before() {
    let bytes = vec![7; (2 << 20) + 1];
    let name = FileName::of(&bytes);
    let befores = [None, Some("something else"), Some("the same file")];
    let cases = befores.map(|before| [(before, Bytes::Shared), (before, Bytes::Own)]);
    for (before, bytes_of) in cases.into_iter().flatten() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to/it"));
        fs::write(&from, &bytes).unwrap();
        fs::create_dir(dir.path().join("to")).unwrap();
        match before {
            Some("the same file") => fs::hard_link(&from, &to).unwrap(),
            Some(other) => fs::write(&to, other).unwrap(),
            None => {}
        }
        // What a kill has left beside it.
        fs::write(dir.path().join("to/it#1"), "half").unwrap();
        let (source, target) = (from.clone(), to.clone());
        let placed = carry(move |pulse| place(&source, &target, (name, bytes_of), pulse));
        assert!(matches!(placed, Ok(found) if found == name), "{before:?}");
        assert_eq!(fs::read(&to).unwrap(), bytes, "{before:?}");
        assert_eq!(names(&dir.path().join("to")), ["it", "it#1"], "{before:?}");
        let is_shared = inode(&from) == inode(&to);
        assert_eq!(is_shared, bytes_of == Bytes::Shared, "{before:?}");
    }
}

#[test]
fn a_file_that_is_not_what_its_name_says_gets_no_name() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to/it"));
    fs::write(&from, "one").unwrap();
    let placed = carry(move |pulse| place(&from, &to, (FileName::of(b"two"), Bytes::Shared), pulse));
    assert!(matches!(placed, Ok(found) if found == FileName::of(b"one")));
    assert!(names(&dir.path().join("to")).is_empty());
}

#[test]
fn what_is_brought_is_a_name_of_the_same_file_or_has_bytes_of_its_own_in_place_of_what_was_left_there() {
    for bytes in [Bytes::Shared, Bytes::Own] {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::write(&from, "one").unwrap();
        fs::write(&to, "half of another").unwrap();
        let (source, target) = (from.clone(), to.clone());
        let brought = carry(move |pulse| bring(&source, &target, bytes, pulse));
        assert!(matches!(brought, Ok(found) if found == FileName::of(b"one")));
        assert_eq!(fs::read(&to).unwrap(), b"one");
        assert_eq!(inode(&from) == inode(&to), bytes == Bytes::Shared);
    }
}

/// Files that cannot be linked: on another file system.
#[test]
fn what_cannot_be_linked_is_copied() {
    let memory = Path::new("/dev/shm");
    let there = memory
        .is_dir()
        .then(|| tempfile::tempdir_in(memory).ok())
        .flatten();
    let Some(there) = there else { return };
    let here = tempfile::tempdir_in(".").unwrap();
    let bytes = vec![3; (1 << 20) + 5];
    let name = FileName::of(&bytes);
    let (from, to, back) = (
        there.path().join("a"),
        here.path().join("b"),
        there.path().join("c"),
    );
    fs::write(&from, &bytes).unwrap();
    let target = to.clone();
    let placed = carry(move |pulse| place(&from, &target, (name, Bytes::Shared), pulse));
    assert!(matches!(placed, Ok(found) if found == name));
    let target = back.clone();
    let brought = carry(move |pulse| bring(&to, &target, Bytes::Shared, pulse));
    assert!(matches!(brought, Ok(found) if found == name));
    assert_eq!(fs::read(back).unwrap(), bytes);
}

#[test]
fn a_disk_that_says_nothing_is_given_up() {
    let (held, hold) = std::sync::mpsc::channel::<()>();
    let max = Duration::from_millis(20);
    let given_up = runtime().block_on(in_thread(Some(max), move |_: &Pulse<()>| {
        // Until the test is over.
        hold.recv().unwrap_err();
        Ok(())
    }));
    assert!(matches!(given_up, Err(CarryError::Silent(silent)) if silent == max));
    drop(held);
}
