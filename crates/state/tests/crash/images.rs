//! Copies of the directory, made while it is written to: good ones open, the others are refused.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use everspan_state::{Backend, MemoryBackend};
use tempfile::TempDir;

use crate::script::{Random, apply_next, check, open};

const FLUSHES: u64 = 60;

/// The state that is written while it is copied.
struct Source {
    dir: TempDir,
    persisted: AtomicU64,
    finished: AtomicBool,
}

struct Image {
    dir: PathBuf,
    /// What was durable when the copy began.
    persisted: u64,
}

/// Copies all files in an order of chance, missing those that vanish meanwhile.
fn copy(from: &Path, to: &Path, random: &mut Random) {
    let mut files = Vec::new();
    list(from, &mut files);
    for place in (1..files.len()).rev() {
        let other = usize::try_from(random.below(place as u64 + 1)).unwrap();
        files.swap(place, other);
    }
    fs::create_dir_all(to.join("tree/tables")).unwrap();
    for file in files {
        let target = to.join(file.strip_prefix(from).unwrap());
        // Long enough for a flush or a compaction to come in between.
        std::thread::sleep(Duration::from_micros(random.below(4_000)));
        match fs::copy(&file, target) {
            Err(error) if error.kind() != ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
    }
}

fn list(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// The last one is of a state at rest.
fn take_images(source: &Source, to: &Path, images: &Sender<Image>) {
    let mut random = Random(11);
    let mut is_last = false;
    for number in 0.. {
        if is_last {
            return;
        }
        is_last = source.finished.load(Ordering::Acquire);
        let dir = to.join(format!("{number}"));
        let persisted = source.persisted.load(Ordering::Acquire);
        copy(source.dir.path(), &dir, &mut random);
        images.send(Image { dir, persisted }).unwrap();
        std::thread::sleep(Duration::from_micros(random.below(30_000)));
    }
}

fn write(source: &Source) {
    let mut state = open(source.dir.path(), 0).unwrap();
    let mut random = Random(12);
    for _ in 0..FLUSHES {
        for _ in 0..1 + random.below(20) {
            apply_next(&mut state);
        }
        let persisted = state.flush().unwrap();
        source.persisted.store(persisted, Ordering::Release);
        if random.below(8) == 0 {
            // Now and then an image falls between two flushes.
            std::thread::sleep(Duration::from_millis(random.below(100)));
        }
    }
    let compactions = state.counters().compactions;
    drop(state);
    source.finished.store(true, Ordering::Release);
    assert!(compactions > 0);
}

#[test]
fn an_image_taken_while_writing_opens_right_or_not_at_all() {
    let source = Source {
        dir: TempDir::new().unwrap(),
        persisted: AtomicU64::new(0),
        finished: AtomicBool::new(false),
    };
    drop(open(source.dir.path(), 0).unwrap());
    let target = TempDir::new().unwrap();
    let (sender, images) = channel();
    std::thread::scope(|scope| {
        scope.spawn(|| write(&source));
        take_images(&source, target.path(), &sender);
    });
    drop(sender);
    let mut model = MemoryBackend::new();
    let (mut opened, mut refused) = (0, 0);
    for image in images {
        let Ok(state) = open(&image.dir, 0) else {
            refused += 1;
            continue;
        };
        let what = image.dir.display().to_string();
        assert!(state.applied() >= image.persisted, "{what}: lost a flush");
        check(&state, &mut model, &what);
        opened += 1;
    }
    println!("{opened} images opened, {refused} were refused");
    assert!(opened > 0, "every image was refused");
    assert!(model.applied() > 0, "no image holds anything");
}
