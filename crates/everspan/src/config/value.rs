//! What a key takes, and the typed value its text becomes.

use std::cmp::Ordering;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tracing_subscriber::filter::EnvFilter;

use everspan_trace::{LevelFilter, Sampler, SpanFilter};

use crate::config::endpoint::{self, Endpoint};
use crate::config::keep::{self, Keep};
use crate::config::name_values;
use crate::config::sampler;
use crate::config::{duration, size};

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Text,
    Filter,
    SpanFilter,
    Path,
    Duration,
    Size,
    Count,
    /// A count or `unlimited`.
    Limit,
    Float,
    Bool,
    Address,
    Endpoint,
    Choice(&'static [&'static str]),
    Sampler,
    /// Header names and values; the values are secrets.
    Headers,
    /// Attribute names and values.
    Attributes,
    /// Attribute names and values of the resource.
    Resource,
    Keep,
    /// Several names.
    Names,
    /// Several patterns of spans.
    Patterns,
    /// Whatever a factory of the user's own understands.
    Other,
}

/// A checked value. [`fmt::Display`] gives text that parses to the same value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Path(PathBuf),
    Duration(Duration),
    Size(u64),
    Count(u64),
    Limit(Option<u64>),
    Float(f64),
    Bool(bool),
    Address(SocketAddr),
    Endpoint(Endpoint),
    Choice(&'static str),
    Sampler(Sampler),
    Keep(Keep),
    Names(Vec<String>),
    Patterns(Vec<String>),
}

impl Kind {
    /// Whether the key holds names and values instead of one value.
    pub(super) fn is_map(self) -> bool {
        matches!(self, Kind::Headers | Kind::Attributes | Kind::Resource)
    }

    /// Whether the values may be secrets: they are never shown.
    pub(super) fn is_secret(self) -> bool {
        matches!(self, Kind::Headers | Kind::Other)
    }

    /// What stands between the items where a list is one text; `None` for keys that take no list. A pattern may have
    /// commas in it.
    pub(super) fn separator(self) -> Option<char> {
        match self {
            Kind::Names | Kind::Keep | Kind::Other => Some(','),
            Kind::Patterns => Some(';'),
            _ => None,
        }
    }

    /// What the key takes, in words that finish the sentence "expected …".
    pub(super) fn form(self) -> String {
        match self {
            Kind::Text => "some text".to_owned(),
            Kind::Filter => {
                "a level (error, warn, info, debug, trace, off) or directives such as warn,everspan=debug"
                    .to_owned()
            }
            Kind::SpanFilter => {
                "a level or directives such as info,everspan.invocation[ingress]=off".to_owned()
            }
            Kind::Path => "a path".to_owned(),
            Kind::Duration => duration::FORM.to_owned(),
            Kind::Size => size::FORM.to_owned(),
            Kind::Count => "a whole number".to_owned(),
            Kind::Limit => "a whole number or \"unlimited\"".to_owned(),
            Kind::Float => "a number".to_owned(),
            Kind::Bool => "true or false".to_owned(),
            Kind::Address => "an IP address and a port, such as 127.0.0.1:8080 or [::]:8080".to_owned(),
            Kind::Endpoint => endpoint::FORM.to_owned(),
            Kind::Choice(choices) => choices.join(" or "),
            Kind::Sampler => sampler::FORM.to_owned(),
            Kind::Headers | Kind::Attributes | Kind::Resource => "names and their values".to_owned(),
            Kind::Keep => keep::FORM.to_owned(),
            Kind::Names => "a list of names".to_owned(),
            Kind::Patterns => "a list of SCOPE or SCOPE:NAME,NAME with * for any text".to_owned(),
            Kind::Other => "a text, a number or a list".to_owned(),
        }
    }

