use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::{FileSplit, TextLineReader, listing};
use crate::api::source::{Progress, SourceReader};
use crate::collector::Collector;

#[derive(Default)]
struct Lines(Vec<String>);

impl Collector<String> for Lines {
    fn collect(&mut self, record: String) {
        self.0.push(record);
    }

    fn collect_with_timestamp(&mut self, record: String, _timestamp: i64) {
        self.collect(record);
    }
}

/// Reads on until the end, or an error.
fn rest(reader: &mut TextLineReader) -> (Vec<String>, Option<String>) {
    let mut lines = Lines::default();
    loop {
        match reader.poll_next(3, &mut lines) {
            Ok(Progress::End) => return (lines.0, None),
            Ok(_) => {}
            Err(error) => return (lines.0, Some(error.to_string())),
        }
    }
}

fn read(splits: Vec<FileSplit>, line_bytes_max: usize) -> (Vec<String>, Option<String>) {
    let mut reader = TextLineReader::new(line_bytes_max);
    reader.add_splits(splits).unwrap();
    rest(&mut reader)
}

fn split(path: &Path, from: u64, end: u64) -> FileSplit {
    FileSplit {
        path: path.to_str().unwrap().to_owned(),
        next: from,
        end,
        at_line: from == 0,
    }
}

#[test]
fn a_directory_is_read_by_name_without_what_is_hidden() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("b")).unwrap();
    fs::create_dir(dir.path().join(".hidden")).unwrap();
    for (name, text) in [
        ("c", "five\r\nsix"),
        ("a", "one\n\ntwo\n"),
        ("empty", ""),
        ("b/2", "four\n"),
        ("b/1", "three\n"),
        (".part", "no\n"),
        ("_part", "no\n"),
        (".hidden/x", "no\n"),
    ] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let splits = listing::divide(&listing::files(dir.path()).unwrap(), 3);
    let (lines, error) = read(splits, 100);
    assert_eq!(error, None);
    assert_eq!(lines, ["one", "", "two", "three", "four", "five", "six"]);
}

#[test]
fn large_files_are_divided_into_splits_that_miss_and_repeat_no_line() {
    let dir = tempfile::tempdir().unwrap();
    let lines: Vec<String> = (0..100_000).map(|number| format!("line {number}")).collect();
    let path = dir.path().join("large");
    fs::write(&path, lines.join("\n")).unwrap();
    let splits = listing::divide(&listing::files(&path).unwrap(), 2);
    assert!(splits.len() > 4, "{}", splits.len());
    assert_eq!(read(splits, 100), (lines, None));
}

proptest! {
    #[test]
    fn wherever_a_file_is_cut_and_read_is_interrupted_each_line_comes_once(
        lines in prop::collection::vec("[ab\u{e9}]{0,6}", 0..20),
        ended in any::<bool>(),
        cuts in prop::collection::btree_set(1u64..150, 0..5),
        polls in 0usize..12,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("text");
        let mut text = lines.join("\n");
        if ended && !lines.is_empty() {
            text.push('\n');
        }
        fs::write(&path, &text).unwrap();
        let len = text.len() as u64;
        let inner = cuts.into_iter().filter(|cut| *cut < len);
        let bounds: Vec<u64> = [0].into_iter().chain(inner).chain([len]).collect();
        let splits: Vec<_> = bounds.windows(2).filter(|pair| pair[0] < pair[1]).map(|pair| split(&path, pair[0], pair[1])).collect();

        let mut reader = TextLineReader::new(100);
        reader.add_splits(splits).unwrap();
        let mut out = Lines::default();
        for _ in 0..polls {
            reader.poll_next(3, &mut out).unwrap();
        }
        let (after, error) = read(reader.snapshot().unwrap(), 100);
        prop_assert_eq!(error, None);
        out.0.extend(after);
        let expected: Vec<String> = text.lines().map(str::to_owned).collect();
        prop_assert_eq!(out.0, expected);
    }
}

#[test]
fn what_cannot_be_read_is_told_with_file_and_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("text");
    fs::write(&path, b"good\nlong one\nb\xffd\n").unwrap();
    let name = path.to_str().unwrap();
    for (line_max, end, error) in [
        (
            4,
            18,
            format!("{name}: the line at byte 5 is longer than 4 bytes"),
        ),
        (
            8,
            18,
            format!(
                "{name}: the line at byte 14 is not UTF-8: invalid utf-8 sequence of 1 bytes from index 1"
            ),
        ),
        (
            8,
            99,
            format!("{name} has 18 bytes, but had at least 99 when the job began: it was changed"),
        ),
    ] {
        assert_eq!(read(vec![split(&path, 0, end)], line_max).1, Some(error));
    }
    let missing = dir.path().join("nothing");
    let error = listing::files(&missing).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "cannot read {}: No such file or directory (os error 2)",
            missing.display()
        )
    );
}
