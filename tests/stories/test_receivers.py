"""A trace in two programs that people keep traces in, read back from their databases with their own API."""

import base64

import pytest

from bed import certificates
from bed.otlp import Collector
from bed.process import wait_until
from bed.receivers import Mlflow, Phoenix
from bed.reporters import FOUR, Traced, files, reporter

pytestmark = [pytest.mark.receivers, pytest.mark.timeout(900)]

# Phoenix gets half of the trace over gRPC, the other half over HTTP.
HALF = '["everspan.invocation:invocation-start,invocation-attempt"]'


class Kept:
    """Both programs, and a trace that was sent to them, and to the agent (rotel) to compare."""

    def __init__(self, home):
        made = certificates.make(home)
        self.rotel = Collector(home).start()
        self.phoenix, self.mlflow = Phoenix(home / "phoenix", made), Mlflow(home / "mlflow")
        self.phoenix.start()
        self.mlflow.start()
        mutual = files(made, client=True)
        grpc, http = f"127.0.0.1:{self.phoenix.grpc_port}", f"127.0.0.1:{self.phoenix.http_port}"
        experiment = 'headers = { x-mlflow-experiment-id = "0" }'
        reporters = [
            reporter("rotel", f"http://127.0.0.1:{self.rotel.grpc_port}"),
            reporter("phoenix-grpc", f"https://{grpc}", f"filter.includes = {HALF}", mutual),
            reporter("phoenix-http", f"otlp+https://{http}", f"filter.excludes = {HALF}", mutual),
            reporter("mlflow", f"otlp+http://127.0.0.1:{self.mlflow.port}", experiment, 'compression = "gzip"'),
        ]
        self.traced = Traced(home, reporters)
        self.trace = self.traced.trace

    def sent(self) -> dict:
        """The spans as the agent got them, by what they are."""
        spans = wait_until(self._four, 30, "four spans at the agent")
        return {span.what: span for span in spans}

    def close(self):
        self.traced.bed.close()
        for part in (self.phoenix, self.mlflow, self.rotel):
            part.close()

    def _four(self):
        spans = self.rotel.spans(self.trace)
        return spans if len(spans) == len(FOUR) else None


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    kept = Kept(tmp_path_factory.mktemp("kept"))
    yield kept
    kept.close()


def test_phoenix_keeps_what_came_over_grpc_and_http_with_client_certificates(kept):
    spans = {span["name"].split(" ")[0]: span for span in kept.phoenix.wait_for(kept.trace, len(FOUR))}
    assert sorted(spans) == FOUR
    for what, span in spans.items():
        sent = kept.sent()[what]
        assert span["name"] == sent.name
        assert span["context"] == {"trace_id": sent.trace, "span_id": sent.id}
        assert span["parent_id"] == sent.parent
        assert span["status_code"] == sent.status
        assert span["attributes"] == sent.attributes
        assert [(e["name"], e["attributes"]) for e in span["events"]] == [(e.name, e.attributes) for e in sent.events]


def test_mlflow_keeps_what_came_over_http_with_a_header_and_gzip(kept):
    spans = {span["name"].split(" ")[0]: span for span in kept.mlflow.wait_for(kept.trace, len(FOUR))}
    assert sorted(spans) == FOUR
    for what, span in spans.items():
        sent = kept.sent()[what]
        assert span["name"] == sent.name
        assert base64.b64decode(span["trace_id"]).hex() == sent.trace
        assert base64.b64decode(span["span_id"]).hex() == sent.id
        assert base64.b64decode(span["parent_span_id"]).hex() == sent.parent
        assert (span["start_time_unix_nano"], span["end_time_unix_nano"]) == (sent.start_ns, sent.end_ns)
        assert _attributes(span).items() >= sent.attributes.items()
        told = [(e["name"], _attributes(e), e["time_unix_nano"]) for e in span.get("events", [])]
        assert told == [(e.name, e.attributes, e.time_ns) for e in sent.events]


def _attributes(holder: dict) -> dict:
    """`{"key": "k", "value": {"string_value": "v"}}` and the like as one object."""
    return {pair["key"]: next(iter(pair["value"].values())) for pair in holder.get("attributes", [])}
