use super::*;
use crate::store::{Attachment, Manifest};

fn manifest(checkpoint: u64) -> Manifest {
    Manifest {
        checkpoint,
        job: "job".to_owned(),
        run: "run".to_owned(),
        is_savepoint: false,
        created_ms: 1,
        tasks: Vec::new(),
        attachments: vec![Attachment {
            name: "a".to_owned(),
            bytes: vec![7; 100].into(),
        }],
    }
}

fn numbers(listing: &Listing) -> Vec<u64> {
    listing
        .readable
        .iter()
        .map(|manifest| manifest.checkpoint)
        .collect()
}

/// Begins a copy with one file in one part.
fn begin(copies: &LocalCopies, checkpoint: u64) {
    copies.begin(checkpoint).unwrap();
    let part = copies.part_dir(checkpoint, "task", 0);
    fs::create_dir(&part).unwrap();
    fs::write(part.join("file"), "content").unwrap();
}

#[test]
fn a_copy_exists_when_its_manifest_does_and_leavings_go_at_the_next_opening() {
    let dir = tempfile::tempdir().unwrap();
    let copies = LocalCopies::open(&dir.path().join("copies")).unwrap();
    for number in 1..=3 {
        begin(&copies, number);
        copies.publish(&manifest(number)).unwrap();
    }
    begin(&copies, 4);
    let removing = disk::with_suffix(&copies.copy(5), REMOVING);
    fs::create_dir_all(removing.join("half")).unwrap();
    assert_eq!(numbers(&copies.list().unwrap()), [1, 2, 3]);

    let copies = LocalCopies::open(copies.dir()).unwrap();
    assert_eq!(numbers(&copies.list().unwrap()), [1, 2, 3]);
    assert!(!copies.copy(4).exists() && !removing.exists());
    assert!(copies.part_dir(3, "task", 0).join("file").exists());
    copies.forget(2).unwrap();
    copies.forget(2).expect("what is gone is forgotten");
    assert_eq!(numbers(&copies.list().unwrap()), [1, 3]);
    copies.retain(|number| number > 1).unwrap();
    assert_eq!(numbers(&copies.list().unwrap()), [3]);
    assert_eq!(fs::read_dir(copies.dir()).unwrap().count(), 1);
}

#[test]
fn a_checkpoint_begins_anew_over_a_half_one_and_never_over_a_whole_one() {
    let dir = tempfile::tempdir().unwrap();
    let copies = LocalCopies::open(dir.path()).unwrap();
    begin(&copies, 1);
    begin(&copies, 1);
    copies.publish(&manifest(1)).unwrap();
    let error = copies.begin(1).unwrap_err().to_string();
    assert!(error.contains(&format!("{:020}", 1)), "{error}");
}

#[test]
fn a_damaged_manifest_is_listed_as_damaged_and_can_be_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let copies = LocalCopies::open(dir.path()).unwrap();
    for number in 1..=2 {
        begin(&copies, number);
        copies.publish(&manifest(number)).unwrap();
    }
    fs::copy(copies.copy(1).join(MANIFEST), copies.copy(2).join(MANIFEST)).unwrap();
    let copies = LocalCopies::open(dir.path()).unwrap();
    let listing = copies.list().unwrap();
    assert_eq!(numbers(&listing), [1]);
    assert_eq!(listing.damaged.len(), 1);
    copies.forget(2).unwrap();
    assert!(copies.list().unwrap().damaged.is_empty());
}

#[test]
fn any_name_of_a_task_is_a_name_of_a_directory() {
    let copies = LocalCopies {
        durability: Durability::Lasting,
        dir: PathBuf::from("/copies"),
    };
    let name = |task: &str| copies.part_dir(1, task, 2).file_name().unwrap().to_owned();
    assert_eq!(name("partition"), "partition-2");
    for task in ["", "..", "a/b", "später", &"x".repeat(300)] {
        let name = name(task).into_string().unwrap();
        assert_eq!(name.len(), 34, "{task}: {name}");
        assert_eq!(copies.part_dir(1, task, 2).parent(), Some(&*copies.copy(1)));
    }
}
