//! Moving files to the store and back.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};
use xxhash_rust::xxh3::Xxh3;

use super::silence::in_time;
use super::{CheckpointStore, Content, FileName, Handle, StoreError, names};
use crate::carry;
use crate::disk::Durability;
use crate::snapshot::SnapshotFiles;

/// Files up to this size are put with one request; longer ones in pieces of this size.
const PIECE_BYTES: usize = 8 << 20;
/// Pieces of one file under way at a time.
const PIECES_AT_ONCE: usize = 4;

/// Where the bytes of a file are before they are put.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file that does not change until it was put.
    File(PathBuf),
    /// A file that never changes and that nobody builds on: a store on its file system may have it as its own.
    Scratch(PathBuf),
    /// In memory.
    Bytes(Bytes),
}

/// What becomes of a file that the store has.
#[derive(Clone, Copy)]
enum Known {
    Stays,
    IsPutAgain,
}

/// How often a file is asked for that comes damaged.
const DAMAGED_TRIES_MAX: u32 = 3;
/// Files of one snapshot under way at a time.
const FILES_AT_ONCE: usize = 4;

/// A snapshot in the store, when its manifest is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// For the manifest, in the order of the snapshot's files.
    pub handles: Vec<Handle>,
    /// Bytes that were written for it.
    pub new_bytes: u64,
    /// Bytes of all its files.
    pub full_bytes: u64,
    /// How long it took.
    pub took: Duration,
}

/// What [`CheckpointStore::put`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// For the manifest.
    pub handle: Handle,
    /// Bytes that were written for it: 0 when the store had the file.
    pub new_bytes: u64,
}

impl CheckpointStore {
    /// Puts the files of a snapshot that `checkpoint`, which is under way, needs: each as [`put`](Self::put) does.
    ///
    /// # Errors
    ///
    /// The first failure; what was put is removed when the checkpoint is [given up](Self::abort).
    pub async fn upload(&self, checkpoint: u64, snapshot: &SnapshotFiles) -> Result<Uploaded, StoreError> {
        self.upload_files(checkpoint, snapshot, Known::Stays).await
    }

    /// As [`upload`](Self::upload), but files that the store has are put once more.
    ///
    /// # Errors
    ///
    /// As [`upload`](Self::upload).
    pub async fn upload_whole(
        &self,
        checkpoint: u64,
        snapshot: &SnapshotFiles,
    ) -> Result<Uploaded, StoreError> {
        self.upload_files(checkpoint, snapshot, Known::IsPutAgain).await
    }

    async fn upload_files(
        &self,
        checkpoint: u64,
        snapshot: &SnapshotFiles,
        known: Known,
    ) -> Result<Uploaded, StoreError> {
        let began = Instant::now();
        // Collected: a future that holds the closure could not be sent to another thread.
        let puts: Vec<_> = snapshot
            .files
            .iter()
            .map(|file| async move {
                let source = snapshot.source(file);
                self.put_one(checkpoint, &file.label, (file.name, &source), known)
                    .await
            })
            .collect();
        let moved: Vec<Moved> = futures_util::stream::iter(puts)
            .buffered(FILES_AT_ONCE)
            .try_collect()
            .await?;
        Ok(Uploaded {
            new_bytes: moved.iter().map(|moved| moved.new_bytes).sum(),
            full_bytes: snapshot.bytes(),
            handles: moved.into_iter().map(|moved| moved.handle).collect(),
            took: began.elapsed(),
        })
    }

    /// Puts a file that `checkpoint`, which is under way, needs. Small ones become part of the manifest; one that a
    /// checkpoint in the store has already is left where it is.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is not what its name says, or the store fails.
    pub async fn put(
        &self,
        checkpoint: u64,
        label: &str,
        name: FileName,
        source: &Source,
    ) -> Result<Moved, StoreError> {
        self.put_one(checkpoint, label, (name, source), Known::Stays)
            .await
    }

