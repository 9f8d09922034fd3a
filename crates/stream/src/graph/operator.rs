//! How operators are called.

use std::collections::BTreeSet;
use std::sync::Arc;

/// What a program says of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorOptions {
    /// Its name for people.
    pub name: String,
    /// Identifies its state over restarts and changes of the program.
    pub uid: Option<String>,
}

impl OperatorOptions {
    pub(crate) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            uid: None,
        }
    }
}

/// An operator of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Its name for people.
    pub name: Arc<str>,
    /// Identifies it over restarts; unique in its graph.
    pub uid: Arc<str>,
    /// Whether the program gave the uid. One that was not given changes when operators are added before it.
    pub has_own_uid: bool,
}

/// Uids given so far.
#[derive(Debug, Default)]
pub(crate) struct Uids {
    taken: BTreeSet<String>,
    /// Given twice by the program.
    twice: Vec<String>,
}

impl Uids {
    pub(crate) fn name(&mut self, options: OperatorOptions) -> Operator {
        let has_own_uid = options.uid.is_some();
        let uid = match options.uid {
            Some(uid) => uid,
            None => self.next_free(&options.name),
        };
        if !self.taken.insert(uid.clone()) {
            self.twice.push(uid.clone());
        }
        Operator {
            name: options.name.into(),
            uid: uid.into(),
            has_own_uid,
        }
    }

    /// Uids that the program gave to more than one operator.
    pub(crate) fn twice(&self) -> &[String] {
        &self.twice
    }

    fn next_free(&self, name: &str) -> String {
        let numbered = (1..).map(|number| format!("{name}#{number}"));
        numbered
            .into_iter()
            .find(|uid| !self.taken.contains(uid))
            .expect("numbers do not end")
    }
}
