//! One row of the table, and what it takes.

use std::net::IpAddr;

use super::error::ConfigError;
use super::layers::Given;
use super::{duration, memory_size};

/// A configuration key: its name, what it takes, its default and its description.
#[derive(Debug)]
pub(crate) struct Key {
    /// The dotted name, as in Flink.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The default as text; `None` for keys that may stay unset.
    pub(crate) default: Option<&'static str>,
    /// One or two sentences for help and reference.
    pub(crate) help: &'static str,
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Anything but nothing.
    Text,
    /// A length of time, this one or longer.
    Duration(&'static str),
    /// A size of memory, this one or larger.
    Memory(&'static str),
    /// A whole number from the one to the other.
    Count(u64, u64),
    /// A number, at least this one.
    Float(f64),
    /// `true` or `false`.
    Bool,
    /// One of these.
    Choice(&'static [&'static str]),
    /// An IP address of this host.
    Address,
    /// Names, with commas between them.
    Names,
    /// One of these words, or the number of a checkpoint.
    NumberOr(&'static [&'static str]),
}

impl Kind {
    /// What is wrong with `text`, if anything is.
    pub(super) fn check(self, text: &str) -> Result<(), String> {
        let text = text.trim();
        let one_of = |known: &[&str]| format!("expected {}", known.join(" or "));
        match self {
            Self::Text if text.is_empty() => Err("expected some text".to_owned()),
            Self::Text | Self::Names => Ok(()),
            Self::Duration(least) => {
                let shortest = duration::parse(least).expect("a row of the table is right");
                match duration::parse(text)? {
                    duration if duration < shortest => Err(format!("expected {least} or longer")),
                    _ => Ok(()),
                }
            }
            Self::Memory(least) => {
                let smallest = memory_size::parse(least).expect("a row of the table is right");
                match memory_size::parse(text)? {
                    bytes if bytes < smallest => Err(format!("expected {least} or more")),
                    _ => Ok(()),
                }
            }
            Self::Count(least, most) => match text.parse::<u64>() {
                Ok(number) if (least..=most).contains(&number) => Ok(()),
                _ => Err(format!("expected a whole number from {least} to {most}")),
            },
            Self::Float(least) => match text.parse::<f64>() {
                Ok(number) if number >= least && number.is_finite() => Ok(()),
                _ => Err(format!("expected a number from {least} on")),
            },
            Self::Bool => Self::Choice(&["true", "false"]).check(text),
            Self::Choice(known) if known.contains(&text) => Ok(()),
            Self::Choice(known) => Err(one_of(known)),
            Self::Address => text
                .parse::<IpAddr>()
                .map(drop)
                .map_err(|_| "expected an IP address, such as 127.0.0.1".to_owned()),
            Self::NumberOr(known) if known.contains(&text) || text.parse::<u64>().is_ok() => Ok(()),
            Self::NumberOr(known) => Err(format!(
                "{}, or the number of a checkpoint or savepoint",
                one_of(known)
            )),
        }
    }

    /// The value in a line of help.
    pub(crate) fn placeholder(self) -> String {
        match self {
            Self::Text => "TEXT".to_owned(),
            Self::Duration(_) => "DURATION".to_owned(),
            Self::Memory(_) => "SIZE".to_owned(),
            Self::Count(..) => "N".to_owned(),
            Self::Float(_) => "NUMBER".to_owned(),
            Self::Bool => "true|false".to_owned(),
            Self::Choice(known) => known.join("|"),
            Self::Address => "IP".to_owned(),
            Self::Names => "NAME,…".to_owned(),
            Self::NumberOr(known) => format!("{}|N", known.join("|")),
        }
    }
}

impl Key {
    pub(super) fn refuse(&self, given: &Given, reason: String) -> ConfigError {
        ConfigError::BadValue {
            key: self.name.to_owned(),
            origin: given.origin.clone(),
            value: given.text.clone(),
            reason,
        }
    }
}

pub(super) const fn key(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Key {
    Key {
        name,
        kind,
        default: Some(default),
        help,
    }
}

/// A key that has no value unless one is given.
pub(super) const fn unset(name: &'static str, kind: Kind, help: &'static str) -> Key {
    Key {
        name,
        kind,
        default: None,
        help,
    }
}