    async fn put_one(
        &self,
        checkpoint: u64,
        label: &str,
        (name, source): (FileName, &Source),
        known: Known,
    ) -> Result<Moved, StoreError> {
        let handle = |content| Handle {
            label: label.to_owned(),
            name,
            content,
        };
        if name.length < self.options.inline_below {
            let bytes = match source {
                Source::Bytes(bytes) => bytes.clone(),
                Source::File(path) | Source::Scratch(path) => read(path)?.into(),
            };
            check(name, FileName::of(&bytes))?;
            return Ok(Moved {
                handle: handle(Content::Inline(bytes)),
                new_bytes: name.length,
            });
        }
        let is_known = {
            let _gate = self.gate.read().await;
            let mut ledger = self.ledger();
            ledger.pin(checkpoint, name);
            ledger.has(name) && matches!(known, Known::Stays)
        };
        if !is_known {
            self.put_file(name, source).await?;
            self.ledger().trust(name);
        }
        Ok(Moved {
            handle: handle(Content::Stored),
            new_bytes: if is_known { 0 } else { name.length },
        })
    }

    /// A checkpoint names this file, and it is not there or not what was written: the next checkpoint that needs it puts
    /// it again. [`fetch`](Self::fetch) says so itself.
    pub fn doubt(&self, name: FileName) {
        self.ledger().doubt(name);
    }

    /// Brings the file of a handle to `to`, which does not exist yet; it is there only once it is whole. Nothing is
    /// synced: a file that came from a directory may be another name of the one there. One that comes damaged is asked
    /// for again: the way may be at fault.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when it is not what was written; else when the store or the disk fails.
    pub async fn fetch(&self, handle: &Handle, to: &Path) -> Result<(), StoreError> {
        self.fetch_as(handle, to, Durability::Lasting).await
    }

    /// As [`fetch`](Self::fetch); a file that nobody builds on later may be another name of the one in a directory.
    ///
    /// # Errors
    ///
    /// As [`fetch`](Self::fetch).
    pub async fn fetch_as(
        &self,
        handle: &Handle,
        to: &Path,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let bytes = match durability {
            Durability::Lasting => carry::Bytes::Own,
            Durability::Scratch => carry::Bytes::Shared,
        };
        let new = to.with_extension("new");
        let mut fetched = self.fetch_once(handle, &new, bytes).await;
        for _ in 1..DAMAGED_TRIES_MAX {
            if !matches!(fetched, Err(StoreError::Damaged { .. })) {
                break;
            }
            fetched = self.fetch_once(handle, &new, bytes).await;
        }
        match fetched {
            Ok(()) => std::fs::rename(&new, to).map_err(local(to)),
            Err(error) => {
                // What is left of it means nothing.
                drop(std::fs::remove_file(&new));
                if matches!(error, StoreError::Damaged { .. } | StoreError::Missing { .. }) {
                    self.doubt(handle.name);
                }
                Err(error)
            }
        }
    }

    async fn fetch_once(&self, handle: &Handle, new: &Path, shares: carry::Bytes) -> Result<(), StoreError> {
        let found = match &handle.content {
            Content::Inline(bytes) => write_whole(new, bytes)?,
            Content::Stored => self.fetch_stored(handle.name, new, shares).await?,
        };
        check(handle.name, found).inspect_err(|_| {
            self.counts.damaged_files.fetch_add(1, Ordering::Relaxed);
        })
    }

    async fn put_file(&self, name: FileName, source: &Source) -> Result<(), StoreError> {
        let path = names::file_path(&self.prefix, name);
        match (source, self.path_in_dir(&path)) {
            (Source::File(file), Some(to)) => {
                return self
                    .put_in_dir(&path, (file, to), (name, carry::Bytes::Own))
                    .await;
            }
            (Source::Scratch(file), Some(to)) => {
                let name = (name, carry::Bytes::Shared);
                return self.put_in_dir(&path, (file, to), name).await;
            }
            _ => {}
        }
        match source {
            Source::Bytes(bytes) => {
                check(name, FileName::of(bytes))?;
                self.put_at_once(&path, bytes.clone()).await
            }
            Source::File(file) | Source::Scratch(file) if name.length <= PIECE_BYTES as u64 => {
                let bytes = Bytes::from(read(file)?);
                check(name, FileName::of(&bytes))?;
                self.put_at_once(&path, bytes).await
            }
            Source::File(file) | Source::Scratch(file) => self.put_in_pieces(&path, name, file).await,
        }
    }

