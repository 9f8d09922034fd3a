//! How objects are named.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use object_store::path::Path as StorePath;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Names a file by what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct FileName {
    /// XXH3-128 of its bytes.
    pub checksum: u128,
    /// How many there are.
    pub length: u64,
}

impl FileName {
    /// The name of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            checksum: xxh3_128(bytes),
            length: bytes.len() as u64,
        }
    }

    /// The name of what is in a file.
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let (mut hash, mut length, mut buffer) = (Xxh3::new(), 0, vec![0; 256 << 10]);
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                let checksum = hash.digest128();
                return Ok(Self { checksum, length });
            }
            hash.update(&buffer[..read]);
            length += read as u64;
        }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}-{}", self.checksum, self.length)
    }
}

impl FromStr for FileName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (checksum, length) = text.split_once('-').ok_or(())?;
        let name = Self {
            checksum: u128::from_str_radix(checksum, 16).map_err(drop)?,
            length: length.parse().map_err(drop)?,
        };
        // Only the one spelling that is written: no sign, no upper case, no missing zeros.
        if name.to_string() == text {
            Ok(name)
        } else {
            Err(())
        }
    }
}

pub(super) fn files(prefix: &StorePath) -> StorePath {
    prefix.clone().join("files")
}

pub(super) fn manifests(prefix: &StorePath) -> StorePath {
    prefix.clone().join("checkpoints")
}

pub(super) fn file_path(prefix: &StorePath, name: FileName) -> StorePath {
    let text = name.to_string();
    files(prefix).join(&text[..2]).join(text.as_str())
}

pub(super) fn manifest_path(prefix: &StorePath, number: u64) -> StorePath {
    manifests(prefix).join(format!("{number:020}.manifest"))
}

/// The number of a manifest, from its path; `None` for anything else.
pub(super) fn manifest_number(path: &StorePath) -> Option<u64> {
    let digits = path.filename()?.strip_suffix(".manifest")?;
    if digits.len() == 20 {
        digits.parse().ok()
    } else {
        None
    }
}

/// The name of a file, from its path; `None` for anything else.
pub(super) fn file_name(path: &StorePath) -> Option<FileName> {
    path.filename()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        let prefix = StorePath::from("a/b");
        let name = FileName::of(b"hello");
        let path = file_path(&prefix, name);
        assert_eq!(
            path.as_ref(),
            format!("a/b/files/{}/{name}", &name.to_string()[..2])
        );
        assert_eq!(file_name(&path), Some(name));
        let path = manifest_path(&prefix, 7);
        assert_eq!(path.as_ref(), "a/b/checkpoints/00000000000000000007.manifest");
        assert_eq!(manifest_number(&path), Some(7));
        for other in ["7.manifest", "00000000000000000007.manifest#1", "x"] {
            assert_eq!(manifest_number(&StorePath::from(other)), None, "{other}");
            assert_eq!(file_name(&StorePath::from(other)), None, "{other}");
        }
    }
}
