"""A real OTLP agent between the server and the driver: rotel receives, and hands on to a sink here.

What arrives went through a foreign decoder and encoder, so it was valid OTLP.
"""

import gzip
import os
import pathlib
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bed import tools
from bed.process import Process, free_port, wait_until

KINDS = {1: "INTERNAL", 2: "SERVER", 3: "CLIENT", 4: "PRODUCER", 5: "CONSUMER"}
STATUS = {0: "UNSET", 1: "OK", 2: "ERROR"}


@dataclass
class Event:
    name: str
    attributes: dict
    time_ns: int = 0


RUNTIME = "org.apache.flink.runtime.checkpoint.CheckpointStatsTracker"


@dataclass
class Span:
    """One span as it arrived; ids in hex, `parent` empty for a root."""

    name: str
    trace: str
    id: str
    parent: str
    kind: str
    status: str
    message: str
    tracestate: str
    start_ns: int
    end_ns: int
    scope: str
    resource: dict
    attributes: dict
    events: list = field(default_factory=list)
    links: list = field(default_factory=list)
    flags: int = 0
    dropped_events: int = 0

    @property
    def what(self) -> str:
        """The first word of the name: `ingress`, `invocation-start`, …"""
        return self.name.split(" ")[0]


class Collector:
    """rotel and the sink behind it."""

    def __init__(self, home: pathlib.Path):
        self._changed = threading.Condition()
        self._spans = []
        handler = type("Handler", (_Handler,), {"collector": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.grpc_port, self.http_port = free_port(), free_port()
        self.process = Process("rotel", self._command(), dict(os.environ), home / "rotel.log")

    def start(self):
        self.process.start()
        wait_until(self._listens, 30, "rotel listens")
        return self

    def close(self):
        self.process.kill()
        self._http.shutdown()
        self._http.server_close()

    def spans(self, trace: str) -> list:
        with self._changed:
            return sorted((s for s in self._spans if s.trace == trace), key=lambda span: span.start_ns)

    def wait_for(self, invocation: str, what: str, timeout_s: float = 30) -> Span:
        """The first span `what` of this invocation."""

        def found():
            return [s for s in self._spans if s.what == what and s.attributes.get("restate.invocation.id") == invocation]

        with self._changed:
            assert self._changed.wait_for(found, timeout_s), f"no span {what} of {invocation} in {timeout_s} s"
            return found()[0]

    def all(self) -> list:
        """Every span but what the runtime tells of itself."""
        with self._changed:
            return [span for span in self._spans if span.scope != RUNTIME]

    def of_runtime(self) -> list:
        """Checkpoints and starts, with all that is below them."""
        with self._changed:
            return [span for span in self._spans if span.scope == RUNTIME]

    def accept(self, body: bytes):
        spans = [span for span, _ in spans_of(body)]
        with self._changed:
            self._spans.extend(spans)
            self._changed.notify_all()

    def _command(self) -> list:
        return [
            tools.rotel_agent(),
            *("start", "--otlp-grpc-endpoint", f"127.0.0.1:{self.grpc_port}"),
            *("--otlp-http-endpoint", f"127.0.0.1:{self.http_port}"),
            *("--exporter", "otlp", "--otlp-exporter-protocol", "http"),
            *("--otlp-exporter-endpoint", f"http://127.0.0.1:{self._http.server_address[1]}"),
        ]

    def _listens(self) -> bool:
        assert self.process.alive(), "rotel ended\n" + self.process.log_tail()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.grpc_port)) == 0


class _Handler(BaseHTTPRequestHandler):
    collector: Collector

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path.endswith("/traces"):
            self.collector.accept(body)
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format, *args):
        pass


def spans_of(body: bytes):
    """Each span of an export request, and its own bytes."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield _span(span, scope_spans.scope.name, resource), span.SerializeToString()


def _span(span, scope: str, resource: dict) -> Span:
    return Span(
        name=span.name,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        kind=KINDS.get(span.kind, str(span.kind)),
        status=STATUS[span.status.code],
        message=span.status.message,
        tracestate=span.trace_state,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        scope=scope,
        resource=resource,
        attributes=_attributes(span.attributes),
        events=[Event(event.name, _attributes(event.attributes), event.time_unix_nano) for event in span.events],
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        flags=span.flags,
        dropped_events=span.dropped_events_count,
    )


def _attributes(pairs) -> dict:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
