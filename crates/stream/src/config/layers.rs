//! The layers before any value is checked: which text was given for which key, and where.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::{ConfigError, Origin};
use super::{file, table, variables};

/// Unchecked configuration: what was given, the later over the earlier. Every name is known once it is in here.
///
/// ```
/// use everspan_stream::{Configuration, Layers};
///
/// let mut layers = Layers::default();
/// layers.toml("parallelism.default = 4", "job.toml".as_ref())?;
/// layers.variables([("EVERSPAN_JOB_PARALLELISM__DEFAULT".into(), "2".into())])?;
/// layers.flag("parallelism.default", "many")?;
/// let error = Configuration::check(layers).expect_err("many is no number");
/// assert_eq!(
///     error.to_string(),
///     "bad value parallelism.default = \"many\" (flag -D): expected a whole number from 1 to 32768"
/// );
/// # Ok::<(), everspan_stream::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Layers {
    values: BTreeMap<String, Given>,
    /// Attributes of the resource that reports, by name.
    pub(super) resource: BTreeMap<String, String>,
}

/// A text and where it was given.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) text: String,
    pub(super) origin: Origin,
}

impl Layers {
    /// What the program itself says, for whoever runs it to override.
    ///
    /// # Errors
    ///
    /// An unknown key.
    pub fn program(&mut self, key: &str, text: impl Into<String>) -> Result<(), ConfigError> {
        self.put(key.to_owned(), text.into(), Origin::Program)
    }

    /// The file that the flag names, or the variable `EVERSPAN_JOB_CONFIG_FILE`; then the variables.
    ///
    /// # Errors
    ///
    /// As [`toml`](Self::toml) and [`variables`](Self::variables), or a file that cannot be read.
    pub fn file_and_variables(
        &mut self,
        named_by_flag: Option<PathBuf>,
        env: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<(), ConfigError> {
        let ours = variables::select(env)?;
        let by_flag = named_by_flag.map(|path| (path, Origin::Flag("--config-file".to_owned())));
        let by_variable = || {
            let path = ours.get(variables::CONFIG_FILE).filter(|path| !path.is_empty())?;
            let origin = Origin::Variable(variables::CONFIG_FILE.to_owned());
            Some((PathBuf::from(path), origin))
        };
        if let Some((path, origin)) = by_flag.or_else(by_variable) {
            let text = std::fs::read_to_string(&path).map_err(|error| ConfigError::FileUnreadable {
                path: path.clone(),
                origin,
                reason: error.to_string(),
            })?;
            self.toml(&text, &path)?;
        }
        variables::lay(self, ours)
    }

    /// A TOML document; `path` is only named in errors. Tables and dotted keys are the same.
    ///
    /// # Errors
    ///
    /// Bad TOML, an unknown key, or a table where a value is expected.
    pub fn toml(&mut self, text: &str, path: &Path) -> Result<(), ConfigError> {
        file::lay(self, text, path)
    }

    /// Those of an environment that begin with `EVERSPAN_JOB_`: `__` stands for a dot, `_` for a dash. And
    /// OpenTelemetry's `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`.
    ///
    /// # Errors
    ///
    /// An unknown variable of this prefix, or a value that is not UTF-8.
    pub fn variables(
        &mut self,
        env: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<(), ConfigError> {
        let ours = variables::select(env)?;
        variables::lay(self, ours)
    }

    /// One `-D KEY=VALUE`.
    ///
    /// # Errors
    ///
    /// An unknown key.
    pub fn flag(&mut self, key: &str, text: &str) -> Result<(), ConfigError> {
        self.put(key.to_owned(), text.to_owned(), Origin::Flag("-D".to_owned()))
    }

    pub(super) fn put(&mut self, name: String, text: String, origin: Origin) -> Result<(), ConfigError> {
        if !table::is_key(&name) {
            return Err(ConfigError::UnknownKey {
                suggestion: table::nearest(&name),
                key: name,
                origin,
            });
        }
        self.values.insert(name, Given { text, origin });
        Ok(())
    }

    pub(super) fn value(&self, name: &str) -> Option<&Given> {
        self.values.get(name)
    }

    /// What was given below `prefix`, by what follows it.
    pub(super) fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Given)> {
        let strip = move |(name, given): (&'a String, &'a Given)| Some((name.strip_prefix(prefix)?, given));
        self.values.iter().filter_map(strip)
    }
}
