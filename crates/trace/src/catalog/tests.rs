use std::collections::BTreeSet;

use super::*;
use crate::{KeyValue, Value};

fn attributes() -> impl Iterator<Item = &'static attr::AttributeDef> {
    attr::ATTRIBUTES.iter().copied().flatten()
}

fn keys_on(def: &SpanDef) -> BTreeSet<&'static str> {
    let stands_on = |attribute: &&attr::AttributeDef| {
        attribute
            .on
            .iter()
            .any(|place| matches!(place, Place::Span(on) if *on == def))
    };
    attributes()
        .filter(stands_on)
        .map(|attribute| attribute.key)
        .collect()
}

#[test]
fn a_span_is_named_by_its_prefix_and_target() {
    assert_eq!(
        ATTEMPT.name("Counter/{key}/add"),
        "invocation-attempt Counter/{key}/add"
    );
}

#[test]
fn a_span_is_of_the_kind_that_its_scope_and_name_say() {
    for (scope, name, kind) in [
        (
            INVOCATION_SCOPE,
            "invocation-attempt Greeter/greet",
            Some(ATTEMPT),
        ),
        (INVOCATION_SCOPE, "ingress", Some(INGRESS)),
        (INVOCATION_SCOPE, "ingress-like Greeter/greet", None),
        (CHECKPOINT_SCOPE, "Checkpoint", Some(CHECKPOINT)),
        (CHECKPOINT_SCOPE, "Checkpoint_Task", Some(CHECKPOINT_TASK)),
        (CHECKPOINT_SCOPE, "Checkpoint 7", None),
        (INVOCATION_SCOPE, "Checkpoint", None),
        ("my::Type", "ingress Greeter/greet", None),
    ] {
        assert_eq!(kind_of(scope, name).copied(), kind, "{scope} {name}");
    }
}

#[test]
fn no_name_stands_twice_and_none_is_without_a_description() {
    let names: [Vec<&str>; 3] = [
        attributes().map(|def| def.key).collect(),
        event::EVENTS.iter().map(|def| def.name).collect(),
        SPANS.iter().map(|def| def.prefix).collect(),
    ];
    for names in names {
        assert_eq!(
            names.iter().collect::<BTreeSet<_>>().len(),
            names.len(),
            "{names:?}"
        );
    }
    assert!(attributes().all(|def| !def.on.is_empty() && !def.description.is_empty()));
    assert!(
        event::EVENTS
            .iter()
            .all(|def| !def.on.is_empty() && !def.description.is_empty())
    );
}

#[test]
fn keys_give_values_of_their_type() {
    assert_eq!(attr::ATTEMPT_NUMBER.value(3).value, Value::Int(3));
    assert_eq!(attr::INVOCATION_DURATION_MS.value(3.0).value, Value::Double(3.0));
    assert_eq!(attr::IDEMPOTENCY_REPLAYED.value(true).value, Value::Bool(true));
    let attribute = attr::ATTEMPT_CAUSE.value(attr::cause::FIRST);
    assert_eq!(attribute, KeyValue::new("everspan.attempt.cause", "first"));
    assert_eq!(
        attr::RPC_SERVICE.value(String::from("Greeter")).value,
        "Greeter".into()
    );
    let label = attr::FAILURE_LABEL.value("type", "oom");
    assert_eq!(label, KeyValue::new("failureLabel.type", "oom"));
}

#[test]
fn only_plain_commands_may_be_dropped_from_a_full_span() {
    let kept = event::EVENTS.iter().filter(|def| event::is_lifecycle(def.name));
    assert_eq!(kept.count(), event::EVENTS.len() - 1);
    assert!(!event::is_lifecycle(event::NEW_COMMAND));
}

/// The names that the Flink document, and the spans of a real Flink, have on these two spans.
#[test]
fn checkpoint_and_initialization_spans_have_flinks_keys() {
    let both = |measures: &[&str]| -> Vec<String> {
        let keys = |measure: &&str| [format!("max{measure}"), format!("sum{measure}")];
        measures.iter().flat_map(keys).collect()
    };
    let check = |def: &SpanDef, plain: &[&str], measures: &[&str]| {
        let keys = keys_on(def);
        let expected = plain.iter().map(|&key| key.to_owned()).chain(both(measures));
        let missing: Vec<String> = expected.filter(|key| !keys.contains(key.as_str())).collect();
        assert!(missing.is_empty(), "{} lacks {missing:?}", def.prefix);
    };
    check(
        &CHECKPOINT,
        &[
            "startTs",
            "endTs",
            "checkpointId",
            "checkpointedSize",
            "fullSize",
            "checkpointStatus",
            "jobId",
            "checkpointType",
            "isUnaligned",
            "metadataSize",
            "maxStateSizeBytes",
            "maxCheckpointedSizeBytes",
            "everspan.checkpoint.failure_reason",
        ],
        &[
            "AlignmentDurationMs",
            "SyncCheckpointDurationMs",
            "AsyncCheckpointDurationMs",
            "CheckpointStartDelayMs",
            "PersistedDataBytes",
            "ProcessedDataBytes",
        ],
    );
    check(
        &JOB_INITIALIZATION,
        &[
            "startTs",
            "endTs",
            "jobId",
            "initializationStatus",
            "checkpointId",
            "fullSize",
        ],
        &[
            "MailboxStartDurationMs",
            "ReadOutputDataDurationMs",
            "InitializeStateDurationMs",
            "GateRestoreDurationMs",
            "DownloadStateDurationMs",
            "RestoreStateDurationMs",
            "RestoreAsyncCompactionDurationMs",
            "RestoredStateSizeBytes.LOCAL_MEMORY",
            "RestoredStateSizeBytes.LOCAL_DISK",
            "RestoredStateSizeBytes.REMOTE",
            "RestoredStateSizeBytes.UNKNOWN",
        ],
    );
    assert!(keys_on(&CHECKPOINT_SUBTASK).contains("AlignmentDurationMs"));
    assert!(keys_on(&JOB_FAILURE).contains("failureLabel.<label>"));
}

#[test]
fn an_aggregate_is_the_greatest_and_the_sum_and_absent_without_measures() {
    let over = |measures: &[i64]| attr::DOWNLOAD_STATE_DURATION_MS.over(measures.iter().copied());
    assert_eq!(over(&[]), None);
    let pair = |max: i64, sum: i64| {
        let keys = ["maxDownloadStateDurationMs", "sumDownloadStateDurationMs"];
        Some([KeyValue::new(keys[0], max), KeyValue::new(keys[1], sum)])
    };
    assert_eq!(over(&[0]), pair(0, 0));
    assert_eq!(over(&[4, 0, 55]), pair(55, 59));
    assert_eq!(over(&[i64::MAX, 1]), pair(i64::MAX, i64::MAX));
}
