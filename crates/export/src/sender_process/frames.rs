//! What goes through the two pipes of a sender process.
//!
//! ```text
//!  to it     order, then for each batch: head, and its spans, scope by scope
//!  from it   greeting, then for each batch: what became of it
//! ```
//!
//! All but the spans are lines of JSON. A pipe that ends in the midst of a line or a batch has ended: whoever wrote it is
//! gone, and nobody may act on what is not whole.

use std::io;

use bytes::Buf;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{Batch, Mark};

/// Longer lines are nonsense: marks of all possible sources have less.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// More spans in a batch are nonsense.
const BATCH_BYTES_MAX: usize = 256 << 20;
/// Room that is made before the first byte has come.
const ROOM_BYTES_MAX: usize = 4 << 20;

/// The first line of a sender process.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Greeting {
    /// It waits for batches; those up to this number were taken before.
    Ready { taken: u64 },
    /// It will never be ready.
    Cannot { why: String },
}

/// Stands before the spans of a batch.
#[derive(Serialize, Deserialize)]
struct Head {
    number: u64,
    spans: usize,
    /// Source and last record.
    marks: Vec<(u16, u64)>,
    /// Name, and bytes of spans.
    scopes: Vec<(String, usize)>,
}

/// Writes one line.
pub(super) async fn write_line(to: &mut (impl AsyncWrite + Unpin), value: &impl Serialize) -> io::Result<()> {
    to.write_all(&line(value)?).await
}

fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// The next line; `None` at the end.
pub(super) async fn read_line<T: DeserializeOwned>(
    from: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    from.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
    if line.last() == Some(&b'\n') {
        return Ok(Some(serde_json::from_slice(&line)?));
    }
    if line.len() as u64 == LINE_BYTES_MAX {
        return Err(bad(format!("a line has more than {LINE_BYTES_MAX} bytes")));
    }
    Ok(None)
}

/// Writes a batch.
pub(super) async fn write_batch(to: &mut (impl AsyncWrite + Unpin), batch: &Batch) -> io::Result<()> {
    let head = Head {
        number: batch.number(),
        spans: batch.spans(),
        marks: batch
            .marks()
            .iter()
            .map(|mark| (mark.source, mark.upto))
            .collect(),
        scopes: batch
            .scopes()
            .map(|(scope, spans)| (scope.to_owned(), spans.len()))
            .collect(),
    };
    let head = line(&head)?;
    // Together, so that the other end wakes up for all of them.
    let mut scopes = batch.scopes();
    let (_, first) = scopes.next().unwrap_or_default();
    to.write_all_buf(&mut Buf::chain(head.as_slice(), first)).await?;
    for (_, spans) in scopes {
        to.write_all(spans).await?;
    }
    Ok(())
}

/// The next batch, in `spare` buffers as far as there are some; `None` at the end.
pub(super) async fn read_batch(
    from: &mut (impl AsyncBufRead + Unpin),
    spare: &mut Vec<Vec<u8>>,
) -> io::Result<Option<Batch>> {
    let Some(head) = read_line::<Head>(from).await? else {
        return Ok(None);
    };
    let mut batch = Batch::numbered(head.number);
    for (source, upto) in head.marks {
        batch.mark(Mark { source, upto });
    }
    // How many of the spans are in which scope is not told, nor needed: the first one tells all.
    let mut count = head.spans;
    for (scope, bytes) in head.scopes {
        if bytes > BATCH_BYTES_MAX - batch.bytes() {
            return Err(bad(format!("a batch has more than {BATCH_BYTES_MAX} bytes")));
        }
        let Some(spans) = read_bytes(from, bytes, spare.pop().unwrap_or_default()).await? else {
            return Ok(None);
        };
        batch.push_owned(scope, spans, std::mem::take(&mut count));
    }
    Ok(Some(batch))
}

async fn read_bytes(
    from: &mut (impl AsyncBufRead + Unpin),
    count: usize,
    spare: Vec<u8>,
) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = spare;
    bytes.clear();
    bytes.reserve(count.min(ROOM_BYTES_MAX));
    from.take(count as u64).read_to_end(&mut bytes).await?;
    Ok((bytes.len() == count).then_some(bytes))
}

fn bad(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests;
