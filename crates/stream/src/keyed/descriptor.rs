//! What a program says of a state.

use std::marker::PhantomData;

/// Names a [`ValueState`](super::ValueState) and the version of its type.
#[derive(Clone, Debug)]
pub struct ValueStateDescriptor<V> {
    pub(super) name: String,
    pub(super) version: u32,
    value: PhantomData<fn() -> V>,
}

impl<V> ValueStateDescriptor<V> {
    /// A state of this name, unique in its operator; version 1.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: 1,
            value: PhantomData,
        }
    }

    /// The version of `V`: to be counted up when its encoding changes, so that older state is refused instead of misread.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }
}
