//! Reporters by name.

use std::collections::BTreeMap;
use std::fmt;

use super::{ReporterError, TraceReporter};

/// Makes one reporter, not yet opened.
pub type Factory = Box<dyn Fn() -> Box<dyn TraceReporter> + Send + Sync>;

/// The kinds of reporters that a configuration can name with `factory = "…"`.
#[derive(Default)]
pub struct Factories {
    by_name: BTreeMap<String, Factory>,
}

impl Factories {
    /// Adds a kind of reporter. A name can be given once.
    pub fn register(
        &mut self,
        name: impl Into<String>,
        factory: impl Fn() -> Box<dyn TraceReporter> + Send + Sync + 'static,
    ) -> Result<(), ReporterError> {
        let name = name.into();
        if self.by_name.contains_key(&name) {
            return Err(ReporterError::NameTaken { name });
        }
        self.by_name.insert(name, Box::new(factory));
        Ok(())
    }

    /// A new reporter of the kind `name`, not yet opened.
    pub fn make(&self, name: &str) -> Result<Box<dyn TraceReporter>, ReporterError> {
        match self.by_name.get(name) {
            Some(factory) => Ok(factory()),
            None => Err(ReporterError::UnknownFactory {
                name: name.to_owned(),
                known: self.names().map(str::to_owned).collect(),
            }),
        }
    }

    /// The registered names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

impl fmt::Debug for Factories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}
