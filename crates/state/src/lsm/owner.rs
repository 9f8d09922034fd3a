//! The `PARTITION` file: whose state a directory holds.
//!
//! ```text
//! everspan partition state
//! format 2
//! partition 3
//! partitions 8
//! cluster prod-eu
//! xxh3 5d1e8c2f00a9b734
//! ```
//!
//! The last line is the XXH3-64 of all lines before it, so that a damaged file is not taken for the
//! file of another partition.

use std::fmt;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::OpenError;

const MAGIC: &str = "everspan partition state";
const FORMAT: u32 = 2;

/// The partition a state belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Number of the partition, from 0.
    pub partition: u32,
    /// How many partitions the keys are spread over; fixed for the life of a cluster.
    pub partitions: u32,
    /// The cluster's id, one line of text.
    pub cluster: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "partition {} of {} of cluster {:?}",
            self.partition, self.partitions, self.cluster
        )
    }
}

impl Owner {
    pub(super) fn encode(&self) -> Vec<u8> {
        assert!(
            !self.cluster.contains('\n'),
            "a cluster id is one line: {:?}",
            self.cluster
        );
        let body = format!(
            "{MAGIC}\nformat {FORMAT}\npartition {}\npartitions {}\ncluster {}\n",
            self.partition, self.partitions, self.cluster
        );
        let sum = xxh3_64(body.as_bytes());
        format!("{body}xxh3 {sum:016x}\n").into_bytes()
    }

    /// Reads the marker at `path`, whose content is `bytes`.
    pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Self, OpenError> {
        let damaged = || OpenError::MarkerDamaged {
            path: path.to_path_buf(),
        };
        let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
        let mut lines = text.lines();
        if lines.next() != Some(MAGIC) {
            return Err(damaged());
        }
        let format: u32 = field(lines.next(), "format ").ok_or_else(damaged)?;
        if format != FORMAT {
            return Err(OpenError::UnsupportedFormat {
                path: path.to_path_buf(),
                format,
                supported: FORMAT,
            });
        }
        let owner = (|| {
            Some(Self {
                partition: field(lines.next(), "partition ")?,
                partitions: field(lines.next(), "partitions ")?,
                cluster: field(lines.next(), "cluster ")?,
            })
        })()
        .ok_or_else(damaged)?;
        if owner.encode() != bytes {
            return Err(damaged());
        }
        Ok(owner)
    }
}

fn field<T: std::str::FromStr>(line: Option<&str>, name: &str) -> Option<T> {
    line?.strip_prefix(name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner {
            partition: 3,
            partitions: 8,
            cluster: "prod eu".to_owned(),
        }
    }

    #[test]
    fn a_marker_reads_back() {
        let path = Path::new("PARTITION");
        assert_eq!(Owner::decode(path, &owner().encode()).unwrap(), owner());
    }

    #[test]
    fn every_flipped_bit_and_every_cut_of_a_marker_is_refused() {
        let path = Path::new("PARTITION");
        let good = owner().encode();
        for at in 0..good.len() {
            assert!(Owner::decode(path, &good[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                assert!(Owner::decode(path, &bad).is_err(), "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn a_later_format_is_named() {
        let later = b"everspan partition state\nformat 3\nsomething new\n";
        assert!(matches!(
            Owner::decode(Path::new("PARTITION"), later),
            Err(OpenError::UnsupportedFormat { format: 3, .. })
        ));
    }
}
