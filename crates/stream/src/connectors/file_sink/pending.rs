//! A complete file that is not visible yet.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use borsh::{BorshDeserialize, BorshSerialize};

use super::part::{failed, sync_directory};
use crate::failure::Result;

/// What a checkpoint holds of a [`FileSink`](crate::FileSink): a file that becomes visible when it completes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PendingFile {
    /// The file as it is, absolute.
    pub hidden: String,
    /// The file as it will be, absolute.
    pub visible: String,
    /// Its length.
    pub bytes: u64,
}

impl PendingFile {
    /// Gives the file its name, unless it has it already; whether it did anything.
    fn commit(&self) -> Result<bool> {
        let (hidden, visible) = (Path::new(&self.hidden), Path::new(&self.visible));
        match fs::metadata(hidden) {
            Ok(found) if found.len() == self.bytes => {
                fs::rename(hidden, visible).map_err(|error| failed("rename", hidden, &error))?;
                Ok(true)
            }
            Ok(found) => {
                let Self { hidden, bytes, .. } = self;
                let len = found.len();
                Err(format!("{hidden} has {len} bytes, but its checkpoint says {bytes}").into())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => self.must_be_visible().map(|()| false),
            Err(error) => Err(failed("read", hidden, &error)),
        }
    }

    fn must_be_visible(&self) -> Result {
        let visible = Path::new(&self.visible);
        match visible.try_exists() {
            Ok(true) => Ok(()),
            Ok(false) => {
                let Self { hidden, visible, .. } = self;
                Err(format!(
                    "a checkpoint holds {hidden}, and neither it nor {visible} is there: if a reader has taken the \
                     visible file away already, make an empty one of its name"
                )
                .into())
            }
            Err(error) => Err(failed("read", visible, &error)),
        }
    }

    pub(super) fn discard(&self) -> Result {
        let hidden = Path::new(&self.hidden);
        fs::remove_file(hidden).map_err(|error| failed("remove", hidden, &error))
    }
}

/// Commits all of them; they are visible after a power cut too when this returns.
pub(super) fn commit_all(prepared: &[PendingFile]) -> Result {
    let mut changed = BTreeSet::new();
    for file in prepared {
        if file.commit()? {
            changed.extend(Path::new(&file.visible).parent());
        }
    }
    changed.into_iter().try_for_each(sync_directory)
}
