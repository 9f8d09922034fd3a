//! A simulated disk, driven by one seed: it tears, reorders, fails, fills up and crashes.
//!
//! Handles are clones of one disk: give one to the log, keep one to break things. A changing call is
//! pending until it is synced; [`SimDisk::crash`] makes a new disk from what had been synced and any
//! part of what was pending, sector by sector, in any order.
//!
//! ```
//! use everspan_wal::{Batch, Log, Options, SimDisk};
//! let disk = SimDisk::new(1);
//! let (mut log, _) = Log::open(disk.clone(), Options::default())?;
//! let mut batch = Batch::new();
//! batch.push(0, 1, b"kept");
//! log.append(&batch)?;
//! log.sync()?;
//! let (_, recovery) = Log::open(disk.crash(), Options::default())?;
//! assert_eq!(recovery.last[&0], 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod file;
mod rng;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::Disk;
use file::{Fate, SimFile};
pub use rng::SimRng;

/// Faults to come. The default is none.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// The power fails within the changing call with this number (from 1): the call and every later
    /// one return an error. What the call did is pending, as far as it did anything.
    pub crash_at: Option<u64>,
    /// The first sync at or after the changing call with this number fails once with an I/O error;
    /// what it should have made durable is then never written, though it can still be read. Names stay
    /// pending: file systems journal them, or stop for good.
    pub fail_sync_at: Option<u64>,
    /// The first write at or after the changing call with this number fails once with an I/O error.
    pub fail_write_at: Option<u64>,
    /// Bytes all files together may take. Beyond it writes are cut short, then refused; when the files
    /// already take more, every write is refused, one into preallocated space too.
    pub capacity_bytes: Option<u64>,
    /// Writes take fewer bytes than given, now and then.
    pub short_writes: bool,
}

/// A handle to a simulated disk.
#[derive(Debug, Clone)]
pub struct SimDisk {
    world: Arc<Mutex<World>>,
}

#[derive(Debug)]
struct World {
    rng: SimRng,
    sector_bytes: usize,
    files: Vec<SimFile>,
    /// Names as read now, and as they are after a crash that loses everything pending.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    pending_names: Vec<NameChange>,
    faults: Faults,
    calls: u64,
    crashed: bool,
}

/// A name that was created (with its file) or removed, not durable yet.
#[derive(Debug, Clone)]
struct NameChange {
    name: String,
    file: Option<usize>,
}

impl SimDisk {
    /// An empty disk.
    pub fn new(seed: u64) -> SimDisk {
        SimDisk::from_files(seed, BTreeMap::new())
    }

    /// A disk with these files, all durable.
    pub fn from_files(seed: u64, files: BTreeMap<String, Vec<u8>>) -> SimDisk {
        let mut rng = SimRng::new(seed);
        let sector_bytes = [16, 64, 512, 4096][rng.below(4)];
        let names: BTreeMap<String, usize> = files.keys().cloned().zip(0..).collect();
        let world = World {
            rng,
            sector_bytes,
            files: files.into_values().map(SimFile::new).collect(),
            durable_names: names.clone(),
            names,
            pending_names: Vec::new(),
            faults: Faults::default(),
            calls: 0,
            crashed: false,
        };
        SimDisk {
            world: Arc::new(Mutex::new(world)),
        }
    }

    /// Replaces the faults to come.
    pub fn set_faults(&self, faults: Faults) {
        self.world().faults = faults;
    }

    /// Changes only the capacity.
    pub fn set_capacity(&self, capacity_bytes: Option<u64>) {
        self.world().faults.capacity_bytes = capacity_bytes;
    }

    /// Number of changing calls so far.
    pub fn calls(&self) -> u64 {
        self.world().calls
    }

    /// Whether [`Faults::crash_at`] has happened.
    pub fn is_crashed(&self) -> bool {
        self.world().crashed
    }

