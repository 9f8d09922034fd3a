//! A collector that keeps every span as often as it comes, and answers when it is told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everspan_export::receiver::{self, Answer};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
pub(crate) use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::world::server::PATIENCE;

/// It ends with the runtime of the test.
pub(crate) struct Collector {
    pub(crate) url: String,
    arrived: Arc<Mutex<Vec<Span>>>,
    holds: watch::Sender<bool>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let arrived: Arc<Mutex<Vec<Span>>> = Arc::default();
        let (holds, held) = watch::channel(false);
        let kept = Arc::clone(&arrived);
        let take = move |request: ExportTraceServiceRequest| {
            let scopes = request.resource_spans.into_iter().flat_map(|of| of.scope_spans);
            kept.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
            let mut held = held.clone();
            async move {
                held.wait_for(|holds| !holds).await.unwrap();
                Answer::Take
            }
        };
        tokio::spawn(async move { receiver::serve(listener, take, std::future::pending()).await });
        Self { url, arrived, holds }
    }

    /// From now on requests are taken, and answered later.
    pub(crate) fn hold(&self) {
        self.holds.send_replace(true);
    }

    /// All are answered.
    pub(crate) fn let_go(&self) {
        self.holds.send_replace(false);
    }

    /// Every span so far, in order.
    pub(crate) fn arrived(&self) -> Vec<Span> {
        self.arrived.lock().unwrap().clone()
    }

    /// Waits until so many have arrived.
    pub(crate) async fn until(&self, count: usize) {
        self.when(|arrived| arrived.len() >= count).await;
    }

    /// Waits until so many different ones have arrived: those, and copies of them that came as well.
    pub(crate) async fn until_different(&self, count: usize) -> (Vec<Span>, Vec<Span>) {
        let mut found = (Vec::new(), Vec::new());
        self.when(|arrived| {
            found = sorted_out(arrived);
            found.0.len() >= count
        })
        .await;
        found
    }

    async fn when(&self, mut enough: impl FnMut(&[Span]) -> bool) {
        let looking = async {
            while !enough(&self.arrived()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let seen = tokio::time::timeout(PATIENCE, looking).await;
        assert!(seen.is_ok(), "only {} spans have arrived", self.arrived().len());
    }
}

fn sorted_out(arrived: &[Span]) -> (Vec<Span>, Vec<Span>) {
    let mut first: BTreeMap<&[u8], &Span> = BTreeMap::new();
    let (mut once, mut again) = (Vec::new(), Vec::new());
    for span in arrived {
        match first.get(span.span_id.as_slice()) {
            Some(before) => {
                assert_eq!(*before, span, "the same to the last bit");
                again.push(span.clone());
            }
            None => {
                first.insert(&span.span_id, span);
                once.push(span.clone());
            }
        }
    }
    (once, again)
}
