//! The OTLP destination: batches become requests to a collector.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use everspan_trace::{KeyValue, otlp};
use tonic::metadata::MetadataMap;
use tonic::transport::Endpoint;

use crate::grpc::Client;
use crate::retry::{Verdict, verdict};
use crate::{Batch, Delivery, Destination, ExportError, OtlpOptions};

/// A destination from its options. The collector need not be there: a wrong option is an error, an absent collector
/// is not.
pub fn destination(options: OtlpOptions) -> Result<Box<dyn Destination>, ExportError> {
    Ok(Box::new(Grpc {
        endpoint: options.checked_endpoint()?,
        headers: options.checked_headers()?,
        place: options.endpoint,
        timeout: options.timeout,
        resource: options.resource,
        client: None,
        attempt: 0,
    }))
}

struct Grpc {
    endpoint: Endpoint,
    headers: MetadataMap,
    place: String,
    timeout: std::time::Duration,
    resource: Vec<KeyValue>,
    /// Made at the first delivery, within the runtime.
    client: Option<Client>,
    /// Failed attempts of the batch under way.
    attempt: u32,
}

impl Destination for Grpc {
    fn deliver<'a>(&'a mut self, batch: &'a Batch) -> Pin<Box<dyn Future<Output = Delivery> + Send + 'a>> {
        Box::pin(self.send(batch))
    }

    fn place(&self) -> String {
        self.place.clone()
    }
}

impl Grpc {
    async fn send(&mut self, batch: &Batch) -> Delivery {
        let request = self.request(batch);
        let client = self
            .client
            .get_or_insert_with(|| Client::new(self.endpoint.clone(), self.headers.clone(), self.timeout));
        let status = match client.export(request).await {
            Ok(accepted) => {
                self.attempt = 0;
                return Delivery::Taken {
                    rejected: accepted.rejected_spans,
                    message: (!accepted.message.is_empty()).then_some(accepted.message),
                };
            }
            Err(status) => status,
        };
        self.attempt += 1;
        let why = format!("{:?}: {}", status.code(), status.message());
        match verdict(&status, self.attempt) {
            Verdict::Retry(wait) => Delivery::Later { wait, why },
            Verdict::GiveUp => {
                self.attempt = 0;
                Delivery::Refused { why }
            }
        }
    }

    fn request(&self, batch: &Batch) -> Bytes {
        let scopes: Vec<(&str, &[u8])> = batch.scopes().collect();
        let mut request = Vec::with_capacity(batch.bytes() + 1024);
        otlp::export_request_of_scopes(&self.resource, &scopes, &mut request);
        Bytes::from(request)
    }
}