    /// The placeholder in help and reference.
    pub(super) fn placeholder(self) -> &'static str {
        match self {
            Kind::Text => "TEXT",
            Kind::Filter | Kind::SpanFilter => "FILTER",
            Kind::Path => "PATH",
            Kind::Duration => "DURATION",
            Kind::Size => "SIZE",
            Kind::Count | Kind::Limit | Kind::Float => "NUMBER",
            Kind::Bool => "BOOL",
            Kind::Address => "IP:PORT",
            Kind::Endpoint => "URL",
            Kind::Choice(_) => "CHOICE",
            Kind::Sampler => "SAMPLER",
            Kind::Headers | Kind::Attributes | Kind::Resource => "NAME=VALUE",
            Kind::Keep => "KEEP",
            Kind::Names => "NAMES",
            Kind::Patterns => "PATTERNS",
            Kind::Other => "VALUE",
        }
    }

    /// The value `text` stands for, or what is wrong with it.
    pub(super) fn parse(self, text: &str) -> Result<Value, String> {
        let text = text.trim();
        let expected = || format!("expected {}", self.form());
        match self {
            Kind::Text => non_empty(text).map(|text| Value::Text(text.to_owned())),
            Kind::Filter => parse_filter(text).map_err(|why| format!("{why}; {}", expected())),
            Kind::SpanFilter => parse_span_filter(text),
            Kind::Path => non_empty(text).map(|text| Value::Path(PathBuf::from(text))),
            Kind::Duration => duration::parse(text).map(Value::Duration),
            Kind::Size => size::parse(text).map(Value::Size),
            Kind::Count => text.parse().map(Value::Count).map_err(|_| expected()),
            Kind::Limit if text == UNLIMITED => Ok(Value::Limit(None)),
            Kind::Limit => text
                .parse()
                .map(|count| Value::Limit(Some(count)))
                .map_err(|_| expected()),
            Kind::Float => parse_finite(text).map(Value::Float).ok_or_else(expected),
            Kind::Bool => text.parse().map(Value::Bool).map_err(|_| expected()),
            Kind::Address => parse_address(text).map(Value::Address).ok_or_else(expected),
            Kind::Endpoint => endpoint::parse(text).map(Value::Endpoint),
            Kind::Choice(choices) => choices
                .iter()
                .find(|choice| **choice == text)
                .map(|choice| Value::Choice(choice))
                .ok_or_else(expected),
            Kind::Sampler => sampler::parse(text).map(Value::Sampler),
            Kind::Keep => keep::parse(text).map(Value::Keep),
            Kind::Names => items(text, ',').map(Value::Names),
            Kind::Patterns => parse_patterns(text).map(Value::Patterns),
            Kind::Other => Ok(Value::Text(text.to_owned())),
            Kind::Headers | Kind::Attributes | Kind::Resource => Err(expected()),
        }
    }

    /// Checks one entry of a key that holds names and values.
    pub(super) fn check_entry(self, name: &str, value: &str) -> Result<(), String> {
        match self {
            Kind::Headers => name_values::check_header(name, value),
            Kind::Resource => name_values::check_resource(name),
            _ => name_values::check_attribute(name),
        }
    }
}

const UNLIMITED: &str = "unlimited";

fn non_empty(text: &str) -> Result<&str, String> {
    if text.is_empty() {
        Err("expected some text, got none".to_owned())
    } else {
        Ok(text)
    }
}

/// The parts of a list, none of them empty.
fn items(text: &str, separator: char) -> Result<Vec<String>, String> {
    text.split(separator)
        .map(|item| match item.trim() {
            "" => Err("an item of the list is empty".to_owned()),
            item => Ok(item.to_owned()),
        })
        .collect()
}

fn parse_finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn parse_filter(text: &str) -> Result<Value, String> {
    let text = non_empty(text)?;
    EnvFilter::builder()
        .parse(text)
        .map_err(|error| error.to_string())?;
    Ok(Value::Text(text.to_owned()))
}

fn parse_span_filter(text: &str) -> Result<Value, String> {
    match non_empty(text)?.parse::<LevelFilter>() {
        Ok(_) => Ok(Value::Text(text.to_owned())),
        Err(error) => Err(error.to_string()),
    }
}

fn parse_patterns(text: &str) -> Result<Vec<String>, String> {
    let patterns = items(text, ';')?;
    match SpanFilter::new(&patterns, &[""; 0]) {
        Ok(_) => Ok(patterns),
        Err(error) => Err(error.to_string()),
    }
}

/// An address to listen on; `localhost` is the one name that needs no resolver.
fn parse_address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?))),
        None => text.parse().ok(),
    }
}

impl Value {
    /// Order against a bound; `None` for values that have none.
    pub(super) fn compare(&self, bound: &Value) -> Option<Ordering> {
        match (self, bound) {
            (Value::Duration(own), Value::Duration(bound)) => own.partial_cmp(bound),
            (Value::Size(own) | Value::Count(own), Value::Size(bound) | Value::Count(bound)) => {
                own.partial_cmp(bound)
            }
            (Value::Limit(Some(own)), Value::Limit(Some(bound))) => own.partial_cmp(bound),
            (Value::Limit(None), Value::Limit(_)) => None,
            (Value::Float(own), Value::Float(bound)) => own.partial_cmp(bound),
            _ => None,
        }
    }

    /// The value as TOML.
    pub(super) fn to_toml(&self) -> String {
        match self {
            Value::Count(_) | Value::Limit(Some(_)) | Value::Bool(_) => self.to_string(),
            Value::Float(number) => toml::Value::Float(*number).to_string(),
            Value::Names(items) | Value::Patterns(items) => {
                toml::Value::Array(items.iter().cloned().map(toml::Value::String).collect()).to_string()
            }
            _ => toml::Value::String(self.to_string()).to_string(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => out.write_str(text),
            Value::Path(path) => path.display().fmt(out),
            Value::Duration(duration) => out.write_str(&duration::show(*duration)),
            Value::Size(bytes) => out.write_str(&size::show(*bytes)),
            Value::Count(count) | Value::Limit(Some(count)) => count.fmt(out),
            Value::Limit(None) => out.write_str(UNLIMITED),
            Value::Float(number) => number.fmt(out),
            Value::Bool(yes) => yes.fmt(out),
            Value::Address(address) => address.fmt(out),
            Value::Endpoint(endpoint) => endpoint.fmt(out),
            Value::Choice(choice) => out.write_str(choice),
            Value::Sampler(sampler) => sampler.fmt(out),
            Value::Keep(keep) => keep.fmt(out),
            Value::Names(items) => out.write_str(&items.join(",")),
            Value::Patterns(items) => out.write_str(&items.join(";")),
        }
    }
}
