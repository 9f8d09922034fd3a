//! A scripted service: speaks HTTP/2 and the frames of the service protocol, as well or as badly as its script says.

#![allow(dead_code, reason = "each test file uses a part of this world")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use everspan_protocol::frame::{self, Decoder, Frame, MessageType};
use everspan_protocol::message::{End, InputCommand, OutputCommand, OutputResult, Start, Value};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};

pub(crate) const CONTENT_TYPE: &str = "application/vnd.restate.invocation.v6";

type Script = dyn Fn(Talk) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// A service; it ends with the runtime of the test.
pub(crate) struct Service {
    pub(crate) url: String,
}

/// What the service announces of itself on each connection.
#[derive(Clone, Copy)]
pub(crate) struct Manners {
    /// Streams it takes at a time on one connection.
    pub(crate) streams_max: u32,
}

impl Service {
    /// Serves this manifest (its `services`) and this script for each attempt.
    pub(crate) async fn start<F>(
        services: serde_json::Value,
        script: impl Fn(Talk) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start_with(Manners { streams_max: 1000 }, services, script).await
    }

    pub(crate) async fn start_with<F>(
        manners: Manners,
        services: serde_json::Value,
        script: impl Fn(Talk) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let manifest = serde_json::json!({
            "protocolMode": "BIDI_STREAM", "minProtocolVersion": 5, "maxProtocolVersion": 7, "services": services,
        });
        let manifest = Bytes::from(manifest.to_string());
        let script: Arc<Script> = Arc::new(move |talk| Box::pin(script(talk)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, manners, manifest.clone(), Arc::clone(&script)));
            }
        });
        Self { url }
    }
}

async fn connection(stream: TcpStream, manners: Manners, manifest: Bytes, script: Arc<Script>) {
    stream.set_nodelay(true).unwrap();
    let handshake = h2::server::Builder::new()
        .max_concurrent_streams(manners.streams_max)
        .handshake::<_, Bytes>(stream);
    let Ok(mut connection) = handshake.await else {
        return;
    };
    let (cut, mut cuts) = tokio::sync::mpsc::unbounded_channel::<Cut>();
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept() => accepted,
            Some(how) = cuts.recv() => match how {
                Cut::Drop => return,
                Cut::GoAway => {
                    connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    continue;
                }
            },
        };
        let Some(Ok((request, respond))) = accepted else {
            return;
        };
        if request.uri().path().ends_with("/discover") {
            discover(respond, manifest.clone());
        } else {
            tokio::spawn(script(Talk::new(request, respond, cut.clone())));
        }
    }
}

fn discover(mut respond: SendResponse<Bytes>, manifest: Bytes) {
    let response = Response::builder()
        .header("content-type", "application/vnd.restate.endpointmanifest.v4+json")
        .body(())
        .unwrap();
    let mut send = respond.send_response(response, false).unwrap();
    send.send_data(manifest, true).unwrap();
}

/// How a script ends the whole connection.
pub(crate) enum Cut {
    /// Closes the socket.
    Drop,
    /// `GOAWAY` with an error.
    GoAway,
}

/// One attempt, seen from the service.
pub(crate) struct Talk {
    pub(crate) path: String,
    pub(crate) id: String,
    body: RecvStream,
    decoder: Decoder,
    respond: SendResponse<Bytes>,
    send: Option<SendStream<Bytes>>,
    cut: tokio::sync::mpsc::UnboundedSender<Cut>,
}

/// What the runtime says next.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Frame(Frame),
    /// It has closed its half.
    HalfClosed,
    /// It has reset the stream, or the connection is gone.
    Reset,
}

impl Talk {
    fn new(
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
        cut: tokio::sync::mpsc::UnboundedSender<Cut>,
    ) -> Self {
        let id = request.headers().get("x-restate-invocation-id");
        Self {
            path: request.uri().path().to_owned(),
            id: id.and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned(),
            body: request.into_body(),
            decoder: Decoder::new(u32::MAX),
            respond,
            send: None,
            cut,
        }
    }

