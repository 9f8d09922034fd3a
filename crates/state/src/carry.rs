//! Files carried from one directory to another: by a second name where that is wanted and both are on one file system, else
//! by their bytes, which are hashed on the way.
//!
//! Whoever carries has a thread of its own: several files are read and synced at a time, and a disk that does not answer
//! holds up nobody but that thread.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use xxhash_rust::xxh3::Xxh3;

use crate::disk;
use crate::store::FileName;

/// A file is read in pieces of this size.
const PIECE_BYTES: usize = 1 << 20;

/// Whose bytes the new name has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// The same file's, where that is possible: what damages one damages the other.
    Shared,
    /// Its own.
    Own,
}

/// Why a file was not carried.
pub(crate) enum CarryError {
    /// No piece of it came for so long.
    Silent(Duration),
    /// What the system said.
    Io(io::Error),
}

/// Says that there is progress.
pub(crate) struct Pulse<T>(mpsc::Sender<Option<io::Result<T>>>);

impl<T> Pulse<T> {
    fn beat(&self) {
        // One that was not heard yet says as much.
        drop(self.0.try_send(None));
    }
}

/// Does `work` in a thread of its own, and gives it up when it does not [beat](Pulse) for `silence_max`. The thread may
/// hang for as long as its disk does. Polled outside a runtime, as a simulation does, it has no thread: what a seed does
/// must not depend on when one is done.
pub(crate) async fn in_thread<T: Send + 'static>(
    silence_max: Option<Duration>,
    work: impl FnOnce(&Pulse<T>) -> io::Result<T> + Send + 'static,
) -> Result<T, CarryError> {
    let (tell, mut told) = mpsc::channel(1);
    let pulse = Pulse(tell);
    if tokio::runtime::Handle::try_current().is_err() {
        return work(&pulse).map_err(CarryError::Io);
    }
    let thread = std::thread::Builder::new().name("checkpoint-file".to_owned());
    let spawned = thread.spawn(move || {
        let done = work(&pulse);
        // Nobody waits any more for one that was given up.
        drop(pulse.0.blocking_send(Some(done)));
    });
    spawned.map_err(CarryError::Io)?;
    loop {
        let heard = match silence_max {
            None => told.recv().await,
            Some(max) => {
                let heard = tokio::time::timeout(max, told.recv()).await;
                heard.map_err(|_| CarryError::Silent(max))?
            }
        };
        match heard {
            Some(None) => {}
            Some(Some(done)) => return done.map_err(CarryError::Io),
            None => return Err(CarryError::Io(io::Error::other("its thread panicked"))),
        }
    }
}

/// Gives what is in `from`, which nobody changes, the name `to` as well, which must not mean anything; returns what it is.
/// Nothing is synced.
pub(crate) fn bring(from: &Path, to: &Path, bytes: Bytes, pulse: &Pulse<FileName>) -> io::Result<FileName> {
    match fs::remove_file(to) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if link(from, to, bytes) {
        read(&mut File::open(to)?, None, pulse)
    } else {
        read(&mut File::open(from)?, Some(&mut File::create_new(to)?), pulse)
    }
}

/// Gives what is in `from`, if it is `name`, the name `to` as well, in place of what had it; returns what it is. It is
/// durable then, name and content.
pub(crate) fn place(
    from: &Path,
    to: &Path,
    (name, bytes): (FileName, Bytes),
    pulse: &Pulse<FileName>,
) -> io::Result<FileName> {
    let mut source = File::open(from)?;
    let dir = disk::parent(to);
    disk::create_dir_durably(dir)?;
    let staged = staged(to);
    let (found, new) = if link(from, &staged, bytes) {
        (read(&mut source, None, pulse)?, source)
    } else {
        let mut copy = File::create_new(&staged)?;
        (read(&mut source, Some(&mut copy), pulse)?, copy)
    };
    if found == name {
        new.sync_all()?;
        fs::rename(&staged, to)?;
    }
    // It is still there when both are names of one file already, or when it is not what it should be.
    match fs::remove_file(&staged) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => disk::sync_dir(dir)?,
    }
    Ok(found)
}

/// Gives the file another name, if that is wanted and possible.
fn link(from: &Path, to: &Path, bytes: Bytes) -> bool {
    bytes == Bytes::Shared && fs::hard_link(from, to).is_ok()
}

/// A name beside `to` under which nothing lies; what a kill leaves there a cleaning of the store removes.
fn staged(to: &Path) -> PathBuf {
    let names = (1u64..).map(|number| disk::with_suffix(to, &format!("#{number}")));
    let mut free = names.filter(|name| fs::symlink_metadata(name).is_err());
    free.next().expect("a directory has less files than numbers")
}

/// Reads `from` to its end, writing what is there to `to`; returns what it is.
fn read(from: &mut File, mut to: Option<&mut File>, pulse: &Pulse<FileName>) -> io::Result<FileName> {
    let (mut hash, mut length, mut buffer) = (Xxh3::new(), 0, vec![0; PIECE_BYTES]);
    loop {
        let piece = match from.read(&mut buffer) {
            Ok(0) => {
                let checksum = hash.digest128();
                return Ok(FileName { checksum, length });
            }
            Ok(piece) => &buffer[..piece],
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(piece);
        length += piece.len() as u64;
        if let Some(to) = &mut to {
            to.write_all(piece)?;
        }
        pulse.beat();
    }
}

#[cfg(test)]
mod tests;
