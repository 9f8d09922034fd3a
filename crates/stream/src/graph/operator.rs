//! How operators are called.

use std::collections::BTreeSet;
use std::fmt;
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

impl Operator {
    /// Stands where there is none: of the job as a whole.
    pub(crate) fn unnamed() -> Self {
        Self {
            name: "".into(),
            uid: "".into(),
            has_own_uid: false,
        }
    }

    /// Stands for the key selector of this operator, which is called by those who send to it.
    pub(crate) fn key_by(&self) -> Self {
        Self {
            name: format!("key_by of {}", self.name).into(),
            ..self.clone()
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&named(&self.name, &self.uid))
    }
}

/// An operator as messages name it: with its uid where that says more than the name.
pub(crate) fn named(name: &str, uid: &str) -> String {
    if uid == name || uid == numbered(name, 1) {
        format!("`{name}`")
    } else {
        format!("`{name}` (uid `{uid}`)")
    }
}

/// The uid of an operator to which the program gives none.
fn numbered(name: &str, number: u64) -> String {
    format!("{name}#{number}")
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
        let mut uids = (1..).map(|number| numbered(name, number));
        uids.find(|uid| !self.taken.contains(uid))
            .expect("numbers do not end")
    }
}
