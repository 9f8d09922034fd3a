//! `checkpoints/run.json`: what must be known of a run when the process has died.
//!
//! Which run it was, whether it ended in order, which checkpoint was under way, which was the last to complete. The
//! next start tells the failure of a run that did not end, and of its checkpoint; so nothing that began goes untold.

use std::io;
use std::path::{Path, PathBuf};

use everspan_checkpoint::Kind;
use serde::{Deserialize, Serialize};

use crate::registry::replace_file;

const FORMAT: u32 = 1;
const FILE: &str = "run.json";

/// The note of a run, on disk whenever it changes.
#[derive(Clone, Debug)]
pub struct RunNote {
    path: PathBuf,
    data: Data,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Data {
    format: u32,
    /// Counted from 1.
    run: u64,
    /// Whether it ended in order.
    ended: bool,
    /// The highest number of a checkpoint that was ever used.
    last_checkpoint: u64,
    under_way: Option<Begun>,
    completed: Option<Completed>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Begun {
    checkpoint: u64,
    /// The run it belongs to: not the one before, when that died before it could tell.
    run: u64,
    kind: String,
    triggered_ns: u64,
    /// Where it was to be written, if not to the configured destination.
    place: Option<String>,
}

/// The last checkpoint that completed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    /// Its number.
    pub checkpoint: u64,
    /// The job and the name of the run it belonged to.
    pub job: String,
    /// See `job`.
    pub run: String,
    /// Bytes of all state it refers to.
    pub full_bytes: u64,
}

/// A checkpoint that was under way when the process died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its number.
    pub checkpoint: u64,
    /// The number of its run, which may be older than the run before.
    pub run: u64,
    /// What it was.
    pub kind: Kind,
    /// When it was triggered, ns since the epoch.
    pub triggered_ns: u64,
    /// Where it was to be written, if not to the configured destination.
    pub place: Option<String>,
}

/// What the run before left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// Its number, and whether it ended in order; `None` at the very first start.
    pub run: Option<(u64, bool)>,
    /// Its checkpoint that was under way.
    pub lost: Option<Lost>,
    /// The last checkpoint that completed.
    pub completed: Option<Completed>,
}

impl RunNote {
    /// Begins the next run; returns what the one before left. A note that cannot be read is one that is not there:
    /// nothing depends on it but spans.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(dir: &Path) -> io::Result<(Self, Before)> {
        std::fs::create_dir_all(dir)?;
        let path = dir.join(FILE);
        let found = read(&path);
        let before = found.as_ref().map(Data::before).unwrap_or_default();
        let data = Data {
            format: FORMAT,
            run: found.as_ref().map_or(0, |data| data.run) + 1,
            ended: false,
            last_checkpoint: found.as_ref().map_or(0, |data| data.last_checkpoint),
            under_way: found.as_ref().and_then(|data| data.under_way.clone()),
            completed: found.and_then(|data| data.completed),
        };
        let note = Self { path, data };
        note.write()?;
        Ok((note, before))
    }

    /// The note of a data directory that was restored: no run yet, and this checkpoint.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn restored(dir: &Path, completed: Completed) -> io::Result<()> {
        std::fs::create_dir_all(dir)?;
        let data = Data {
            format: FORMAT,
            run: 0,
            ended: true,
            last_checkpoint: completed.checkpoint,
            under_way: None,
            completed: Some(completed),
        };
        let note = Self {
            path: dir.join(FILE),
            data,
        };
        note.write()
    }

    /// The number of this run.
    pub fn run(&self) -> u64 {
        self.data.run
    }

    /// The highest number of a checkpoint that was ever used.
    pub fn last_checkpoint(&self) -> u64 {
        self.data.last_checkpoint
    }

    /// Numbers up to this one have been used, be it by a trigger that was refused.
    pub(super) fn used(&mut self, checkpoint: u64) -> io::Result<()> {
        if checkpoint <= self.data.last_checkpoint {
            return Ok(());
        }
        self.data.last_checkpoint = checkpoint;
        self.write()
    }

    /// A checkpoint begins.
    pub(super) fn begun(&mut self, lost: &Lost) -> io::Result<()> {
        self.data.last_checkpoint = self.data.last_checkpoint.max(lost.checkpoint);
        self.data.under_way = Some(Begun {
            checkpoint: lost.checkpoint,
            run: lost.run,
            kind: lost.kind.name().to_owned(),
            triggered_ns: lost.triggered_ns,
            place: lost.place.clone(),
        });
        self.write()
    }

    /// No checkpoint is under way any more, and its spans are safe.
    pub(super) fn settled(&mut self, completed: Option<Completed>) -> io::Result<()> {
        self.data.under_way = None;
        if completed.is_some() {
            self.data.completed = completed;
        }
        self.write()
    }

    /// The run has ended in order.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn ended(mut self) -> io::Result<()> {
        self.data.ended = true;
        self.write()
    }

    fn write(&self) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(&self.data).expect("strings and numbers are JSON");
        replace_file(&self.path, &text)
    }
}

