use std::fs;

use super::*;
use crate::decode::arbitrary::{bare_span, batch};

fn options(dir: &std::path::Path) -> JaegerFileOptions {
    JaegerFileOptions::new(dir, vec![KeyValue::new("service.name", "Everspan")])
}

fn file_count(dir: &std::path::Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

#[tokio::test]
async fn every_batch_is_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = destination(options(dir.path())).unwrap();
    for span in 1..=3 {
        let delivery = files.deliver(&batch(&[bare_span(1, span)])).await;
        assert_eq!(delivery, Delivery::taken());
    }
    assert_eq!(file_count(dir.path()), 3);
    assert_eq!(files.place(), dir.path().display().to_string());
}

#[tokio::test]
async fn a_batch_that_is_delivered_twice_is_one_file() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut files = destination(options(dir.path())).unwrap();
        files.deliver(&batch(&[bare_span(1, 1)])).await;
    }
    assert_eq!(file_count(dir.path()), 1);
}

#[tokio::test]
async fn a_large_batch_becomes_several_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = destination(JaegerFileOptions {
        file_bytes_max: 1_500,
        ..options(dir.path())
    })
    .unwrap();
    let spans: Vec<_> = (1..=20).map(|span| bare_span(1, span)).collect();
    files.deliver(&batch(&spans)).await;
    assert!(file_count(dir.path()) > 3, "{}", file_count(dir.path()));
    for entry in fs::read_dir(dir.path()).unwrap() {
        assert!(entry.unwrap().metadata().unwrap().len() <= 1_500);
    }
}

#[tokio::test]
async fn more_bytes_than_allowed_are_removed_after_a_write_and_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let keep = |keep_bytes_max| JaegerFileOptions {
        keep_bytes_max,
        ..options(dir.path())
    };
    let mut files = destination(keep(2_500)).unwrap();
    for span in 1..=20 {
        files.deliver(&batch(&[bare_span(1, span)])).await;
    }
    let kept = file_count(dir.path());
    assert!((2..20).contains(&kept), "{kept}");
    drop(destination(keep(1)).unwrap());
    assert_eq!(file_count(dir.path()), 1);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_to_for_a_while_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("traces");
    let mut files = destination(options(&path)).unwrap();
    fs::remove_dir(&path).unwrap();
    fs::write(&path, "in the way").unwrap();
    let batch = batch(&[bare_span(1, 1)]);
    let Delivery::Later { wait: None, why } = files.deliver(&batch).await else {
        panic!("a file was written into a file");
    };
    assert!(!why.is_empty());
    fs::remove_file(&path).unwrap();
    assert_eq!(files.deliver(&batch).await, Delivery::taken());
    assert_eq!(file_count(&path), 1);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file/below");
    fs::write(dir.path().join("file"), "").unwrap();
    let error = destination(options(&path))
        .map(|files| files.place())
        .unwrap_err();
    let text = error.to_string();
    let expected = format!("trace files cannot be written to `{}`: ", path.display());
    assert!(text.starts_with(&expected), "{text}");
}

#[tokio::test]
async fn spans_that_cannot_be_read_are_rejected_and_the_others_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = destination(options(dir.path())).unwrap();
    let mut batch = batch(&[bare_span(1, 1)]);
    batch.push("other", &[0xff], 1);
    let Delivery::Taken {
        rejected: 1,
        message: Some(_),
    } = files.deliver(&batch).await
    else {
        panic!("one span of two is unreadable");
    };
    assert_eq!(file_count(dir.path()), 1);
}
