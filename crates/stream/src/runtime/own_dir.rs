//! A directory of one job on this host: it goes with the job, or, when the process is killed, with the next job that has
//! one beside it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What the names of these directories begin with.
const PREFIX: &str = "everspan-stream-";
/// Locked as long as the job lives.
const LOCK: &str = "LOCK";
/// How often another job may take a directory for abandoned while it is made.
const TRIES_MAX: usize = 100;

/// See the module. Removed when this is dropped.
pub(crate) struct OwnDir {
    path: PathBuf,
    _lock: File,
}

impl OwnDir {
    /// Makes one below `base`, of job `number` of this process.
    pub(crate) fn make(base: &Path, number: u64) -> io::Result<Self> {
        fs::create_dir_all(base)?;
        remove_abandoned(base)?;
        let path = base.join(format!("{PREFIX}{}-{number}", std::process::id()));
        for _ in 0..TRIES_MAX {
            fs::create_dir_all(&path)?;
            if let Some(lock) = lock(&path)? {
                return Ok(Self { path, _lock: lock });
            }
        }
        Err(io::Error::other(format!(
            "{} is taken away again and again",
            path.display()
        )))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for OwnDir {
    fn drop(&mut self) {
        // What is left of it means nothing, and goes with the next job.
        drop(remove(&self.path));
    }
}

/// `None`: someone has just taken the directory for abandoned.
fn lock(dir: &Path) -> io::Result<Option<File>> {
    let path = dir.join(LOCK);
    let file = match File::create(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(None),
        locked => locked?,
    }
    let is_there =
        fs::metadata(&path).is_ok_and(|there| file.metadata().is_ok_and(|own| own.ino() == there.ino()));
    Ok(is_there.then_some(file))
}

/// Removes what processes have left that were killed. Nothing is lost with it: a job begins with a checkpoint.
fn remove_abandoned(base: &Path) -> io::Result<()> {
    for entry in fs::read_dir(base)? {
        let entry = entry?;
        let is_of_job = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX));
        if !is_of_job {
            continue;
        }
        let dir = entry.path();
        // What cannot be removed is none of this job's business.
        match File::options().write(true).open(dir.join(LOCK)) {
            Ok(lock) if lock.try_lock().is_ok() => drop(remove(&dir)),
            Ok(_) => {}
            // Empty: its process was killed before it had the lock, or makes the directory once more.
            Err(_) => drop(fs::remove_dir(&dir)),
        }
    }
    Ok(())
}

/// The lock goes last: without it nobody would dare to remove the rest.
fn remove(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name() == LOCK {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir_all(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_job_left_goes_with_the_next_and_what_a_living_one_has_stays() {
        let base = tempfile::tempdir().unwrap();
        let names = || {
            let names = fs::read_dir(base.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name());
            let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
            names.sort();
            names
        };
        let living = OwnDir::make(base.path(), 1).unwrap();
        fs::write(living.path().join("file"), "of the living").unwrap();
        let killed = base.path().join(format!("{PREFIX}7-1"));
        fs::create_dir_all(killed.join("state-1")).unwrap();
        fs::write(killed.join(LOCK), "").unwrap();
        // Killed before it had the lock.
        fs::create_dir(base.path().join(format!("{PREFIX}8-1"))).unwrap();
        // Not ours.
        fs::create_dir(base.path().join("other")).unwrap();

        let next = OwnDir::make(base.path(), 2).unwrap();
        let name_of = |dir: &OwnDir| dir.path().file_name().unwrap().to_str().unwrap().to_owned();
        let mut expected = vec![name_of(&living), name_of(&next), "other".to_owned()];
        expected.sort();
        assert_eq!(names(), expected);
        assert!(living.path().join("file").exists());
        drop((living, next));
        assert_eq!(names(), ["other"]);
    }
}
