//! Why a subtask stopped.

use std::fmt;

/// Any error of user code.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a function of user code returns.
pub type Result<T = (), E = BoxError> = std::result::Result<T, E>;

/// What went wrong in a subtask, and in which of its operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The operator's name.
    pub operator: String,
    /// What happened, for people.
    pub reason: String,
}

impl Failure {
    pub(crate) fn new(operator: &str, reason: impl fmt::Display) -> Self {
        Self {
            operator: operator.to_owned(),
            reason: reason.to_string(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operator `{}`: {}", self.operator, self.reason)
    }
}

impl std::error::Error for Failure {}
