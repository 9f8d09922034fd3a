//! What may be on the disk after a power cut.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

use crate::history::{Change, Effect, History, Node, ROOT};
use crate::script::Random;

const SECTOR_BYTES: usize = 512;

/// What survives of the changes that were not durable yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Survives {
    /// Nothing.
    Nothing,
    /// All entries of directories; files keep the data that was durable.
    Entries,
    /// All entries of directories and all lengths of files; data that was not durable reads as zeros.
    EntriesAndLengths,
    /// Of the entries, only that files are gone.
    Unlinks,
    /// Of the entries, only the newest change.
    Newest,
    /// Changes of directories up to some moment, as a journal keeps them, and any sectors of data.
    Journal { draw: u8 },
    /// Any changes of directories, each by itself, and any sectors of data.
    Anything { draw: u8 },
    /// Everything, as after a kill.
    Everything,
}

impl Survives {
    pub(crate) const ALL: [Self; 10] = [
        Self::Nothing,
        Self::Entries,
        Self::EntriesAndLengths,
        Self::Unlinks,
        Self::Newest,
        Self::Journal { draw: 0 },
        Self::Journal { draw: 1 },
        Self::Anything { draw: 2 },
        Self::Anything { draw: 3 },
        Self::Everything,
    ];

    /// Tells the images of one moment apart that chance decides about.
    fn draw(self) -> u64 {
        match self {
            Self::Journal { draw } | Self::Anything { draw } => u64::from(draw),
            _ => 0,
        }
    }
}

/// How one change comes through.
enum Fate {
    Lost,
    Whole,
    Zeros,
    Sectors,
}

/// Files with their content and directories (`None`), by path relative to the root.
#[derive(PartialEq, Eq)]
pub(crate) struct Image(pub(crate) BTreeMap<String, Option<Vec<u8>>>);

impl Image {
    /// A disk after a power cut behind line `at` of the trace.
    pub(crate) fn after(history: &History, at: usize, survives: Survives) -> Self {
        let done = history.changes.iter().take_while(|change| change.at <= at);
        let changes: Vec<&Change> = done.collect();
        let mut random = Random((at as u64) << 8 | survives.draw());
        let at_risk = |change: &Change| change.durable_at.is_none_or(|durable| durable > at);
        let entries = changes
            .iter()
            .filter(|change| at_risk(change) && !change.effect.is_data());
        let mut survivors = Survivors::new(survives, entries.count(), &mut random);
        let mut disk = Disk::new(history.directories.len());
        for change in &changes {
            let fate = if at_risk(change) {
                survivors.fate(&change.effect, &mut random)
            } else {
                Fate::Whole
            };
            disk.apply(change, &fate, &mut random);
        }
        disk.image(&history.directories)
    }

    /// The files below `root` as they are.
    pub(crate) fn read(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        read_dir(root, "", &mut files);
        Self(files)
    }

    pub(crate) fn write(&self, root: &Path) {
        // In the order of paths a directory comes before what is in it.
        for (path, content) in &self.0 {
            match content {
                Some(bytes) => fs::write(root.join(path), bytes).unwrap(),
                None => fs::create_dir(root.join(path)).unwrap(),
            }
        }
    }

    /// Equal for equal images.
    pub(crate) fn digest(&self) -> u128 {
        let mut digest = Xxh3::new();
        for (path, content) in &self.0 {
            let bytes = content.as_deref().unwrap_or_default();
            for part in [path.as_bytes(), bytes] {
                digest.update(&part.len().to_le_bytes());
                digest.update(part);
            }
            digest.update(&[u8::from(content.is_some())]);
        }
        digest.digest128()
    }
}

fn read_dir(dir: &Path, prefix: &str, files: &mut BTreeMap<String, Option<Vec<u8>>>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            read_dir(&entry.path(), &format!("{path}/"), files);
            files.insert(path, None);
        } else {
            files.insert(path, Some(fs::read(entry.path()).unwrap()));
        }
    }
}

