//! All rows at once.

use super::scene::scenes;
use crate::rows::{missing, strangers, untold};

/// What a job on the heap has no use for.
const NOT_OF_THE_HEAP: [&str; 5] = [
    "isGlobalFailure",
    "RestoreAsyncCompactionDurationMs",
    "RestoredStateSizeBytes.LOCAL_DISK",
    "RestoredStateSizeBytes.UNKNOWN",
    "perTask",
];

#[test]
fn every_row_of_the_catalog_stands_on_a_real_span() {
    let missing = missing(&scenes(), &NOT_OF_THE_HEAP);
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_span_of_the_catalog_is_told_but_phases_that_the_heap_does_not_have() {
    assert_eq!(untold(&scenes()), ["read-output", "compact"]);
}

#[test]
fn nothing_is_told_that_is_no_row_of_the_catalog() {
    let strangers = strangers(&scenes());
    assert!(strangers.is_empty(), "{strangers:#?}");
}
