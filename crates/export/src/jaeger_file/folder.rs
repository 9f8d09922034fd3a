//! The folder: files appear whole, and the oldest go when there are too many bytes or they are too old.
//!
//! Several processes may share a folder. Each counts the files that it found at its start, and its own.

mod temporary;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::AddAssign;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How much stays.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep {
    pub(super) bytes_max: u64,
    pub(super) age_max: Duration,
}

/// How much was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl AddAssign for Removed {
    fn add_assign(&mut self, more: Self) {
        self.files += more.files;
        self.bytes += more.bytes;
    }
}

/// A folder of trace files. What else stands in it is left alone.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    keep: Keep,
    /// Oldest first.
    files: VecDeque<TraceFile>,
    bytes: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TraceFile {
    written: SystemTime,
    name: String,
    bytes: u64,
}

impl Folder {
    /// Makes the folder if need be, removes what processes that are gone left half-written, checks that files can be
    /// written, and counts those that are there.
    pub(super) fn open(path: &Path, keep: Keep) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let mut folder = Self {
            path: path.to_owned(),
            keep,
            files: VecDeque::new(),
            bytes: 0,
        };
        folder.look_around()?;
        folder.try_out()?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn look_around(&mut self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if temporary::is_abandoned(&name, &entry) {
                ignore_missing(fs::remove_file(entry.path()))?;
            } else if is_trace_file(&name) {
                files.extend(TraceFile::look_at(name, &entry.path())?);
            }
        }
        files.sort();
        self.bytes = files.iter().map(|file| file.bytes).sum();
        self.files = files.into();
        Ok(())
    }

    fn try_out(&self) -> io::Result<()> {
        let path = self.temporary("trace-probe.json");
        write_synced(&path, b"{}")?;
        fs::remove_file(path)
    }

    /// Writes a whole file, or none. A file of that name has the same content, and is replaced.
    pub(super) fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let written = match self.place(name, content) {
            // Somebody removed the folder, which is no reason to lose spans.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&self.path)?;
                self.place(name, content)?
            }
            result => result?,
        };
        self.forget(name);
        self.bytes += content.len() as u64;
        self.files.push_back(TraceFile {
            written,
            name: name.to_owned(),
            bytes: content.len() as u64,
        });
        Ok(())
    }

    /// When the file was written.
    fn place(&self, name: &str, content: &[u8]) -> io::Result<SystemTime> {
        let temporary = self.temporary(name);
        let whole = self.path.join(name);
        let result = write_synced(&temporary, content).and_then(|()| fs::rename(&temporary, &whole));
        if let Err(error) = result {
            // On a full disk the half is in the way; if it cannot be removed, the next start does.
            drop(fs::remove_file(&temporary));
            return Err(error);
        }
        File::open(&self.path)?.sync_all()?;
        fs::metadata(&whole)?.modified()
    }

    fn temporary(&self, name: &str) -> PathBuf {
        self.path.join(temporary::name(name))
    }

    fn forget(&mut self, name: &str) {
        if let Some(index) = self.files.iter().position(|file| file.name == name) {
            let known = self.files.remove(index);
            self.bytes -= known.map_or(0, |file| file.bytes);
        }
    }

    /// Removes the oldest files until the others may stay. The newest stays unless it is too old.
    pub(super) fn remove_old(&mut self, now: SystemTime) -> Removed {
        let mut removed = Removed::default();
        while let Some(oldest) = self.files.front() {
            let is_too_much = self.bytes > self.keep.bytes_max && self.files.len() > 1;
            if !is_too_much && !oldest.is_older_than(self.keep.age_max, now) {
                break;
            }
            // What cannot be removed now is counted again at the next start; trying for ever would help nobody.
            let is_gone = fs::remove_file(self.path.join(&oldest.name)).is_ok();
            let oldest = self.files.pop_front().expect("there is an oldest file");
            self.bytes -= oldest.bytes;
            if is_gone {
                removed += Removed {
                    files: 1,
                    bytes: oldest.bytes,
                };
            }
        }
        removed
    }
}

impl TraceFile {
    /// `None` for what is no file, or has been removed meanwhile.
    fn look_at(name: String, path: &Path) -> io::Result<Option<Self>> {
        let metadata = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata?,
        };
        Ok(metadata.is_file().then_some(Self {
            written: metadata.modified()?,
            name,
            bytes: metadata.len(),
        }))
    }

    /// A file from the future is not old.
    fn is_older_than(&self, age_max: Duration, now: SystemTime) -> bool {
        now.duration_since(self.written).is_ok_and(|age| age > age_max)
    }
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// `trace-<time>-<hash>.json`, as this module names files; others are somebody else's.
fn is_trace_file(name: &str) -> bool {
    let stem = name
        .strip_prefix("trace-")
        .and_then(|rest| rest.strip_suffix(".json"));
    stem.and_then(|stem| stem.split_once('-'))
        .is_some_and(|(time, hash)| {
            time.ends_with('Z') && hash.len() == 16 && hash.bytes().all(|digit| digit.is_ascii_hexdigit())
        })
}

#[cfg(test)]
mod tests;
