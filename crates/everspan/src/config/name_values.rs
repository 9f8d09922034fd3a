//! Keys that hold names and values: request headers and resource attributes.

use std::collections::BTreeMap;
use std::fmt;

/// Stands for a secret wherever configuration is shown.
pub(super) const REDACTED: &str = "<redacted>";

/// HTTP headers by lower-case name. The values may be secret and do not appear in `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(pub BTreeMap<String, String>);

impl fmt::Debug for Headers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map()
            .entries(self.0.keys().map(|name| (name, REDACTED)))
            .finish()
    }
}

/// What is wrong with a header, if anything.
pub(super) fn check_header(name: &str, value: &str) -> Result<(), String> {
    http::HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("{name:?} is no header name; expected letters, digits and dashes"))?;
    match http::HeaderValue::from_str(value) {
        Ok(text) if text.to_str().is_ok() => Ok(()),
        _ => Err("a header value is printable ASCII".to_owned()),
    }
}

/// What is wrong with an attribute, if anything.
pub(super) fn check_attribute(name: &str) -> Result<(), String> {
    match name.trim() {
        "" => Err("an attribute needs a name".to_owned()),
        _ => Ok(()),
    }
}

/// What is wrong with a resource attribute, if anything.
pub(super) fn check_resource(name: &str) -> Result<(), String> {
    match name.trim() {
        "service.name" => Err("service.name is given by tracing-service-name".to_owned()),
        other => check_attribute(other),
    }
}

/// Splits `NAME=VALUE`.
pub(super) fn split_pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Splits `a=1,b=2` as OpenTelemetry does: values may be percent-encoded, empty items are skipped.
pub(super) fn split_list(text: &str) -> Result<Vec<(String, String)>, String> {
    text.split(',')
        .filter(|item| !item.trim().is_empty())
        .map(|item| {
            let (name, value) = split_pair(item).map_err(|_| "expected NAME=VALUE,NAME=VALUE,…")?;
            Ok((percent_decode(&name)?, percent_decode(&value)?))
        })
        .collect()
}

fn percent_decode(text: &str) -> Result<String, String> {
    let bad = || "a percent sign is followed by two hexadecimal digits; write it as %25".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
        let (high, low) = (digit().ok_or_else(bad)?, digit().ok_or_else(bad)?);
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| bad())?);
    }
    String::from_utf8(bytes).map_err(|_| "not valid UTF-8 after percent-decoding".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_as_opentelemetry_does() {
        for (text, pairs) in [
            ("", vec![]),
            ("a=1", vec![("a", "1")]),
            (" a = 1 ,, b=x=y,", vec![("a", "1"), ("b", "x=y")]),
            ("a=1%2C2%25", vec![("a", "1,2%")]),
        ] {
            let pairs = pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            assert_eq!(split_list(text), Ok(pairs), "{text}");
        }
        for text in ["a", "a=%", "a=%2", "a=%zz", "a=%ff"] {
            assert!(split_list(text).is_err(), "{text}");
        }
    }

    #[test]
    fn header_values_do_not_appear_in_debug_output() {
        let headers = Headers(BTreeMap::from([(
            "authorization".to_owned(),
            "Bearer s3cret".to_owned(),
        )]));
        assert_eq!(format!("{headers:?}"), r#"{"authorization": "<redacted>"}"#);
    }
}
