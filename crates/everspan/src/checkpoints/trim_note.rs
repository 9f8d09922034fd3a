//! `checkpoints/trimmed.json`: up to which records the log may have been trimmed.
//!
//! A checkpoint that ends before that must not take the place of a lost state: nobody would notice the records between,
//! if the log has none of that partition any more. So it is noted before the log is trimmed.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::registry::replace_file;

const FORMAT: u32 = 1;
const FILE: &str = "trimmed.json";

/// The note, as it is on disk.
#[derive(Clone, Debug)]
pub(crate) struct TrimNote {
    path: PathBuf,
    data: Data,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Data {
    format: u32,
    /// The last record that may be gone, by partition.
    upto: BTreeMap<u16, u64>,
}

impl TrimNote {
    /// The note in `dir`; without one nothing was trimmed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn read(dir: &Path) -> Result<Self, String> {
        let path = dir.join(FILE);
        let failed = |why: String| format!("{}: {why}", path.display());
        let data = match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Data {
                format: FORMAT,
                upto: BTreeMap::new(),
            },
            Err(error) => return Err(failed(error.to_string())),
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?,
        };
        if data.format != FORMAT {
            let format = data.format;
            return Err(failed(format!("it has format {format}, known is {FORMAT}")));
        }
        Ok(Self { path, data })
    }

    /// The last record of a partition that may be gone; 0 if none is.
    pub(crate) fn upto(&self, partition: u16) -> u64 {
        self.data.upto.get(&partition).copied().unwrap_or(0)
    }

    /// The log is about to be trimmed up to these records, or may be from now on.
    ///
    /// # Errors
    /// When that cannot be noted: then it must not be.
    pub(crate) fn raise(&mut self, upto: &BTreeMap<u16, u64>) -> io::Result<()> {
        let mut data = self.data.clone();
        for (&partition, &seq) in upto {
            let noted = data.upto.entry(partition).or_default();
            *noted = seq.max(*noted);
        }
        if data != self.data {
            let text = serde_json::to_vec(&data).expect("numbers are JSON");
            replace_file(&self.path, &text)?;
            self.data = data;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_known_to_the_next_start_and_never_falls() {
        let dir = tempfile::tempdir().unwrap();
        let mut note = TrimNote::read(dir.path()).unwrap();
        assert_eq!(note.upto(0), 0);
        note.raise(&BTreeMap::from([(0, 7), (1, 3)])).unwrap();
        note.raise(&BTreeMap::from([(0, 5)])).unwrap();
        let again = TrimNote::read(dir.path()).unwrap();
        assert_eq!([0, 1, 2].map(|partition| again.upto(partition)), [7, 3, 0]);
    }

    #[test]
    fn a_note_that_cannot_be_read_is_named() {
        let rows = [("{", "EOF"), (r#"{"format":2,"upto":{}}"#, "it has format 2")];
        for (text, part) in rows {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(FILE), text).unwrap();
            let error = TrimNote::read(dir.path()).unwrap_err();
            assert!(error.contains(FILE) && error.contains(part), "{error}");
        }
    }
}
