//! A sink that takes everything and keeps nothing.

use crate::api::sink::{Sink, SinkWriter};
use crate::failure::Result;
use crate::runtime_context::RuntimeContext;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiscardingSink;

impl<T> Sink<T> for DiscardingSink {
    type Writer = Self;

    fn writer(&self, _context: &RuntimeContext) -> Result<Self> {
        Ok(*self)
    }
}

impl<T> SinkWriter<T> for DiscardingSink {
    type Committable = ();

    #[inline]
    fn write(&mut self, _record: T, _timestamp: Option<i64>) -> Result {
        Ok(())
    }
}