/// Decides about the changes at risk, oldest first.
struct Survivors {
    survives: Survives,
    /// Changes of entries still to come.
    entries_left: usize,
    /// Of these, so many are lost at the end by [`Survives::Journal`].
    entries_cut: usize,
}

impl Survivors {
    fn new(survives: Survives, entries: usize, random: &mut Random) -> Self {
        let cut = random.below(entries as u64 + 1);
        Self {
            survives,
            entries_left: entries,
            entries_cut: usize::try_from(cut).unwrap(),
        }
    }

    fn fate(&mut self, effect: &Effect, random: &mut Random) -> Fate {
        if effect.is_data() {
            return match self.survives {
                Survives::Everything => Fate::Whole,
                Survives::EntriesAndLengths => Fate::Zeros,
                Survives::Journal { .. } | Survives::Anything { .. } => Fate::Sectors,
                _ => Fate::Lost,
            };
        }
        self.entries_left -= 1;
        let survives = match self.survives {
            Survives::Nothing => false,
            Survives::Entries | Survives::EntriesAndLengths | Survives::Everything => true,
            Survives::Unlinks => matches!(effect, Effect::Unlink { .. }),
            Survives::Newest => self.entries_left == 0,
            Survives::Journal { .. } => self.entries_left >= self.entries_cut,
            Survives::Anything { .. } => random.below(2) == 0,
        };
        if survives { Fate::Whole } else { Fate::Lost }
    }
}

/// Files and directories by node.
struct Disk {
    files: Vec<Vec<u8>>,
    entries: Vec<BTreeMap<String, Node>>,
}

impl Disk {
    fn new(nodes: usize) -> Self {
        Self {
            files: vec![Vec::new(); nodes],
            entries: vec![BTreeMap::new(); nodes],
        }
    }

    fn apply(&mut self, change: &Change, fate: &Fate, random: &mut Random) {
        if matches!(fate, Fate::Lost) {
            return;
        }
        let entries = &mut self.entries[change.node];
        match &change.effect {
            Effect::Link { name, to } => {
                entries.insert(name.clone(), *to);
            }
            Effect::Unlink { name } => {
                entries.remove(name);
            }
            Effect::Rename { name, new, to } => {
                entries.remove(name);
                entries.insert(new.clone(), *to);
            }
            Effect::Resize { len } => self.files[change.node].resize(*len, 0),
            Effect::Write { offset, bytes } => {
                write(&mut self.files[change.node], *offset, bytes, fate, random);
            }
        }
    }

    fn image(&self, directories: &[bool]) -> Image {
        let mut files = BTreeMap::new();
        let mut waiting = vec![(String::new(), ROOT)];
        while let Some((prefix, dir)) = waiting.pop() {
            for (name, &node) in &self.entries[dir] {
                let path = format!("{prefix}{name}");
                if directories[node] {
                    waiting.push((format!("{path}/"), node));
                    files.insert(path, None);
                } else {
                    files.insert(path, Some(self.files[node].clone()));
                }
            }
        }
        Image(files)
    }
}

/// A lost sector reads as it was before, as zeros behind the old end if the file's length survived.
fn write(file: &mut Vec<u8>, offset: usize, bytes: &[u8], fate: &Fate, random: &mut Random) {
    let end = offset + bytes.len();
    let length_survives = !matches!(fate, Fate::Sectors) || random.below(2) == 0;
    if length_survives && file.len() < end {
        file.resize(end, 0);
    }
    let mut at = offset;
    while at < end {
        let sector_end = ((at / SECTOR_BYTES + 1) * SECTOR_BYTES).min(end);
        let survives = match fate {
            Fate::Whole => true,
            Fate::Zeros | Fate::Lost => false,
            Fate::Sectors => random.below(2) == 0,
        };
        if survives {
            file.resize(file.len().max(sector_end), 0);
            file[at..sector_end].copy_from_slice(&bytes[at - offset..sector_end - offset]);
        }
        at = sector_end;
    }
}
