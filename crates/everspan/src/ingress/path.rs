//! A URL path as segments; keys are percent-decoded.

use percent_encoding::percent_decode_str;

use super::answer::Failed;

/// The longest key or idempotency key, bytes.
pub(super) const KEY_MAX: usize = 16 * 1024;

/// The segments of a path, not decoded.
pub(super) fn segments(path: &str) -> Vec<&str> {
    path.trim_start_matches('/').split('/').collect()
}

/// A key as it is meant.
pub(super) fn decode_key(segment: &str) -> Result<String, Failed> {
    let key = percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| Failed::new(400, format!("the key {segment} is not percent-encoded UTF-8")))?;
    if key.len() > KEY_MAX {
        return Err(Failed::new(
            400,
            format!("the key has {} bytes, at most {KEY_MAX} are allowed", key.len()),
        ));
    }
    Ok(key.into_owned())
}
