//! A store that is a directory: its files are carried past the object store, which would bring them in small pieces.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use futures_util::TryFutureExt;
use object_store::path::Path as StorePath;

use super::silence::silent;
use super::transfer::{check, generic, local};
use super::{CheckpointStore, FileName, StoreError};
use crate::carry::{self, CarryError, in_thread};

impl CheckpointStore {
    /// Where an object is, if the store is a directory.
    pub(super) fn path_in_dir(&self, path: &StorePath) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.join(path.as_ref()))
    }

    pub(super) async fn put_in_dir(
        &self,
        path: &StorePath,
        (file, to): (&Path, PathBuf),
        (name, bytes): (FileName, carry::Bytes),
    ) -> Result<(), StoreError> {
        // A source that is not there is not the store's fault, and asking again does not help.
        file.metadata().map_err(local(file))?;
        let put = || {
            let (file, to) = (file.to_path_buf(), to.clone());
            in_thread(None, move |pulse| carry::place(&file, &to, (name, bytes), pulse)).map_err(carried)
        };
        check(name, self.ask(path, put).await?)
    }

    pub(super) async fn fetch_from_dir(
        &self,
        path: &StorePath,
        from: PathBuf,
        (to, bytes): (&Path, carry::Bytes),
    ) -> Result<FileName, StoreError> {
        let fetch = || {
            let (from, to) = (from.clone(), to.to_path_buf());
            let max = self.options.silence_max;
            in_thread(max, move |pulse| carry::bring(&from, &to, bytes, pulse)).map_err(carried)
        };
        self.ask(path, fetch).await
    }
}

fn carried(error: CarryError) -> object_store::Error {
    match error {
        CarryError::Silent(max) => silent(max),
        CarryError::Io(error) if error.kind() == ErrorKind::NotFound => object_store::Error::NotFound {
            path: String::new(),
            source: Box::new(error),
        },
        CarryError::Io(error) => generic(error),
    }
}
