//! Bringing the files of a checkpoint to a directory of their own.

use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt};

use super::fetched::compare;
use super::{FetchError, FetchedPart, Owned, Problem, Recovery};
use crate::carry::{self, CarryError, in_thread};
use crate::disk;
use crate::store::{Content, Handle, Manifest, Part};

/// Files under way at a time.
const FILES_AT_ONCE: usize = 4;

/// The files of one owner, on this host's disk.
#[derive(Debug)]
pub struct Fetched {
    /// Every part that has key groups of the owner, in the order of their key groups.
    pub parts: Vec<FetchedPart>,
    /// How long it took, if a store was asked.
    pub download: Option<Duration>,
    /// Where the bytes came from.
    pub bytes: RestoredBytes,
    /// Copies on this host that were passed over.
    pub problems: Vec<Problem>,
}

/// Bytes by where they came from, in Flink's words: `LOCAL_MEMORY`, `LOCAL_DISK`, `REMOTE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestoredBytes {
    /// Inline in the manifest.
    pub local_memory: u64,
    /// A copy on this host's disk.
    pub local_disk: u64,
    /// A store, be it a directory.
    pub remote: u64,
}

/// Where a file came from.
enum From {
    Manifest,
    Copy,
    /// A copy that should be here is not, or is damaged.
    Store(Option<Problem>),
}

/// One file under way.
struct Order<'a> {
    checkpoint: u64,
    handle: &'a Handle,
    /// Where a copy would be.
    copy: Option<PathBuf>,
    to: PathBuf,
}

impl Recovery<'_> {
    /// Brings the files of every part that has key groups of `owner` to its directory.
    ///
    /// # Errors
    ///
    /// When a file is nowhere whole, or the disk or the store fails; the directory does not exist then.
    pub async fn fetch(&self, manifest: &Manifest, owner: &Owned) -> Result<Fetched, FetchError> {
        let fetched = self.fetch_into(manifest, owner).await;
        if fetched.is_err() {
            // What is left of it means nothing.
            drop(disk::remove_dir(&owner.to));
        }
        fetched
    }

    async fn fetch_into(&self, manifest: &Manifest, owner: &Owned) -> Result<Fetched, FetchError> {
        let began = Instant::now();
        disk::remove_dir(&owner.to).map_err(local(&owner.to))?;
        let (mut parts, mut orders) = (Vec::new(), Vec::new());
        for (index, part) in parts_of(manifest, owner)? {
            let dir = owner.to.join(index.to_string());
            let mut fetched = FetchedPart::new(part.range, part.position, &part.format);
            for handle in &part.handles {
                let to = below(&dir, &handle.label)?;
                std::fs::create_dir_all(disk::parent(&to)).map_err(local(&to))?;
                fetched.add(&handle.label, to.clone());
                let copies = self.copies;
                let copy = copies.map(|copies| copies.part_dir(manifest.checkpoint, &owner.task, index));
                orders.push(Order {
                    checkpoint: manifest.checkpoint,
                    handle,
                    copy: copy.map(|dir| dir.join(&handle.label)),
                    to,
                });
            }
            parts.push(fetched);
        }
        let (bytes, problems) = self.carry_out(&orders).await?;
        Ok(Fetched {
            parts,
            download: (bytes.remote > 0).then(|| began.elapsed()),
            bytes,
            problems,
        })
    }

    async fn carry_out(&self, orders: &[Order<'_>]) -> Result<(RestoredBytes, Vec<Problem>), FetchError> {
        let length = |order: &Order<'_>| order.handle.name.length;
        if let Some(progress) = self.progress {
            progress.want(orders.iter().map(length).sum());
        }
        let (mut bytes, mut problems) = (RestoredBytes::default(), Vec::new());
        let files = orders
            .iter()
            .map(|order| async move { Ok((length(order), self.file(order).await?)) });
        let mut files = futures_util::stream::iter(files).buffered(FILES_AT_ONCE);
        while let Some((length, from)) = files.try_next().await? {
            match from {
                From::Manifest => bytes.local_memory += length,
                From::Copy => bytes.local_disk += length,
                From::Store(problem) => {
                    bytes.remote += length;
                    problems.extend(problem);
                }
            }
            if let Some(progress) = self.progress {
                progress.finish(length);
            }
        }
        Ok((bytes, problems))
    }

    async fn file(&self, order: &Order<'_>) -> Result<From, FetchError> {
        let copied = match &order.copy {
            Some(copy) => Some(take_copy(copy, order).await),
            None => None,
        };
        let is_inline = matches!(order.handle.content, Content::Inline(_));
        let problem = match (copied, &order.copy) {
            (Some(Ok(())), _) if is_inline => return Ok(From::Manifest),
            (Some(Ok(())), _) => return Ok(From::Copy),
            // A host that never had a copy has no problem.
            (Some(Err(reason)), Some(copy)) if copy.exists() => Some((copy.clone(), reason)),
            _ => None,
        };
        match self.store {
            Some(store) => store
                .fetch_as(order.handle, &order.to, self.durability)
                .await
                .map_err(FetchError::Store)?,
            None => take_inline(order, problem.as_ref())?,
        }
        if is_inline {
            return Ok(From::Manifest);
        }
        let problem = problem
            .map(|(copy, reason)| Problem::new(Some(order.checkpoint), &copy.display().to_string(), reason));
        Ok(From::Store(problem))
    }
}

