//! The variables that every OpenTelemetry program knows, as far as they say who reports: `OTEL_SERVICE_NAME` and
//! `OTEL_RESOURCE_ATTRIBUTES`.
//!
//! As its specification asks: an empty value counts as unset, values of attributes may be percent-encoded, and the
//! service's own variable wins over a `service.name` among the attributes.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::error::{ConfigError, Origin};

const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// Whether a variable is one of these.
pub(super) fn is_ours(name: &str) -> bool {
    [SERVICE_NAME, ATTRIBUTES].contains(&name)
}

/// The attributes that these variables give to the resource, by name.
pub(super) fn resource(
    variables: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let given = |name: &str| {
        let text = variables.get(name).map(|text| text.trim());
        text.filter(|text| !text.is_empty())
    };
    let text = given(ATTRIBUTES).unwrap_or_default();
    let items = text.split(',').filter(|item| !item.trim().is_empty());
    let pairs = items.map(|item| {
        pair(item).map_err(|reason| ConfigError::BadValue {
            key: ATTRIBUTES.to_owned(),
            origin: Origin::Variable(ATTRIBUTES.to_owned()),
            value: text.to_owned(),
            reason,
        })
    });
    let mut resource: BTreeMap<String, String> = pairs.collect::<Result<_, _>>()?;
    if let Some(name) = given(SERVICE_NAME) {
        resource.insert("service.name".to_owned(), name.to_owned());
    }
    Ok(resource)
}

fn pair(item: &str) -> Result<(String, String), String> {
    let decoded = |text: &str| {
        let text = percent_decode_str(text.trim()).decode_utf8();
        text.map(|text| text.into_owned())
            .map_err(|_| "not UTF-8 after percent-decoding".to_owned())
    };
    match item.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((decoded(name)?, decoded(value)?)),
        _ => Err("expected NAME=VALUE,NAME=VALUE,…".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs<'a> = &'a [(&'a str, &'a str)];

    fn resource_of(variables: &[(&str, &str)]) -> Result<BTreeMap<String, String>, ConfigError> {
        let owned = variables
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()));
        resource(&owned.collect())
    }

    #[test]
    fn who_reports_is_what_opentelemetrys_variables_say() {
        let (name, attributes) = (SERVICE_NAME, ATTRIBUTES);
        let rows: [(Pairs<'_>, Pairs<'_>); 5] = [
            (&[], &[]),
            (&[(name, " "), (attributes, "")], &[]),
            (&[(name, "orders")], &[("service.name", "orders")]),
            (
                &[(attributes, "service.name=a, region=eu%2Cwest ,,")],
                &[("region", "eu,west"), ("service.name", "a")],
            ),
            (
                &[(attributes, "service.name=a"), (name, "b")],
                &[("service.name", "b")],
            ),
        ];
        for (variables, expected) in rows {
            let found = resource_of(variables).expect("these can be read");
            let found: Vec<(&str, &str)> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            assert_eq!(found, expected);
        }
        for bad in ["region", "=eu", "region=%ff"] {
            let error = resource_of(&[(attributes, bad)]).expect_err(bad).to_string();
            let begin = format!("bad value {ATTRIBUTES} = {bad:?} (variable {ATTRIBUTES}): ");
            assert!(error.starts_with(&begin), "{error}");
        }
    }
}