    /// What comes next from the runtime.
    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            if let Some(frame) = self.decoder.next().unwrap() {
                return Heard::Frame(frame);
            }
            match self.body.data().await {
                None => return Heard::HalfClosed,
                Some(Err(_)) => return Heard::Reset,
                Some(Ok(piece)) => {
                    drop(self.body.flow_control().release_capacity(piece.len()));
                    self.decoder.push(piece);
                }
            }
        }
    }

    /// Start and the journal that follows it.
    pub(crate) async fn replay(&mut self) -> (Start, Vec<Frame>) {
        let Heard::Frame(first) = self.hear().await else {
            panic!("an attempt begins with Start");
        };
        let start: Start = first.message().unwrap();
        let mut entries = Vec::new();
        for _ in 0..start.known_entries {
            match self.hear().await {
                Heard::Frame(frame) => entries.push(frame),
                other => panic!("an entry is missing: {other:?}"),
            }
        }
        (start, entries)
    }

    /// Sends the headers of a good answer.
    pub(crate) fn accept(&mut self) {
        self.headers(200, CONTENT_TYPE, false);
    }

    /// Sends headers.
    pub(crate) fn headers(&mut self, status: u16, content_type: &str, last: bool) {
        let response = Response::builder()
            .status(status)
            .header("content-type", content_type)
            .body(())
            .unwrap();
        self.send = self.respond.send_response(response, last).ok();
    }

    /// Sends raw bytes; a stream that is gone is not the script's concern.
    pub(crate) fn raw(&mut self, bytes: impl Into<Bytes>) {
        if let Some(send) = &mut self.send {
            drop(send.send_data(bytes.into(), false));
        }
    }

    /// Sends raw bytes as far as the runtime takes them; `false` when it has left.
    pub(crate) async fn push(&mut self, bytes: Bytes) -> bool {
        let Some(send) = &mut self.send else { return false };
        send.reserve_capacity(bytes.len());
        while send.capacity() < bytes.len() {
            match std::future::poll_fn(|cx| send.poll_capacity(cx)).await {
                Some(Ok(_)) => {}
                _ => return false,
            }
        }
        send.send_data(bytes, false).is_ok()
    }

    /// Sends one message.
    pub(crate) fn say(&mut self, ty: MessageType, message: &impl Message) {
        self.raw(encoded(ty, message));
    }

    /// Closes the answer.
    pub(crate) fn close(&mut self) {
        if let Some(send) = &mut self.send {
            drop(send.send_data(Bytes::new(), true));
        }
    }

    /// Resets the stream.
    pub(crate) fn reset(&mut self) {
        self.respond.send_reset(Reason::INTERNAL_ERROR);
    }

    /// Ends the whole connection.
    pub(crate) fn cut(&self, how: Cut) {
        drop(self.cut.send(how));
    }

    /// Waits until the runtime has left the stream.
    pub(crate) async fn left(&mut self) {
        let left = match &mut self.send {
            Some(send) => std::future::poll_fn(|cx| send.poll_reset(cx)).await,
            None => std::future::poll_fn(|cx| self.respond.poll_reset(cx)).await,
        };
        drop(left);
    }

    /// Says the result, and goodbye.
    pub(crate) fn finish(&mut self, result: &str) {
        self.raw(finished(result));
        self.close();
    }
}

/// A message as a frame.
pub(crate) fn encoded(ty: MessageType, message: &impl Message) -> Bytes {
    let mut bytes = BytesMut::new();
    frame::encode_message(ty, message, &mut bytes);
    bytes.freeze()
}

/// Result and end, as frames.
pub(crate) fn finished(result: &str) -> Bytes {
    let content = Bytes::copy_from_slice(result.as_bytes());
    let output = OutputCommand {
        result: Some(OutputResult::Value(Value { content })),
        ..OutputCommand::default()
    };
    let mut bytes = BytesMut::new();
    frame::encode_message(MessageType::OUTPUT_COMMAND, &output, &mut bytes);
    frame::encode_message(MessageType::END, &End {}, &mut bytes);
    bytes.freeze()
}

/// The argument of the invocation, from its first entry.
pub(crate) fn argument(entries: &[Frame]) -> String {
    let input: InputCommand = entries[0].message().unwrap();
    String::from_utf8(input.value.unwrap_or_default().content.to_vec()).unwrap()
}
