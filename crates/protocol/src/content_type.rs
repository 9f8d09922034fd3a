//! Versions of the service protocol and the media types that name them.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// A version of the service protocol that current SDKs offer.
///
/// An invocation is pinned to one version at its first attempt and keeps it for all later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum ServiceProtocolVersion {
    /// Commands and notifications in an immutable journal.
    V5 = 5,
    /// Adds the random seed in `Start` and metadata in `Failure`.
    V6 = 6,
    /// Adds future trees in `Suspension`, acknowledged runs, pausing errors.
    V7 = 7,
}

impl ServiceProtocolVersion {
    /// The oldest version Everspan speaks.
    pub const OLDEST_SPOKEN: Self = Self::V6;
    /// The newest version Everspan speaks.
    pub const NEWEST_SPOKEN: Self = Self::V6;

    /// The number of the version, as in a manifest.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The version of a number, if it is one of ours or of the SDKs.
    pub const fn from_number(number: u16) -> Option<Self> {
        match number {
            5 => Some(Self::V5),
            6 => Some(Self::V6),
            7 => Some(Self::V7),
            _ => None,
        }
    }

    /// The media type for `content-type` and `accept` of an invocation.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::V5 => "application/vnd.restate.invocation.v5",
            Self::V6 => "application/vnd.restate.invocation.v6",
            Self::V7 => "application/vnd.restate.invocation.v7",
        }
    }

    /// The version a media type names. The comparison is exact, as the SDKs do it.
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        [Self::V5, Self::V6, Self::V7]
            .into_iter()
            .find(|version| version.content_type() == content_type)
    }
}

impl fmt::Display for ServiceProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "V{}", self.number())
    }
}

/// Why no common version was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionError {
    /// The deployment's range is empty: its minimum is above its maximum.
    EmptyRange {
        /// Oldest version the deployment claims to speak.
        min: u16,
        /// Newest version the deployment claims to speak.
        max: u16,
    },
    /// The deployment's range and ours do not meet.
    NoCommonVersion {
        /// Oldest version the deployment speaks.
        min: u16,
        /// Newest version the deployment speaks.
        max: u16,
    },
}

impl fmt::Display for VersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyRange { min, max } => write!(f, "protocol version range {min}..{max} is empty"),
            Self::NoCommonVersion { min, max } => write!(
                f,
                "deployment speaks protocol versions {min} to {max}, everspan speaks {} to {}",
                ServiceProtocolVersion::OLDEST_SPOKEN.number(),
                ServiceProtocolVersion::NEWEST_SPOKEN.number(),
            ),
        }
    }
}

impl std::error::Error for VersionError {}

/// The newest version that a deployment speaking `min` to `max` and Everspan have in common.
pub fn negotiate(min: u16, max: u16) -> Result<ServiceProtocolVersion, VersionError> {
    if min > max {
        return Err(VersionError::EmptyRange { min, max });
    }
    let newest = max.min(ServiceProtocolVersion::NEWEST_SPOKEN.number());
    if newest < min || newest < ServiceProtocolVersion::OLDEST_SPOKEN.number() {
        return Err(VersionError::NoCommonVersion { min, max });
    }
    ServiceProtocolVersion::from_number(newest).ok_or(VersionError::NoCommonVersion { min, max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_common_version_is_negotiated() {
        use ServiceProtocolVersion::V6;
        for (min, max, expected) in [
            (5, 7, Ok(V6)),
            (6, 6, Ok(V6)),
            (1, 6, Ok(V6)),
            (6, 65535, Ok(V6)),
            (7, 7, Err(VersionError::NoCommonVersion { min: 7, max: 7 })),
            (1, 5, Err(VersionError::NoCommonVersion { min: 1, max: 5 })),
            (7, 5, Err(VersionError::EmptyRange { min: 7, max: 5 })),
        ] {
            assert_eq!(negotiate(min, max), expected, "{min}..{max}");
        }
    }

    #[test]
    fn content_types_are_compared_exactly() {
        for version in [5, 6, 7].map(|n| ServiceProtocolVersion::from_number(n).unwrap()) {
            assert_eq!(
                ServiceProtocolVersion::from_content_type(version.content_type()),
                Some(version)
            );
        }
        for other in [
            "application/vnd.restate.invocation.v8",
            "application/vnd.restate.invocation.v6 ",
            "",
        ] {
            assert_eq!(ServiceProtocolVersion::from_content_type(other), None);
        }
    }

    #[test]
    fn a_version_is_stored_as_its_number() {
        assert_eq!(borsh::to_vec(&ServiceProtocolVersion::V6).unwrap(), [6]);
        assert_eq!(
            borsh::from_slice::<ServiceProtocolVersion>(&[7]).unwrap(),
            ServiceProtocolVersion::V7
        );
        assert!(borsh::from_slice::<ServiceProtocolVersion>(&[4]).is_err());
    }
}
