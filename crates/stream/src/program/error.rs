//! Why a program ended without having run its job to the end.

use std::fmt;
use std::process::ExitCode;

use crate::config::ConfigError;
use crate::failure::BoxError;
use crate::runtime::error::JobError;

/// See the module.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProgramError {
    /// Flags that the program does not have, or a wish for help.
    Usage(clap::Error),
    /// The configuration, or a parameter of the program.
    Config(ConfigError),
    /// The job could not be built.
    Build(BoxError),
    /// The job could not be run, or failed.
    Job(JobError),
    /// The system gave no thread.
    Thread(std::io::Error),
}

impl ProgramError {
    /// Parameters that are no good are the user's to correct.
    pub(super) fn of_build(error: BoxError) -> Self {
        match error.downcast::<ConfigError>() {
            Ok(config) => Self::Config(*config),
            Err(error) => Self::Build(error),
        }
    }

    /// 2 for what whoever called can correct, 1 for all else; 0 when help was all that was wanted.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(usage) => u8::try_from(usage.exit_code()).unwrap_or(ConfigError::EXIT_CODE),
            Self::Config(_) | Self::Job(JobError::Option(_)) => ConfigError::EXIT_CODE,
            _ => 1,
        }
    }

    /// Says it to the user.
    pub(super) fn tell(&self) -> ExitCode {
        match self {
            // Nobody to tell it to.
            Self::Usage(usage) => drop(usage.print()),
            other => eprintln!("error: {other}"),
        }
        ExitCode::from(self.exit_code())
    }
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => error.fmt(f),
            Self::Config(error) => error.fmt(f),
            Self::Build(error) => write!(f, "the job cannot be built: {error}"),
            Self::Job(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "no thread for sockets: {error}"),
        }
    }
}

impl std::error::Error for ProgramError {}

impl From<clap::Error> for ProgramError {
    fn from(error: clap::Error) -> Self {
        Self::Usage(error)
    }
}

impl From<ConfigError> for ProgramError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<JobError> for ProgramError {
    fn from(error: JobError) -> Self {
        Self::Job(error)
    }
}
