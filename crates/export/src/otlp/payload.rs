//! The body of a request: a batch as one `ExportTraceServiceRequest`, in the form the protocol asks for.

use std::io::Write;

use bytes::Bytes;
use everspan_trace::otlp;
use flate2::write::GzEncoder;

use super::{Compression, OtlpOptions, Protocol, json};
use crate::Batch;

/// Before each gRPC message: a byte that tells whether it is compressed, and its length as a big-endian `u32`.
const GRPC_PREFIX_LEN: usize = 5;

/// A buffer with more room than any batch as a rule needs is not kept.
const SPARE_BYTES_MAX: usize = 4 << 20;

/// In a `spare` buffer. `Err` is a batch that cannot be sent this way at all.
pub(super) async fn of(options: &OtlpOptions, batch: &Batch, spare: Vec<u8>) -> Result<Bytes, String> {
    let (protocol, compression) = (options.protocol, options.compression);
    let mut request = spare;
    request.clear();
    request.resize(prefix_len(protocol, compression), 0);
    let scopes: Vec<(&str, &[u8])> = batch.scopes().collect();
    otlp::export_request_of_scopes(&options.resource, &scopes, &mut request);
    if protocol != Protocol::HttpJson && compression == Compression::None {
        return finished(protocol, compression, request);
    }
    // Milliseconds of work for a full batch: not on a thread that serves sockets.
    tokio::task::spawn_blocking(move || transformed(protocol, compression, request))
        .await
        .map_err(|error| format!("the request could not be made: {error}"))?
}

/// The buffer of a body that was sent, for the next one: memory that is there already costs no page faults.
pub(super) fn reclaimed(body: Bytes) -> Vec<u8> {
    match body.try_into_mut() {
        Ok(mut body) if body.capacity() <= SPARE_BYTES_MAX => {
            body.clear();
            body.into()
        }
        // Somebody still has it.
        _ => Vec::new(),
    }
}

/// Room for the prefix, unless compression makes another buffer anyway.
fn prefix_len(protocol: Protocol, compression: Compression) -> usize {
    match (protocol, compression) {
        (Protocol::Grpc, Compression::None) => GRPC_PREFIX_LEN,
        _ => 0,
    }
}

fn transformed(protocol: Protocol, compression: Compression, request: Vec<u8>) -> Result<Bytes, String> {
    let message = match protocol {
        Protocol::HttpJson => json::export_request(&request).map_err(|error| error.to_string())?,
        Protocol::Grpc | Protocol::HttpProtobuf => request,
    };
    let body = match compression {
        Compression::None => message,
        Compression::Gzip => gzip(protocol, &message).map_err(|error| error.to_string())?,
    };
    finished(protocol, compression, body)
}

fn gzip(protocol: Protocol, message: &[u8]) -> std::io::Result<Vec<u8>> {
    let prefix = match protocol {
        Protocol::Grpc => vec![0; GRPC_PREFIX_LEN],
        Protocol::HttpProtobuf | Protocol::HttpJson => Vec::new(),
    };
    let mut encoder = GzEncoder::new(prefix, flate2::Compression::fast());
    encoder.write_all(message)?;
    encoder.finish()
}

/// Fills in the prefix.
fn finished(protocol: Protocol, compression: Compression, mut body: Vec<u8>) -> Result<Bytes, String> {
    if protocol == Protocol::Grpc {
        let len = body.len() - GRPC_PREFIX_LEN;
        let len = u32::try_from(len).map_err(|_| format!("{len} bytes do not fit into a gRPC message"))?;
        body[0] = u8::from(compression == Compression::Gzip);
        body[1..GRPC_PREFIX_LEN].copy_from_slice(&len.to_be_bytes());
    }
    Ok(body.into())
}
