use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::decode::arbitrary::{bare_span, spans};

fn process() -> Process {
    Process::new(&[
        KeyValue::new("service.name", "Everspan"),
        KeyValue::new("service.version", "1"),
    ])
}

fn read(document: &Document) -> Json {
    serde_json::from_str(&document.content).unwrap()
}

fn trace_ids(file: &Json) -> Vec<String> {
    let traces = file["data"].as_array().unwrap();
    traces
        .iter()
        .map(|trace| trace["traceID"].as_str().unwrap().to_owned())
        .collect()
}

fn span_ids(file: &Json) -> Vec<String> {
    let traces = file["data"].as_array().unwrap();
    let spans = traces.iter().flat_map(|trace| trace["spans"].as_array().unwrap());
    spans
        .map(|span| format!("{}-{}", span["traceID"], span["spanID"]).replace('"', ""))
        .collect()
}

proptest! {
    #[test]
    fn every_span_stands_once_in_the_trace_it_belongs_to(spans in spans(), bytes_max in 0..8_000u64) {
        let process = process();
        let files = documents(&spans, &process, bytes_max);
        let read: Vec<Json> = files.iter().map(read).collect();
        let mut found: Vec<String> = read.iter().flat_map(span_ids).collect();
        let mut expected: Vec<String> = spans
            .iter()
            .map(|span| format!("{}-{}", span.context.trace_id, span.context.span_id))
            .collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
        for (file, json) in files.iter().zip(&read) {
            let traces = trace_ids(json);
            prop_assert_eq!(traces.len(), traces.iter().collect::<BTreeSet<_>>().len());
            prop_assert!(file.content.len() as u64 <= bytes_max || span_ids(json).len() == 1);
            for trace in json["data"].as_array().unwrap() {
                for span in trace["spans"].as_array().unwrap() {
                    prop_assert_eq!(&span["traceID"], &trace["traceID"]);
                    let id = span["processID"].as_str().unwrap();
                    prop_assert_eq!(&trace["processes"][id]["serviceName"], "Everspan");
                }
            }
        }
    }
}

#[test]
fn spans_of_a_trace_stand_together() {
    let spans = [bare_span(1, 1), bare_span(2, 1), bare_span(1, 2)];
    let files = documents(&spans, &process(), 1 << 20);
    assert_eq!(files.len(), 1);
    assert_eq!(trace_ids(&read(&files[0])), ["01".repeat(16), "02".repeat(16)]);
}

#[test]
fn a_file_is_named_after_its_last_end_and_its_content() {
    let at = |end_ns| {
        let span = Span {
            end_ns,
            ..bare_span(1, 1)
        };
        let earlier = bare_span(1, 2);
        documents(&[span, earlier], &process(), 1 << 20)[0].name.clone()
    };
    let name = at(1_795_266_852_123_456_789);
    assert_eq!(&name[..30], "trace-20261121T131412.123456Z-");
    assert_eq!(name.len(), 30 + 16 + ".json".len());
    assert_eq!(name, at(1_795_266_852_123_456_789));
    assert_ne!(name, at(1_795_266_852_123_457_789));
    assert!(at(u64::MAX).starts_with("trace-25540721T"));
}

#[test]
fn one_process_id_never_stands_for_two_processes() {
    let id = |resource: &[KeyValue]| Process::new(resource).id;
    let name = |name: &'static str| KeyValue::new("service.name", name);
    assert_eq!(id(&[name("a")]), id(&[name("a")]));
    assert_ne!(id(&[name("a")]), id(&[name("b")]));
    assert_ne!(
        id(&[name("a")]),
        id(&[name("a"), KeyValue::new("service.version", "2")])
    );
}

#[test]
fn a_process_has_its_service_name_and_the_rest_of_the_resource_as_tags() {
    let table: Json = serde_json::from_str(&process().table).unwrap();
    let expected = serde_json::json!({
        "serviceName": "Everspan",
        "tags": [{"key": "service.version", "type": "string", "value": "1"}],
    });
    assert_eq!(table[&process().id], expected);
    let nameless: Json = serde_json::from_str(&Process::new(&[]).table).unwrap();
    assert_eq!(nameless[&Process::new(&[]).id]["serviceName"], "unknown_service");
}
