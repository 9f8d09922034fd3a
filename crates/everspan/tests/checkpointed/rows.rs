//! Every row of the Flink document and of the catalog, on spans that a collector has received of real checkpoints,
//! starts and failures of a server. One test is one row; all look at the same two scenes.

mod checkpoint;
mod failure;
mod scene;
mod start;

use crate::world::rows::{missing, strangers, untold};
use scene::{LIFE, TROUBLE};

/// What a server has no use for: its partitions have no data in flight, and start one by one.
const NOT_OF_A_SERVER: [&str; 5] = [
    "failureLabel.<label>",
    "isGlobalFailure",
    "RestoreAsyncCompactionDurationMs",
    "RestoredStateSizeBytes.UNKNOWN",
    "perTask",
];

#[test]
fn every_row_of_the_catalog_stands_on_a_real_span() {
    let missing = missing(&[&LIFE.collector, &TROUBLE.collector], &NOT_OF_A_SERVER);
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_span_of_the_catalog_is_told_but_phases_that_a_server_does_not_have() {
    assert_eq!(untold(&[&LIFE.collector]), ["read-output", "compact"]);
}

#[test]
fn nothing_is_told_that_is_no_row_of_the_catalog() {
    let strangers = strangers(&[&LIFE.collector, &TROUBLE.collector]);
    assert!(strangers.is_empty(), "{strangers:#?}");
}
