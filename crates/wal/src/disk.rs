//! The only I/O surface of the log: flat file names in one directory.

use std::io;

/// A directory of files. [`crate::FileDisk`] is the real one, [`crate::SimDisk`] the simulated one.
///
/// Nothing is durable before the matching sync. Errors of kind `StorageFull` and `QuotaExceeded` mean
/// "try again when there is space"; every other error of a changing call stops the log for good.
pub trait Disk: Send + 'static {
    /// Names of the files in the directory, in any order; a lock file of the disk's own is not listed.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Replaces the content of `buffer` by the whole file.
    fn read(&self, name: &str, buffer: &mut Vec<u8>) -> io::Result<()>;
    /// Makes a file, or empties it if it exists, and reserves `preallocate_bytes` that read as zeros
    /// where the file system can do that. The name is durable after [`Disk::sync_dir`].
    fn create(&mut self, name: &str, preallocate_bytes: u64) -> io::Result<()>;
    /// Writes at `offset`, growing the file if needed; returns how many bytes it took, as `pwrite` does.
    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<usize>;
    /// Makes what was written to the file durable (`fdatasync`).
    fn sync(&mut self, name: &str) -> io::Result<()>;
    /// Makes created and removed names durable.
    fn sync_dir(&mut self) -> io::Result<()>;
    /// Gives back what is reserved beyond `length` bytes.
    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()>;
    /// Removes a file. Durable after [`Disk::sync_dir`].
    fn remove(&mut self, name: &str) -> io::Result<()>;
}

/// Whether an error means "no space now" and not "this disk cannot be trusted".
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
