//! A key with the type of its value, and what the tables say of it.

use std::borrow::Cow;
use std::marker::PhantomData;

use crate::catalog::Place;
use crate::{KeyValue, Text, Value};

/// An attribute key whose values have type `T`: [`Text`](super::Text), `i64`, `f64` or `bool`.
pub struct Key<T> {
    /// The key as it is emitted.
    pub name: &'static str,
    value: PhantomData<fn(T)>,
}

/// The beginning of keys that end in a word of the user's: `failureLabel.<label>`. Values are text.
pub struct KeyPrefix {
    /// What all the keys begin with.
    pub name: &'static str,
}

/// What the tables say of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeDef {
    /// The key as it is emitted.
    pub key: &'static str,
    /// The type of its values: `string`, `int`, `double` or `bool`.
    pub value_type: &'static str,
    /// Where it stands.
    pub on: &'static [Place],
    /// What it means.
    pub description: &'static str,
}

impl<T: Into<Value>> Key<T> {
    pub(super) const fn new(name: &'static str) -> Self {
        Self {
            name,
            value: PhantomData,
        }
    }

    /// The attribute with this key and `value`.
    pub fn value(&self, value: impl Into<T>) -> KeyValue {
        KeyValue {
            key: Cow::Borrowed(self.name),
            value: value.into().into(),
        }
    }
}

impl KeyPrefix {
    /// The attribute whose key ends in `word`.
    pub fn value(&self, word: &str, value: impl Into<Text>) -> KeyValue {
        KeyValue::new(format!("{}{word}", self.name), value.into())
    }
}

/// The name of a value's type in the tables.
macro_rules! value_type {
    (Text) => {
        "string"
    };
    (i64) => {
        "int"
    };
    (f64) => {
        "double"
    };
    (bool) => {
        "bool"
    };
}

/// `spans [A, B]`, `events [C]` or `resource []`: a list of places.
macro_rules! places {
    (spans [$($place:ident),*]) => {
        &[$($crate::catalog::Place::Span(&$crate::catalog::$place)),*]
    };
    (events [$($place:ident),*]) => {
        &[$($crate::catalog::Place::Event($crate::catalog::event::$place)),*]
    };
    (resource []) => {
        &[$crate::catalog::Place::Resource]
    };
}

/// Keys, in groups by where they stand. The comment of each is its description.
macro_rules! attributes {
    ($(on $what:ident $places:tt {
        $(#[doc = $doc:literal] $name:ident: $type:ident = $text:literal;)*
    })*) => {
        $($(#[doc = $doc] pub const $name: Key<$type> = Key::new($text);)*)*

        pub(super) const ATTRIBUTES: &[AttributeDef] = &[$($(AttributeDef {
            key: $text,
            value_type: value_type!($type),
            on: places!($what $places),
            description: $doc.trim_ascii(),
        }),*),*];
    };
}

pub(super) use {attributes, places, value_type};
