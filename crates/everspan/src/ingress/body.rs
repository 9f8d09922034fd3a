//! Reading a request's body, and whether the handler takes it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use everspan_protocol::manifest::HandlerInput;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::answer::Failed;
use crate::worker::{Room, Router};

/// Longest pause of a client in the middle of its body.
const PAUSE: Duration = Duration::from_secs(30);

/// The whole body, at most `max` bytes, and the memory it takes.
pub(super) async fn read(mut body: Incoming, max: usize, router: &Router) -> Result<(Bytes, Room), Failed> {
    let too_long = || Failed::new(413, format!("the body has more than {max} bytes"));
    if body.size_hint().lower() > max as u64 {
        return Err(too_long());
    }
    let mut room = router.room(0)?;
    let (mut first, mut whole) = (Bytes::new(), BytesMut::new());
    while let Some(piece) = next(&mut body).await? {
        if first.len() + whole.len() + piece.len() > max {
            return Err(too_long());
        }
        room.merge(router.room(piece.len())?);
        if first.is_empty() && whole.is_empty() {
            first = piece;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&piece);
        }
    }
    let bytes = if whole.is_empty() { first } else { whole.freeze() };
    Ok((bytes, room))
}

/// The next piece; trailers are passed over.
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Failed> {
    loop {
        let frame = tokio::time::timeout(PAUSE, body.frame()).await;
        let frame = frame.map_err(|_| Failed::new(408, format!("the body paused for {PAUSE:?}")))?;
        match frame.transpose() {
            Err(error) => return Err(Failed::new(400, format!("the body could not be read: {error}"))),
            Ok(None) => return Ok(None),
            Ok(Some(frame)) => match frame.into_data() {
                Ok(piece) if !piece.is_empty() => return Ok(Some(piece)),
                _ => {}
            },
        }
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
