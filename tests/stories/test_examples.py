"""The examples of `examples/`: spans of services written with three SDKs hang where docs/TRACING.md says they do."""

import secrets
import subprocess
import sys

import pytest

from bed.example import LANGUAGES, Example
from bed.otlp import Collector
from bed.process import wait_until
from bed.server import Server
from bed.tools import ROOT

# What one order of a book is: `Shop/order` looks up a price, takes one from `Stock`, and charges a card, at which it fails once.
ORDER = """
ingress Shop/order
  invocation-start Shop/order
    invocation-attempt Shop/order
      attempt Shop/order
        check the basket
        run (charge the card) ERROR
        run (look up the price)
          read the price list
      invocation-start Stock/{key}/take
        invocation-attempt Stock/{key}/take
          attempt Stock/{key}/take
        invocation-end Stock/{key}/take
    invocation-attempt Shop/order
      attempt Shop/order
        check the basket
        run (charge the card)
    invocation-end Shop/order
"""
RUNS = {"run (look up the price)": "look up the price", "run (charge the card)": "charge the card"}
# The trace of an order of each example whose caller does not want it sampled.
UNSAMPLED = {language: secrets.token_hex(16) for language in LANGUAGES}


@pytest.fixture(scope="module")
def collector(tmp_path_factory):
    collector = Collector(tmp_path_factory.mktemp("rotel"))
    yield collector.start()
    collector.close()


@pytest.fixture(scope="module", params=LANGUAGES)
def order(request, collector, tmp_path_factory):
    """The spans of one order that the example of this language carried out, once all have arrived."""
    home = tmp_path_factory.mktemp(request.param)
    example = Example(request.param, home, collector.http_port)
    server = Server(home, {"TRACING_ENDPOINT": f"http://127.0.0.1:{collector.grpc_port}"})
    if server.kind != "everspan":
        pytest.skip("the examples are about Everspan; the oracle names its spans otherwise")
    try:
        example.start()
        server.start()
        server.register(example.port)
        server.ingress.post("/Shop/order", "book", {"traceparent": f"00-{UNSAMPLED[request.param]}-00f067aa0ba902b7-00"}).ok()
        reply = server.ingress.post("/Shop/order", "book")
        assert reply.ok() == "book for 28"
        end = collector.wait_for(reply.invocation_id, "invocation-end")
        expected = len(ORDER.strip().splitlines())
        yield wait_until(lambda: _whole(collector.spans(end.trace), expected), 20, f"{expected} spans of the order")
    finally:
        server.process.terminate()
        assert example.process.terminate() == 0, "the example sends the rest of its spans and ends at SIGTERM"


def test_spans_of_the_service_hang_below_the_attempts_of_the_server(order):
    assert _tree(order) == ORDER.strip()


def test_a_run_that_is_replayed_makes_no_span(order):
    runs = sorted((span.name, span.status == "ERROR") for span in order if span.what == "run")
    assert runs == [("run (charge the card)", False), ("run (charge the card)", True), ("run (look up the price)", False)]


def test_attempts_and_runs_of_the_service_name_the_invocation(order):
    ids = _ids(order, "invocation-end")
    assert ids.keys() == {"Shop/order", "Stock/book/take"}
    assert _ids(order, "attempt") == ids
    runs = [span for span in order if span.what == "run"]
    assert {span.attributes["restate.invocation.id"] for span in runs} == {ids["Shop/order"]}
    assert {(span.name, span.attributes["restate.run.name"]) for span in runs} == set(RUNS.items())


def test_the_failed_run_says_what_the_server_s_attempt_says(order):
    (run,) = [span for span in order if span.what == "run" and span.status == "ERROR"]
    (attempt,) = [span for span in order if span.what == "invocation-attempt" and span.status == "ERROR"]
    assert "the bank does not answer" in run.message
    assert "the bank does not answer" in attempt.message


def test_server_and_service_are_told_apart_by_their_resource(order):
    own = {"ingress", "invocation-start", "invocation-attempt", "invocation-end"}
    assert {span.resource["service.name"] for span in order if span.what in own} == {"Everspan"}
    (service,) = {span.resource["service.name"] for span in order if span.what not in own}
    assert service.startswith("shop-")


def test_an_order_that_its_caller_does_not_sample_leaves_no_span(order, collector):
    """It was carried out before the order whose spans have all arrived."""
    assert [span.name for span in collector.all() if span.trace in UNSAMPLED.values()] == []


def test_the_picture_of_the_documentation_is_drawn_from_its_spans():
    folder = ROOT / "docs" / "img"
    drawn = subprocess.run([sys.executable, folder / "draw.py", folder / "trace.jsonl"], capture_output=True, text=True, timeout=30, check=True)
    assert drawn.stdout == (folder / "trace.svg").read_text(), "draw it again: docs/img/draw.py docs/img/trace.jsonl > docs/img/trace.svg"


def _ids(spans: list, what: str) -> dict:
    """The invocation id of each target, as the spans of this kind tell them."""
    told = [span.attributes for span in spans if span.what == what]
    return {attributes["restate.invocation.target"]: attributes["restate.invocation.id"] for attributes in told}


def _whole(spans: list, expected: int) -> list:
    """The spans if there are as many as expected, else none."""
    return spans if len(spans) >= expected else []


def _tree(spans: list) -> str:
    """The spans as an indented tree, children in the order of their names, those of one name in that of time."""
    known = {span.id for span in spans}
    lines = []

    def draw(span, depth):
        failed = " ERROR" if span.status == "ERROR" and span.what == "run" else ""
        lines.append("  " * depth + span.name.replace("/book/", "/{key}/") + failed)
        for child in sorted((s for s in spans if s.parent == span.id), key=lambda s: (s.name, s.start_ns)):
            draw(child, depth + 1)

    for root in (span for span in spans if span.parent not in known):
        draw(root, 0)
    return "\n".join(lines)
