//! Why a subtask stopped.

use std::error::Error;
use std::fmt;

use crate::config::ConfigError;
use crate::graph::{Operator, named};

/// Any error of user code.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What a function of user code returns.
pub type Result<T = (), E = BoxError> = std::result::Result<T, E>;

/// What went wrong in a subtask, and in which of its operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The operator's name.
    pub operator: String,
    /// The operator's uid.
    pub uid: String,
    /// What happened, for people.
    pub reason: String,
    /// Whether it would happen again however often the job were restarted; see [`SuppressRestarts`].
    pub is_final: bool,
}

impl Failure {
    pub(crate) fn new(operator: &Operator, error: impl Into<BoxError>) -> Self {
        let error = error.into();
        Self {
            operator: operator.name.to_string(),
            uid: operator.uid.to_string(),
            reason: error.to_string(),
            is_final: is_final(&*error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = named(&self.operator, &self.uid);
        write!(f, "operator {operator}: {}", self.reason)
    }
}

impl Error for Failure {}

/// Says of an error that no restart mends it: the job fails at once, whatever `restart-strategy.type` is. (Flink's
/// `SuppressRestartsException`.)
///
/// ```
/// use everspan_stream::{MapFunction, Result, SuppressRestarts};
///
/// #[derive(Clone)]
/// struct Decode;
///
/// impl MapFunction<Vec<u8>> for Decode {
///     type Out = String;
///
///     fn map(&mut self, bytes: Vec<u8>) -> Result<String> {
///         // The same bytes come again after a restart.
///         Ok(String::from_utf8(bytes).map_err(SuppressRestarts::new)?)
///     }
/// }
/// # assert_eq!(Decode.map(b"a".to_vec())?, "a");
/// # assert!(Decode.map(vec![0xff]).is_err());
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Debug)]
pub struct SuppressRestarts(BoxError);

impl SuppressRestarts {
    /// Of this error; it displays itself as before.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for SuppressRestarts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for SuppressRestarts {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// Whether the error, or what caused it, says so; a bad configuration is bad after a restart, too.
fn is_final(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.any(|error| error.is::<SuppressRestarts>() || error.is::<ConfigError>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::OperatorOptions;

    fn failure(error: impl Into<BoxError>) -> Failure {
        let operator = Operator {
            name: "parse".into(),
            uid: "parser".into(),
            has_own_uid: true,
        };
        Failure::new(&operator, error)
    }

    #[derive(Debug)]
    struct Wrapped(SuppressRestarts);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("wrapped")
        }
    }

    impl Error for Wrapped {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_failure_tells_operator_and_uid_and_is_final_when_the_error_or_its_cause_says_so() {
        let passing = failure("the disk is full");
        assert_eq!(
            passing.to_string(),
            "operator `parse` (uid `parser`): the disk is full"
        );
        assert!(!passing.is_final);
        let last = failure(SuppressRestarts::new("no number"));
        assert_eq!(last.reason, "no number");
        assert!(last.is_final);
        let wrapped = failure(Wrapped(SuppressRestarts::new("deep")));
        assert_eq!((wrapped.reason.as_str(), wrapped.is_final), ("wrapped", true));
        assert!(
            failure(ConfigError::Missing {
                key: "input".to_owned(),
                reason: "a file".to_owned()
            })
            .is_final
        );
    }

    #[test]
    fn a_uid_is_told_where_it_says_more_than_the_name() {
        let rows = [
            ("Map", None, "`Map`"),
            ("Map", None, "`Map` (uid `Map#2`)"),
            ("count", Some("count"), "`count`"),
            ("Map", Some("clean"), "`Map` (uid `clean`)"),
        ];
        let mut graph = crate::graph::Graph::default();
        for (name, uid, told) in rows {
            let operator = graph.add_operator(OperatorOptions {
                name: name.to_owned(),
                uid: uid.map(str::to_owned),
            });
            assert_eq!(operator.to_string(), told);
        }
    }
}
