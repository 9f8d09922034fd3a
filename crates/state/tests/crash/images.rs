//! Copies of the directory, made while it is written to: good ones open, the others are refused.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};

use everspan_state::{Backend, MemoryBackend};
use tempfile::TempDir;

use crate::script::{Random, apply_next, check, open};

const IMAGES: u64 = 60;

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

fn take_images(from: &Path, to: &Path, persisted: &AtomicU64, images: &Sender<Image>) {
    let mut random = Random(11);
    for number in 0..IMAGES {
        let dir = to.join(number.to_string());
        let persisted = persisted.load(Ordering::Acquire);
        copy(from, &dir, &mut random);
        images.send(Image { dir, persisted }).unwrap();
    }
}

fn write(dir: &Path, persisted: &AtomicU64, finished: &AtomicBool) {
    let mut state = open(dir, 0).unwrap();
    let mut random = Random(12);
    while !finished.load(Ordering::Acquire) {
        for _ in 0..1 + random.below(20) {
            apply_next(&mut state);
        }
        persisted.store(state.flush().unwrap(), Ordering::Release);
    }
    assert!(state.counters().compactions > 0);
}

#[test]
fn an_image_taken_while_writing_opens_right_or_not_at_all() {
    let (source, target) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    drop(open(source.path(), 0).unwrap());
    let (persisted, finished) = (AtomicU64::new(0), AtomicBool::new(false));
    let (sender, images) = channel();
    std::thread::scope(|scope| {
        scope.spawn(|| write(source.path(), &persisted, &finished));
        take_images(source.path(), target.path(), &persisted, &sender);
        finished.store(true, Ordering::Release);
    });
    drop(sender);
    let mut model = MemoryBackend::new();
    let mut opened = 0;
    for image in images {
        let Ok(state) = open(&image.dir, 0) else {
            continue;
        };
        let what = image.dir.display().to_string();
        assert!(state.applied() >= image.persisted, "{what}: lost a flush");
        check(&state, &mut model, &what);
        opened += 1;
    }
    assert!(opened > 0, "every image was refused");
    assert!(model.applied() > 0, "no image holds anything");
}
