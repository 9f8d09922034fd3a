use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

fn gathered(room: usize) -> (Gathered<DuplexStream>, DuplexStream) {
    let (ours, other) = duplex(room);
    let (gathered, sending) = Gathered::of(LastWords::of(ours));
    tokio::spawn(sending);
    (gathered, other)
}

/// What can be read without waiting.
fn arrived(other: &mut DuplexStream) -> usize {
    let mut bytes = [0; 1024];
    let mut buffer = ReadBuf::new(&mut bytes);
    let mut context = Context::from_waker(Waker::noop());
    let polled = Pin::new(other).poll_read(&mut context, &mut buffer);
    drop(polled);
    buffer.filled().len()
}

/// On one thread nothing else runs within a turn.
#[tokio::test]
async fn what_is_written_in_one_turn_leaves_behind_it_in_one_piece() {
    let (mut stream, mut other) = gathered(1000);
    for _ in 0..3 {
        stream.write_all(b"frame").await.unwrap();
        stream.flush().await.unwrap();
    }
    assert_eq!(arrived(&mut other), 0);
    let mut piece = [0; 100];
    assert_eq!(other.read(&mut piece).await.unwrap(), 15);
    stream.write_all(b"more").await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(other.read(&mut piece).await.unwrap(), 4);
}

#[tokio::test]
async fn more_than_fits_comes_through_in_order_however_slow_the_other_end_is() {
    let expected: Vec<u8> = (0..3 * BYTES_MAX + 7)
        .map(|at| at.to_le_bytes()[at % 3])
        .collect();
    let (mut stream, mut other) = gathered(1000);
    let sent = expected.clone();
    tokio::spawn(async move {
        let mut rest = sent.as_slice();
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.len().min(16 * 1024 + 1));
            let slices = [io::IoSlice::new(piece), io::IoSlice::new(behind)];
            let count = stream.write_vectored(&slices).await.unwrap();
            rest = &rest[count..];
        }
        stream.shutdown().await.unwrap();
    });
    let mut all = Vec::new();
    other.read_to_end(&mut all).await.unwrap();
    assert!(all == expected);
}

#[tokio::test]
async fn who_reads_hears_that_nobody_listens() {
    let (mut stream, other) = gathered(1000);
    let read = tokio::spawn(async move {
        // It waits for something to read by the time the other end is gone.
        stream.write_all(b"a request").await.unwrap();
        stream.flush().await.unwrap();
        stream.read_u8().await.unwrap_err()
    });
    drop(other);
    assert_ne!(read.await.unwrap().to_string(), "");
}

#[tokio::test]
async fn with_the_connection_goes_the_stream_although_nobody_reads() {
    let (mut stream, mut other) = gathered(10);
    stream.write_all(&[7; 100]).await.unwrap();
    stream.flush().await.unwrap();
    tokio::task::yield_now().await;
    drop(stream);
    let mut all = Vec::new();
    other.read_to_end(&mut all).await.unwrap();
    assert!(!all.is_empty() && all.len() < 100, "{}", all.len());
}
