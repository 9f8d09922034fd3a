//! Every format that was ever released still opens. `tests/fixtures/v<N>` holds a log of each.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;

use everspan_wal::{Batch, FORMAT_VERSION, Log, Options, SimDisk};

fn fixture_dir(version: u32) -> PathBuf {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fixtures.join(format!("v{version}"))
}

/// What the fixture of version 1 holds: two segments, the second one open and marked.
fn write_v1() -> BTreeMap<String, Vec<u8>> {
    let disk = SimDisk::new(1);
    let options = Options {
        segment_bytes: 512,
        ..Options::default()
    };
    let (mut log, _) = Log::open(disk.clone(), options).unwrap();
    let mut batch = Batch::new();
    for seq in 1..=6 {
        batch.clear();
        batch.push(1, seq, format!("partition 1, record {seq}").as_bytes());
        batch.push(65_535, seq + 1000, b"");
        log.append(&batch).unwrap();
        log.sync().unwrap();
    }
    log.mark().unwrap();
    log.sync().unwrap();
    disk.files()
}

#[test]
fn a_log_of_version_1_still_opens() {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(fixture_dir(1)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        files.insert(name, std::fs::read(path).unwrap());
    }
    let (log, recovery) = Log::open(SimDisk::from_files(1, files), Options::default()).unwrap();
    assert_eq!(recovery.last, BTreeMap::from([(1, 6), (65_535, 1006)]));
    assert_eq!(recovery.first, BTreeMap::from([(1, 1), (65_535, 1001)]));
    assert_eq!((recovery.segments, recovery.torn_bytes), (2, 0));
    assert!(recovery.is_whole);
    let mut seqs = Vec::new();
    let visited = log.replay(
        |_| 0,
        |record| {
            if record.partition == 1 {
                let expected = format!("partition 1, record {}", record.seq);
                assert_eq!(record.payload, expected.as_bytes());
            }
            seqs.push((record.partition, record.seq));
            Ok::<(), Infallible>(())
        },
    );
    visited.unwrap();
    let expected = (1..=6).flat_map(|seq| [(1, seq), (65_535, seq + 1000)]);
    assert_eq!(seqs, expected.collect::<Vec<_>>());
}

#[test]
fn the_written_format_is_the_one_of_the_fixture() {
    assert_eq!(
        FORMAT_VERSION, 1,
        "a new version needs a fixture and a test of its own"
    );
    for (name, content) in write_v1() {
        let fixture = std::fs::read(fixture_dir(1).join(&name)).unwrap();
        assert_eq!(
            content, fixture,
            "{name} is written differently: raise the version"
        );
    }
}

#[test]
#[ignore = "writes the fixture; run it once when a version is made"]
fn write_the_fixture() {
    std::fs::create_dir_all(fixture_dir(1)).unwrap();
    for (name, content) in write_v1() {
        std::fs::write(fixture_dir(1).join(name), content).unwrap();
    }
}
