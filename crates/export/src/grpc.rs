//! One call: `TraceService/Export` with bytes that are already encoded.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

const EXPORT_PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// A connection to the collector, made when it is needed and again when it broke.
pub(crate) struct Client {
    endpoint: Endpoint,
    channel: Channel,
    headers: MetadataMap,
    timeout: Duration,
}

/// What the collector answered to a batch that it took.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// How many spans of the batch it refused.
    pub(crate) rejected_spans: u64,
    /// Why, or a warning.
    pub(crate) message: String,
}

impl Client {
    /// Must be called within a tokio runtime. Does not connect yet.
    pub(crate) fn new(endpoint: Endpoint, headers: MetadataMap, timeout: Duration) -> Self {
        let channel = endpoint.connect_lazy();
        Self {
            endpoint,
            channel,
            headers,
            timeout,
        }
    }

    /// Sends one `ExportTraceServiceRequest`.
    pub(crate) async fn export(&mut self, encoded_request: Bytes) -> Result<Accepted, Status> {
        match tokio::time::timeout(self.timeout, self.call(encoded_request)).await {
            Ok(answer) => answer,
            Err(_) => {
                // The connection may be dead without a word: the next attempt opens another.
                self.channel = self.endpoint.connect_lazy();
                Err(Status::deadline_exceeded(format!(
                    "no answer within {} ms",
                    self.timeout.as_millis()
                )))
            }
        }
    }

    async fn call(&mut self, encoded_request: Bytes) -> Result<Accepted, Status> {
        let mut grpc = Grpc::new(&mut self.channel);
        grpc.ready()
            .await
            .map_err(|error| Status::from_error(Box::new(error)))?;
        let mut request = Request::new(encoded_request);
        *request.metadata_mut() = self.headers.clone();
        let path = PathAndQuery::from_static(EXPORT_PATH);
        let response = grpc.unary(request, path, RawCodec).await?.into_inner();
        let partial = response.partial_success.unwrap_or_default();
        Ok(Accepted {
            rejected_spans: u64::try_from(partial.rejected_spans).unwrap_or(0),
            message: partial.error_message,
        })
    }
}

/// `ExportTraceServiceResponse`.
#[derive(Message)]
struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

/// `ExportTracePartialSuccess`.
#[derive(Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_spans: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// Requests pass as they are; responses are decoded.
#[derive(Clone, Copy)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = ExportResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, dst: &mut EncodeBuf<'_>) -> Result<(), Status> {
        dst.reserve(item.len());
        dst.put(item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}

impl Decoder for RawCodec {
    type Item = ExportResponse;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<ExportResponse>, Status> {
        let bytes = src.copy_to_bytes(src.remaining());
        ExportResponse::decode(bytes)
            .map(Some)
            .map_err(|error| Status::internal(format!("unreadable answer: {error}")))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}
