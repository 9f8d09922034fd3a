//! Copies of checkpoints on the server's disk, gone with it: a copy without a manifest means nothing.

use std::collections::BTreeMap;

use bytes::Bytes;
use everspan_state::store::FileName;

/// The copies.
#[derive(Clone, Default)]
pub(crate) struct Copies(BTreeMap<u64, LocalCopy>);

#[derive(Clone, Default)]
struct LocalCopy {
    files: BTreeMap<FileName, Bytes>,
    is_whole: bool,
    /// By a mutation: nobody looks at what is in its files.
    is_trusted: bool,
}

impl Copies {
    /// A snapshot of a partition is written.
    pub(crate) fn write(&mut self, checkpoint: u64, files: impl Iterator<Item = Bytes>) {
        let copy = self.0.entry(checkpoint).or_default();
        copy.files
            .extend(files.map(|bytes| (FileName::of(&bytes), bytes)));
    }

    /// The checkpoint exists: its copy does, too, and those before it are not needed any more.
    pub(crate) fn publish(&mut self, checkpoint: u64) {
        self.0.entry(checkpoint).or_default().is_whole = true;
        self.0.retain(|&number, _| number >= checkpoint);
    }

    pub(crate) fn forget(&mut self, checkpoint: u64) {
        self.0.remove(&checkpoint);
    }

    /// A start removes what is not whole.
    pub(crate) fn open(&mut self) {
        self.0.retain(|_, copy| copy.is_whole);
    }

    /// A start that takes everything for whole; of the last file written only a part is there.
    pub(crate) fn open_half(&mut self) {
        for copy in self.0.values_mut().filter(|copy| !copy.is_whole) {
            copy.is_whole = true;
            copy.is_trusted = true;
            if let Some(mut file) = copy.files.last_entry() {
                let half = file.get().len() / 2;
                file.get_mut().truncate(half);
            }
        }
    }

    /// A file of every copy goes bad.
    pub(crate) fn damage(&mut self) {
        for copy in self.0.values_mut() {
            if let Some(mut file) = copy.files.first_entry() {
                file.insert(Bytes::from_static(b"damaged"));
            }
        }
    }

    /// A file, if it is here and what its name says.
    pub(crate) fn file(&self, checkpoint: u64, name: FileName) -> Option<Bytes> {
        let copy = self.0.get(&checkpoint).filter(|copy| copy.is_whole)?;
        let file = copy.files.get(&name)?;
        (copy.is_trusted || FileName::of(file) == name).then(|| file.clone())
    }
}
