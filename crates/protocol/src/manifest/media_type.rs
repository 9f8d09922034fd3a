//! The media types of manifests, one for each manifest version.

use super::ManifestError;

/// The oldest manifest version that is asked for.
pub const OLDEST_VERSION: u16 = 2;
/// The newest manifest version that is asked for.
pub const NEWEST_VERSION: u16 = 4;

const PREFIX: &str = "application/vnd.restate.endpointmanifest.v";
const SUFFIX: &str = "+json";

/// The media type of a manifest version.
pub fn media_type(version: u16) -> String {
    format!("{PREFIX}{version}{SUFFIX}")
}

/// The `accept` header of a discovery request: all versions, oldest first.
pub fn accept_header() -> String {
    let types: Vec<String> = (OLDEST_VERSION..=NEWEST_VERSION).map(media_type).collect();
    types.join(", ")
}

/// The manifest version a `content-type` header names, if it is one that was asked for.
///
/// Case and parameters (`; charset=utf-8`) do not matter.
pub fn version_of(content_type: &str) -> Result<u16, ManifestError> {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    (OLDEST_VERSION..=NEWEST_VERSION)
        .find(|&version| media_type(version) == essence)
        .ok_or_else(|| ManifestError::ContentType {
            content_type: content_type.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_2_to_4_are_offered_and_recognised() {
        assert_eq!(
            accept_header(),
            "application/vnd.restate.endpointmanifest.v2+json, \
             application/vnd.restate.endpointmanifest.v3+json, \
             application/vnd.restate.endpointmanifest.v4+json"
        );
        for (content_type, version) in [
            ("application/vnd.restate.endpointmanifest.v2+json", Some(2)),
            (
                "Application/vnd.Restate.endpointmanifest.V4+json ; charset=utf-8",
                Some(4),
            ),
            ("application/vnd.restate.endpointmanifest.v1+json", None),
            ("application/vnd.restate.endpointmanifest.v5+json", None),
            ("application/json", None),
            ("", None),
        ] {
            assert_eq!(version_of(content_type).ok(), version, "{content_type:?}");
        }
    }
}