/// Without a store the manifest's own bytes are all there is.
fn take_inline(order: &Order<'_>, problem: Option<&(PathBuf, String)>) -> Result<(), FetchError> {
    let Content::Inline(bytes) = &order.handle.content else {
        let missing = || (order.copy.clone().unwrap_or_default(), "it is missing".to_owned());
        let (path, reason) = problem.cloned().unwrap_or_else(missing);
        return Err(FetchError::NoStore { path, reason });
    };
    std::fs::write(&order.to, bytes).map_err(local(&order.to))
}

/// Links the file of a copy if it is whole.
async fn take_copy(copy: &Path, order: &Order<'_>) -> Result<(), String> {
    let (from, to) = (copy.to_path_buf(), order.to.clone());
    let brought = in_thread(None, move |pulse| {
        carry::bring(&from, &to, carry::Bytes::Shared, pulse)
    })
    .await;
    let refused = match brought {
        Ok(found) => compare(copy, order.handle.name, found),
        Err(CarryError::Io(error)) => Err(disk::at(copy)(error)),
        Err(CarryError::Silent(_)) => unreachable!("it is waited for without a limit"),
    };
    refused.map_err(|error| {
        // What is left of it means nothing.
        drop(std::fs::remove_file(&order.to));
        error.to_string()
    })
}

/// The parts that have key groups of the owner, each with its subtask; together they have all of them.
fn parts_of<'a>(manifest: &'a Manifest, owner: &Owned) -> Result<Vec<(usize, &'a Part)>, FetchError> {
    let checkpoint = manifest.checkpoint;
    let task = manifest.task(&owner.task).ok_or_else(|| FetchError::NoTask {
        checkpoint,
        task: owner.task.clone(),
    })?;
    let is_wanted = |(_, part): &(usize, &Part)| part.range.intersection(owner.range).is_some();
    let mut parts: Vec<_> = task.parts.iter().enumerate().filter(is_wanted).collect();
    parts.sort_by_key(|(_, part)| part.range.first());
    let has = |group| parts.iter().any(|(_, part)| part.range.contains(group));
    match owner.range.iter().find(|&group| !has(group)) {
        None => Ok(parts),
        Some(group) => Err(FetchError::Incomplete {
            checkpoint,
            task: owner.task.clone(),
            group: group.0,
        }),
    }
}

/// The path of a label: never outside the directory.
fn below(dir: &Path, label: &str) -> Result<PathBuf, FetchError> {
    let path = Path::new(label);
    let is_plain = |component| matches!(component, Component::Normal(_));
    if label.is_empty() || !path.components().all(is_plain) {
        return Err(FetchError::Label {
            label: label.to_owned(),
        });
    }
    Ok(dir.join(path))
}

fn local(path: &Path) -> impl Fn(std::io::Error) -> FetchError + '_ {
    |error| FetchError::Local {
        path: path.to_path_buf(),
        reason: error.to_string(),
    }
}
