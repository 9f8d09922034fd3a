//! What a crash leaves: the directory is copied while the pipeline works, as the page cache would show it to the next
//! process, and the copy is started.

use std::fs;
use std::path::Path;
use std::time::Duration;

use everspan_export::PipelineOptions;
use tempfile::TempDir;

use super::{SECOND, check_sum, options, push, start, until};
use crate::shelf::{Answer, Shelf};

/// The directory as it is now. Files that go away meanwhile were delivered.
fn image(dir: &TempDir) -> TempDir {
    let image = tempfile::tempdir().unwrap();
    // The position last: what it says is taken may be missing, what it does not say must be there.
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    for name in names {
        if let Ok(bytes) = fs::read(dir.path().join(&name)) {
            fs::write(image.path().join(&name), bytes).unwrap();
        }
    }
    image
}

/// What a start from `image` delivers, and up to which record it needs no span again.
async fn resume(image: &TempDir) -> (Vec<u64>, u64) {
    let shelf = Shelf::here();
    let pipeline = start(options(image, 1 << 24), &shelf);
    let position = pipeline.position(1).unwrap_or(0);
    assert!(pipeline.shutdown(20 * SECOND).await);
    check_sum(&pipeline);
    (shelf.numbers(), position)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secured_spans_are_in_the_image_of_a_crash_whatever_the_destination_does() {
    for seed in 0..12_u64 {
        let dir = tempfile::tempdir().unwrap();
        let shelf = if seed % 3 == 0 {
            Shelf::here()
        } else {
            Shelf::away()
        };
        if seed % 3 == 2 {
            shelf.come_back();
            shelf.answer(Answer::Never);
        }
        let pipeline = start(options(&dir, 1 << 24), &shelf);
        let mut next = 1;
        for step in 0..5 {
            let count = 1 + (seed * 37 + step * 101) % 300;
            push(&pipeline.sink(), next, next + count);
            next += count;
            let secured = pipeline.sink().secure();
            push(&pipeline.sink(), next, next + 1); // not secured
            let wait = tokio::task::spawn_blocking(move || secured.wait_timeout(20 * SECOND));
            assert!(wait.await.unwrap());
            let image = image(&dir);
            let taken = shelf.numbers();
            let (mut arrived, position) = resume(&image).await;
            arrived.extend(&taken);
            arrived.sort_unstable();
            arrived.dedup();
            for number in 1..next {
                assert!(
                    arrived.binary_search(&number).is_ok(),
                    "seed {seed}, step {step}: span {number} is lost"
                );
            }
            assert!(position >= next - 1, "seed {seed}, step {step}: {position}");
            next += 1;
        }
        check_sum(&pipeline);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_moment_loses_nothing_before_the_position_and_repeats_one_batch_at_most() {
    for seed in 0..6_u64 {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::away();
        let tight = PipelineOptions {
            queue_bytes_max: 60_000,
            ..options(&dir, 1 << 24)
        };
        let pipeline = start(tight, &shelf);
        let mut next = 1;
        for step in 0..20_u64 {
            match (seed + step) % 5 {
                0 => shelf.come_back(),
                3 => shelf.go_away(),
                _ => {}
            }
            push(&pipeline.sink(), next, next + 70);
            next += 70;
            until("there is room in memory", || pipeline.counters().queued < 400).await;
            tokio::time::sleep(Duration::from_millis((seed * 7 + step) % 11)).await;
            let before = shelf.batches();
            let image = image(&dir);
            let after = shelf.batches();
            let (resumed, position) = resume(&image).await;
            // What was taken while the image was made may be in it or not.
            for number in 1..=position {
                let arrived = resumed.contains(&number) || after.iter().any(|batch| batch.contains(&number));
                assert!(
                    arrived,
                    "seed {seed}, step {step}: span {number} up to {position} is lost"
                );
            }
            let earlier = before.len().saturating_sub(1);
            for batch in &before[..earlier] {
                for number in batch {
                    assert!(
                        !resumed.contains(number) && *number <= position,
                        "seed {seed}, step {step}: span {number} is repeated"
                    );
                }
            }
        }
        assert_eq!(pipeline.counters().dropped.total(), 0);
        check_sum(&pipeline);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_holds_up_nobody_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::away();
    let pipeline = start(options(&dir, 1 << 20), &shelf);
    let path = dir.path().to_owned();
    fs::remove_dir_all(&path).unwrap();
    push(&pipeline.sink(), 0, 20);
    let secured = pipeline.sink().secure();
    assert!(!secured.is_done());
    let wait = tokio::task::spawn_blocking(move || secured.wait_timeout(20 * SECOND));
    assert!(wait.await.unwrap());
    assert_eq!(pipeline.counters().dropped.spool_full, 20);
    check_sum(&pipeline);
    fs::create_dir_all(&path).unwrap();
    push(&pipeline.sink(), 20, 30);
    let secured = pipeline.sink().secure();
    let wait = tokio::task::spawn_blocking(move || secured.wait_timeout(20 * SECOND));
    assert!(wait.await.unwrap());
    assert_eq!(pipeline.counters().spooled, 10, "the disk is back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_damaged_on_disk_is_counted_and_does_not_hold_up_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::away();
    let pipeline = start(options(&dir, 1 << 20), &shelf);
    push(&pipeline.sink(), 0, 300);
    pipeline.shutdown(Duration::ZERO).await;
    assert_eq!(pipeline.counters().spooled, 300);
    drop(pipeline);
    let file = only_spool_file(dir.path());
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();

    shelf.come_back();
    let pipeline = start(options(&dir, 1 << 20), &shelf);
    pipeline.flush(20 * SECOND).await;
    let counters = pipeline.counters();
    assert_eq!((counters.exported, counters.dropped.spool_damaged), (200, 100));
    check_sum(&pipeline);
    until("the file is gone", || pipeline.counters().spool_bytes == 0).await;
}

fn only_spool_file(dir: &Path) -> std::path::PathBuf {
    let mut files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files
        .find(|path| path.extension().is_some_and(|ending| ending == "spans"))
        .unwrap()
}
