//! From a checkpoint to the files of one owner, on this host's disk.

mod fetched;

pub use fetched::{FetchedFile, FetchedPart};
