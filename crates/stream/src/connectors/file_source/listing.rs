//! Which files there are, and how they are divided.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::FileSplit;
use crate::connectors::given_path::refused;
use crate::failure::Result;

/// A split is not smaller than this, or opening files would cost more than reading them.
const SPLIT_BYTES_MIN: u64 = 64 << 10;
/// Nor larger, so that subtasks which are faster, or come later, have something left to do.
const SPLIT_BYTES_MAX: u64 = 64 << 20;
/// Splits per subtask that are aimed at.
const SPLITS_PER_SUBTASK: u64 = 4;

/// A file and its length at the time of looking.
#[derive(Debug)]
pub(super) struct Found {
    path: String,
    bytes: u64,
}

/// The file itself, or every visible file below the directory, by name.
pub(super) fn files(path: &Path) -> Result<Vec<Found>> {
    let path = std::path::absolute(path).map_err(|error| refused("read", path, &error))?;
    let mut found = Vec::new();
    let metadata = fs::metadata(&path).map_err(|error| refused("read", &path, &error))?;
    collect(path, &metadata, &mut found)?;
    Ok(found)
}

fn collect(path: PathBuf, metadata: &Metadata, found: &mut Vec<Found>) -> Result {
    if !metadata.is_dir() {
        let bytes = metadata.len();
        let path = path
            .into_os_string()
            .into_string()
            .map_err(|path| format!("{path:?}: the name of a file to read must be UTF-8"))?;
        found.push(Found { path, bytes });
        return Ok(());
    }
    for inner in visible(&path).map_err(|error| unreadable(&path, &error))? {
        match fs::metadata(&inner) {
            Ok(metadata) => collect(inner, &metadata, found)?,
            // Removed since the directory was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&inner, &error).into()),
        }
    }
    Ok(())
}

fn visible(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(b".") && !name.as_encoded_bytes().starts_with(b"_") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}

/// Cuts files into splits of about equal size, in order.
pub(super) fn divide(files: &[Found], parallelism: usize) -> Vec<FileSplit> {
    let all: u64 = files.iter().map(|file| file.bytes).sum();
    let wanted = all / (parallelism as u64 * SPLITS_PER_SUBTASK);
    let size = wanted.clamp(SPLIT_BYTES_MIN, SPLIT_BYTES_MAX);
    files.iter().flat_map(|file| cut(file, size)).collect()
}

fn cut(file: &Found, size: u64) -> impl Iterator<Item = FileSplit> {
    let parts = file.bytes.div_ceil(size);
    (0..parts).map(move |part| FileSplit {
        path: file.path.clone(),
        next: part * size,
        end: ((part + 1) * size).min(file.bytes),
        at_line: part == 0,
    })
}
