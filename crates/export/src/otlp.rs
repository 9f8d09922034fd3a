//! The destination that speaks OTLP: over gRPC, over HTTP with protobuf, over HTTP with JSON.
//!
//! One request is one `ExportTraceServiceRequest`, made of a batch's bytes; all three protocols share one HTTP client,
//! TLS set-up and set of headers. What an answer means is decided in [`grpc`] and [`http`] alone.
//!
//! ```text
//!  batch ──► protobuf ──► (JSON) ──► (gzip) ──► POST ──► answer ──► taken | later | refused
//! ```
//!
//! Nothing is sent before the first batch, and no redirect is followed: the headers may hold a secret.

#[cfg(test)]
mod any_answer;
mod client;
mod connection;
mod endpoint;
mod gathered;
mod grpc;
mod headers;
mod http;
mod json;
mod last_words;
mod options;
mod payload;
mod tls;

pub use options::{Compression, OtlpOptions, Protocol, TlsOptions};

use std::future::Future;
use std::pin::Pin;

use ::http::HeaderMap;

use crate::{Batch, Delivery, Destination, ExportError};
use client::Client;
use endpoint::Target;

/// Checks the options, files included, and makes the destination. The collector need not be there.
pub fn destination(options: OtlpOptions) -> Result<Box<dyn Destination>, ExportError> {
    let target = Target::of(options.protocol, &options.endpoint)?;
    let tls = tls::config(&options.tls, target.is_encrypted())?;
    Ok(Box::new(Otlp {
        headers: headers::of(&options)?,
        client: Client::new(options.protocol, tls, options.timeout),
        target,
        options,
        doubts: grpc::Doubts::default(),
        spare: Vec::new(),
    }))
}

struct Otlp {
    options: OtlpOptions,
    target: Target,
    headers: HeaderMap,
    client: Client,
    doubts: grpc::Doubts,
    /// Of the body before.
    spare: Vec<u8>,
}

impl Destination for Otlp {
    fn deliver<'a>(&'a mut self, batch: &'a Batch) -> Pin<Box<dyn Future<Output = Delivery> + Send + 'a>> {
        Box::pin(self.send(batch))
    }

    fn place(&self) -> String {
        self.target.place()
    }
}

impl Otlp {
    async fn send(&mut self, batch: &Batch) -> Delivery {
        let spare = std::mem::take(&mut self.spare);
        let body = match payload::of(&self.options, batch, spare).await {
            Ok(body) => body,
            Err(why) => return Delivery::Refused { why },
        };
        let answer = self
            .client
            .post(&self.target.uri, &self.headers, body.clone())
            .await;
        self.spare = payload::reclaimed(body);
        let delivery = match self.options.protocol {
            Protocol::Grpc => grpc::meaning(answer, &mut self.doubts),
            Protocol::HttpProtobuf | Protocol::HttpJson => http::meaning(answer),
        };
        // A collector may count other items than spans, or be wrong.
        match delivery {
            Delivery::Taken { rejected, message } => Delivery::Taken {
                rejected: rejected.min(u64::try_from(batch.spans()).unwrap_or(u64::MAX)),
                message,
            },
            other => other,
        }
    }
}