    async fn put_at_once(&self, path: &StorePath, bytes: Bytes) -> Result<(), StoreError> {
        let put = || async {
            let payload = PutPayload::from_bytes(bytes.clone());
            self.objects.put(path, payload).await
        };
        self.ask(path, put).await.map(drop)
    }

    async fn put_in_pieces(&self, path: &StorePath, name: FileName, file: &Path) -> Result<(), StoreError> {
        // Read first: a file that is not what its name says must not be put.
        check(name, FileName::of_file(file).map_err(local(file))?)?;
        let put = || async {
            let upload = self.objects.put_multipart(path).await?;
            let mut upload = WriteMultipart::new_with_chunk_size(upload, PIECE_BYTES);
            match send_pieces(&mut upload, file).await {
                Ok(()) => upload.finish().await.map(drop),
                Err(error) => {
                    upload.abort().await?;
                    Err(error)
                }
            }
        };
        self.ask(path, put).await
    }

    async fn fetch_stored(
        &self,
        name: FileName,
        to: &Path,
        bytes: carry::Bytes,
    ) -> Result<FileName, StoreError> {
        let path = names::file_path(&self.prefix, name);
        if let Some(from) = self.path_in_dir(&path) {
            return self.fetch_from_dir(&path, from, (to, bytes)).await;
        }
        let max = self.options.silence_max;
        let fetch = || async {
            let get = ObjectStore::get_opts(&*self.objects, &path, object_store::GetOptions::default());
            let got = in_time(max, get).await??;
            let mut arrival = Arrival::create(to).map_err(generic)?;
            let mut stream = got.into_stream();
            while let Some(piece) = in_time(max, stream.try_next()).await?? {
                arrival.add(&piece).map_err(generic)?;
            }
            Ok(arrival.finish())
        };
        self.ask(&path, fetch).await
    }
}

/// A file under way to this host, and what it is so far.
struct Arrival {
    to: File,
    hash: Xxh3,
    length: u64,
}

impl Arrival {
    fn create(to: &Path) -> io::Result<Self> {
        Ok(Self {
            to: File::create(to)?,
            hash: Xxh3::new(),
            length: 0,
        })
    }

    fn add(&mut self, piece: &[u8]) -> io::Result<()> {
        self.hash.update(piece);
        self.length += piece.len() as u64;
        self.to.write_all(piece)
    }

    /// It is all there: what it is called.
    fn finish(self) -> FileName {
        FileName {
            checksum: self.hash.digest128(),
            length: self.length,
        }
    }
}

async fn send_pieces(upload: &mut WriteMultipart, file: &Path) -> object_store::Result<()> {
    let mut file = File::open(file).map_err(generic)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = file.read(&mut piece).map_err(generic)?;
        if read == 0 {
            return Ok(());
        }
        upload.wait_for_capacity(PIECES_AT_ONCE).await?;
        upload.write(&piece[..read]);
    }
}

pub(super) fn check(expected: FileName, found: FileName) -> Result<(), StoreError> {
    if expected == found {
        Ok(())
    } else {
        Err(StoreError::Damaged { expected, found })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    std::fs::read(path).map_err(local(path))
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<FileName, StoreError> {
    std::fs::write(path, bytes).map_err(local(path))?;
    Ok(FileName::of(bytes))
}

pub(super) fn local(path: &Path) -> impl Fn(io::Error) -> StoreError + '_ {
    |error| StoreError::Local {
        path: path.to_path_buf(),
        reason: error.to_string(),
    }
}

pub(super) fn generic(error: io::Error) -> object_store::Error {
    object_store::Error::Generic {
        store: "local file",
        source: Box::new(error),
    }
}
