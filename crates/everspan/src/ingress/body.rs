//! Reading a request's body, and whether the handler takes it.

use bytes::Bytes;
use everspan_protocol::manifest::HandlerInput;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::answer::Failed;

/// The whole body, at most `max` bytes.
pub(super) async fn read(body: Incoming, max: usize) -> Result<Bytes, Failed> {
    match Limited::new(body, max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Failed::new(413, format!("the body has more than {max} bytes")))
        }
        Err(error) => Err(Failed::new(400, format!("the body could not be read: {error}"))),
    }
}

/// Checks body and content type against what the handler declares.
pub(super) fn check(input: &HandlerInput, content_type: Option<&str>, body: &Bytes) -> Result<(), Failed> {
    match input {
        HandlerInput::Empty if body.is_empty() => Ok(()),
        HandlerInput::Empty => Err(Failed::new(400, "the handler takes no body, the request has one")),
        HandlerInput::Body { required, .. } if body.is_empty() && content_type.is_none() => {
            if *required {
                return Err(Failed::new(400, "the handler needs a body, the request has none"));
            }
            Ok(())
        }
        HandlerInput::Body {
            content_type: accepted,
            ..
        } => {
            if accepts(accepted, content_type) {
                return Ok(());
            }
            let given = content_type.unwrap_or("none");
            Err(Failed::new(
                400,
                format!("the handler takes content type {accepted}, the request has {given}"),
            ))
        }
    }
}

/// Whether a media range such as `application/*` takes a content type; parameters do not count.
fn accepts(ranges: &str, content_type: Option<&str>) -> bool {
    let essence = |text: &str| {
        text.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    };
    ranges.split(',').map(essence).any(|range| {
        if range == "*/*" {
            return true;
        }
        let Some(given) = content_type.map(essence) else {
            return false;
        };
        match range.strip_suffix("/*") {
            Some(family) => given.split('/').next() == Some(family),
            None => given == range,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        let cases = [
            ("*/*", None, true),
            ("application/json", Some("application/json; charset=utf-8"), true),
            ("application/json", Some("text/plain"), false),
            ("application/json", None, false),
            ("text/*", Some("text/plain"), true),
            ("text/*, application/json", Some("Application/JSON"), true),
        ];
        for (ranges, given, expected) in cases {
            assert_eq!(accepts(ranges, given), expected, "{ranges} {given:?}");
        }
    }
}
