//! Attribute values: what has no type of its own becomes text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everspan_trace::Value;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProtoValue;
use serde_json::Value as Json;

/// Lists and maps become JSON, bytes base64, nothing an empty text.
pub(super) fn from_proto(value: Option<AnyValue>) -> Value {
    match value.and_then(|value| value.value) {
        Some(ProtoValue::StringValue(text)) => Value::from(text),
        Some(ProtoValue::BoolValue(truth)) => Value::Bool(truth),
        Some(ProtoValue::IntValue(number)) => Value::Int(number),
        Some(ProtoValue::DoubleValue(number)) => Value::Double(number),
        Some(ProtoValue::BytesValue(bytes)) => Value::from(STANDARD.encode(bytes)),
        Some(list @ (ProtoValue::ArrayValue(_) | ProtoValue::KvlistValue(_))) => {
            Value::from(json(Some(list)).to_string())
        }
        // An index into a table that only profiles have.
        Some(ProtoValue::StringValueStrindex(_)) | None => Value::from(""),
    }
}

fn json(value: Option<ProtoValue>) -> Json {
    match value {
        Some(ProtoValue::StringValue(text)) => Json::from(text),
        Some(ProtoValue::BoolValue(truth)) => Json::from(truth),
        Some(ProtoValue::IntValue(number)) => Json::from(number),
        Some(ProtoValue::DoubleValue(number)) => Json::from(number),
        Some(ProtoValue::BytesValue(bytes)) => Json::from(STANDARD.encode(bytes)),
        Some(ProtoValue::ArrayValue(list)) => {
            list.values.into_iter().map(|value| json(value.value)).collect()
        }
        Some(ProtoValue::KvlistValue(list)) => list
            .values
            .into_iter()
            .map(|entry| (entry.key, json(entry.value.and_then(|value| value.value))))
            .collect(),
        Some(ProtoValue::StringValueStrindex(_)) | None => Json::Null,
    }
}