    /// The files as they can be read now.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let world = self.world();
        let names = world.names.iter();
        names
            .map(|(name, &file)| (name.clone(), world.files[file].content().to_vec()))
            .collect()
    }

    /// The disk after a power failure now; this one stays as it is, so one run can crash many times.
    pub fn crash(&self) -> SimDisk {
        let mut world = self.world();
        let seed = world.rng.next_u64();
        let files = world.files_after_crash();
        SimDisk::from_files(seed, files)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    fn files_after_crash(&mut self) -> BTreeMap<String, Vec<u8>> {
        let fate = Fate::draw(&mut self.rng);
        let mut names = self.durable_names.clone();
        for change in fate.survivors(&self.pending_names, &mut self.rng) {
            apply_name(&mut names, change);
        }
        let mut files = BTreeMap::new();
        for (name, file) in names {
            let fate = Fate::draw(&mut self.rng);
            let content = self.files[file].after_crash(fate, self.sector_bytes, &mut self.rng);
            files.insert(name, content);
        }
        files
    }

    fn alive(&self) -> io::Result<()> {
        if self.crashed {
            Err(io::Error::other("the simulated power is off"))
        } else {
            Ok(())
        }
    }

    /// Counts a changing call. `true`: the power fails while it is under way.
    fn begin(&mut self) -> io::Result<bool> {
        self.alive()?;
        self.calls += 1;
        self.crashed = self.faults.crash_at.is_some_and(|at| self.calls >= at);
        Ok(self.crashed)
    }

    fn file(&self, name: &str) -> io::Result<usize> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn used_bytes(&self) -> u64 {
        let files = self.names.values();
        files.map(|&file| self.files[file].content().len() as u64).sum()
    }

    /// How many of `length` bytes at `offset` of a file can be taken.
    fn room(&mut self, file: usize, offset: u64, length: usize) -> io::Result<usize> {
        let mut taken = length;
        if let Some(capacity) = self.faults.capacity_bytes {
            let used = self.used_bytes();
            if used > capacity {
                return Err(ErrorKind::StorageFull.into());
            }
            let end = self.files[file].content().len() as u64 + (capacity - used);
            taken = taken.min(size(end.saturating_sub(offset)));
        }
        if taken == 0 && length > 0 {
            return Err(ErrorKind::StorageFull.into());
        }
        if self.faults.short_writes && self.rng.below(4) == 0 {
            taken = 1 + self.rng.below(taken);
        }
        Ok(taken)
    }

    /// Whether a one-time fault is due; it is used up then.
    fn strikes(calls: u64, at: &mut Option<u64>) -> bool {
        at.take_if(|at| calls >= *at).is_some()
    }

    fn change_name(&mut self, name: &str, file: Option<usize>) {
        let change = NameChange {
            name: name.to_owned(),
            file,
        };
        apply_name(&mut self.names, &change);
        self.pending_names.push(change);
    }
}

fn apply_name(names: &mut BTreeMap<String, usize>, change: &NameChange) {
    match change.file {
        Some(file) => names.insert(change.name.clone(), file),
        None => names.remove(&change.name),
    };
}

fn power_failure(struck: bool) -> io::Result<()> {
    if struck {
        Err(io::Error::other("the simulated power failed"))
    } else {
        Ok(())
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

impl Disk for SimDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let world = self.world();
        world.alive()?;
        Ok(world.names.keys().cloned().collect())
    }

    fn read(&self, name: &str, buffer: &mut Vec<u8>) -> io::Result<()> {
        let world = self.world();
        world.alive()?;
        buffer.clear();
        buffer.extend_from_slice(world.files[world.file(name)?].content());
        Ok(())
    }

    fn create(&mut self, name: &str, preallocate_bytes: u64) -> io::Result<()> {
        let mut world = self.world();
        let struck = world.begin()?;
        let file = match world.names.get(name) {
            Some(&file) => file,
            None => {
                world.files.push(SimFile::new(Vec::new()));
                world.files.len() - 1
            }
        };
        world.change_name(name, Some(file));
        world.files[file].set_length(0);
        let used = world.used_bytes();
        if world
            .faults
            .capacity_bytes
            .is_some_and(|max| used + preallocate_bytes > max)
        {
            return Err(ErrorKind::StorageFull.into());
        }
        world.files[file].set_length(size(preallocate_bytes));
        power_failure(struck)
    }

    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut guard = self.world();
        let world = &mut *guard;
        let struck = world.begin()?;
        let file = world.file(name)?;
        if World::strikes(world.calls, &mut world.faults.fail_write_at) {
            return Err(io::Error::other("the simulated write failed"));
        }
        let taken = world.room(file, offset, bytes.len())?;
        world.files[file].write(size(offset), &bytes[..taken]);
        power_failure(struck).map(|()| taken)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut guard = self.world();
        let world = &mut *guard;
        power_failure(world.begin()?)?;
        let file = world.file(name)?;
        if World::strikes(world.calls, &mut world.faults.fail_sync_at) {
            let fate = Fate::draw(&mut world.rng);
            world.files[file].lose_pending(fate, world.sector_bytes, &mut world.rng);
            return Err(io::Error::other("the simulated sync failed"));
        }
        world.files[file].sync();
        Ok(())
    }

    fn sync_dir(&mut self) -> io::Result<()> {
        let mut guard = self.world();
        let world = &mut *guard;
        power_failure(world.begin()?)?;
        if World::strikes(world.calls, &mut world.faults.fail_sync_at) {
            return Err(io::Error::other("the simulated directory sync failed"));
        }
        for change in world.pending_names.drain(..) {
            apply_name(&mut world.durable_names, &change);
        }
        Ok(())
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        let mut world = self.world();
        let struck = world.begin()?;
        let file = world.file(name)?;
        if world.files[file].content().len() > size(length) {
            world.files[file].set_length(size(length));
        }
        power_failure(struck)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut world = self.world();
        let struck = world.begin()?;
        world.file(name)?;
        world.change_name(name, None);
        power_failure(struck)
    }
}