fn read(path: &Path) -> Option<Data> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(file = %path.display(), %error, "the note of the run before cannot be read");
            return None;
        }
    };
    let parsed: Result<Data, _> = serde_json::from_slice(&text);
    match parsed {
        Ok(data) if data.format == FORMAT => Some(data),
        Ok(data) => {
            tracing::warn!(file = %path.display(), format = data.format, "the note of the run before has another format");
            None
        }
        Err(error) => {
            tracing::warn!(file = %path.display(), %error, "the note of the run before is damaged");
            None
        }
    }
}

impl Data {
    fn before(&self) -> Before {
        Before {
            run: Some((self.run, self.ended)).filter(|(run, _)| *run > 0),
            lost: self.under_way.as_ref().and_then(Begun::lost),
            completed: self.completed.clone(),
        }
    }
}

impl Begun {
    fn lost(&self) -> Option<Lost> {
        const KINDS: [Kind; 4] = [
            Kind::Checkpoint,
            Kind::FullCheckpoint,
            Kind::Savepoint,
            Kind::TerminateSavepoint,
        ];
        Some(Lost {
            checkpoint: self.checkpoint,
            run: self.run,
            kind: KINDS.into_iter().find(|kind| kind.name() == self.kind)?,
            triggered_ns: self.triggered_ns,
            place: self.place.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_run_knows_what_the_one_before_left() {
        let dir = tempfile::tempdir().unwrap();
        let (mut note, before) = RunNote::begin(dir.path()).unwrap();
        assert_eq!((note.run(), before), (1, Before::default()));
        let lost = Lost {
            checkpoint: 4,
            run: note.run(),
            kind: Kind::Savepoint,
            triggered_ns: 9,
            place: Some("/b".to_owned()),
        };
        note.begun(&lost).unwrap();
        let (mut note, before) = RunNote::begin(dir.path()).unwrap();
        assert_eq!((note.run(), note.last_checkpoint()), (2, 4));
        assert_eq!(
            (before.run, before.lost.as_ref()),
            (Some((1, false)), Some(&lost))
        );
        // This run has a trigger refused, and dies before it has told of the other.
        note.used(5).unwrap();
        drop(note);
        let (mut note, before) = RunNote::begin(dir.path()).unwrap();
        assert_eq!((note.run(), note.last_checkpoint()), (3, 5));
        assert_eq!((before.run, before.lost), (Some((2, false)), Some(lost)));
        let completed = Completed {
            checkpoint: 5,
            job: "c".to_owned(),
            run: "a/2".to_owned(),
            full_bytes: 3,
        };
        note.settled(Some(completed.clone())).unwrap();
        note.ended().unwrap();
        let (_, before) = RunNote::begin(dir.path()).unwrap();
        assert_eq!((before.run, before.lost), (Some((3, true)), None));
        assert_eq!(before.completed, Some(completed));
    }

    #[test]
    fn a_damaged_note_is_no_note() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "{", r#"{"format":9}"#] {
            std::fs::write(dir.path().join(FILE), text).unwrap();
            let (note, before) = RunNote::begin(dir.path()).unwrap();
            assert_eq!((note.run(), before), (1, Before::default()), "{text}");
        }
    }
}
