"""What the server reports of an invocation, read back behind a real OTLP agent.

The stories hold for the oracle too, except those that say otherwise.
"""

import secrets
import time

import pytest

from bed.bed import Bed
from bed.otlp import Collector
from bed.process import wait_until

FOUR = ["ingress", "invocation-start", "invocation-attempt", "invocation-end"]
LIFECYCLE = "restate.invocation.lifecycle"


@pytest.fixture(scope="module")
def collector(tmp_path_factory):
    collector = Collector(tmp_path_factory.mktemp("rotel"))
    yield collector.start()
    collector.close()


@pytest.fixture(scope="module")
def traced(collector, tmp_path_factory):
    """A bed whose server exports to the collector; the Python SDK shows a handler its attempt's headers."""
    settings = {"TRACING_ENDPOINT": f"http://127.0.0.1:{collector.grpc_port}"}
    bed = Bed("python", tmp_path_factory.mktemp("traced"), settings).open()
    yield bed
    bed.close()


def test_a_call_of_one_attempt_is_four_spans(traced, collector):
    key = traced.unique()
    invocation = traced.call(f"Counter/{key}/add", 1).invocation_id
    spans = _trace(collector, invocation)
    assert sorted(spans) == sorted(FOUR)
    ingress, start, attempt, end = (spans[what] for what in FOUR)
    assert ingress.parent == ""
    assert start.parent == ingress.id
    assert attempt.parent == end.parent == start.id
    for what, span in spans.items():
        assert span.name == f"{what} Counter/{{key}}/add"
        assert _part(span, "restate.invocation.id", "restate.invocation.target", "rpc.service", "rpc.method") == {
            "restate.invocation.id": invocation,
            "restate.invocation.target": f"Counter/{key}/add",
            "rpc.service": "Counter",
            "rpc.method": "add",
        }
        assert span.start_ns <= span.end_ns


def test_the_attempt_names_its_deployment(traced, collector):
    invocation = traced.call("Greeter/greet", "Ada").invocation_id
    attempt = _trace(collector, invocation)["invocation-attempt"]
    (deployment,) = traced.server.admin.get("/deployments").ok()["deployments"]
    assert attempt.attributes["restate.deployment.id"] == deployment["id"]
    assert attempt.attributes["restate.deployment.address"].rstrip("/") == deployment["uri"].rstrip("/")
    assert attempt.attributes["restate.deployment.service_protocol_version"] in (6, 7)
    assert attempt.status == "OK"


def test_the_attempt_tells_its_journal(traced, collector):
    invocation = traced.call("Stories/runs", traced.ask(n=2)).invocation_id
    events = _trace(collector, invocation)["invocation-attempt"].events
    told = [(e.name, e.attributes.get("restate.journal.command.type"), e.attributes.get("restate.journal.command.name")) for e in events]
    assert [event for event in told if event[0].startswith(LIFECYCLE)] == [
        (f"{LIFECYCLE}.new_command", "Command/Run", "step-0"),
        (f"{LIFECYCLE}.run_ended", None, None),
        (f"{LIFECYCLE}.new_command", "Command/Run", "step-1"),
        (f"{LIFECYCLE}.run_ended", None, None),
        (f"{LIFECYCLE}.new_command", "Command/Output", None),
    ]


def test_the_end_tells_the_result(traced, collector):
    good = traced.call("Greeter/greet", "Ada").invocation_id
    end = _trace(collector, good)["invocation-end"]
    assert (end.status, end.attributes["restate.invocation.result"]) == ("OK", "success")
    bad = traced.call("Stories/terminal", traced.ask(message="short and stout", code=418)).invocation_id
    spans = _trace(collector, bad)
    end = spans["invocation-end"]
    assert (end.status, end.message) == ("ERROR", "short and stout")
    assert end.attributes["restate.invocation.result"] == "failure"
    assert end.attributes["error.message"] == "short and stout"
    assert end.attributes["restate.invocation.error.code"] == ("418" if traced.oracle else 418)
    assert spans["invocation-attempt"].status == "OK", "a terminal error is a result like another"


def test_an_incoming_trace_is_continued_and_handed_to_the_service(traced, collector):
    trace, parent = secrets.token_hex(16), secrets.token_hex(8)
    traceparent = f"00-{trace}-{parent}-01"
    reply = traced.call("Greeter/headers", None, traceparent=traceparent, tracestate="vendor=1,other=2")
    spans = _trace(collector, reply.invocation_id)
    assert spans["ingress"].trace == trace
    assert spans["ingress"].parent == parent
    assert {span.tracestate for span in spans.values()} == {"vendor=1,other=2"}
    seen = reply.ok()
    assert seen["attempt"]["traceparent"] == f"00-{trace}-{spans['invocation-attempt'].id}-01"
    assert seen["attempt"]["tracestate"] == "vendor=1,other=2"
    assert seen["request"]["traceparent"] == traceparent


def test_each_retry_is_an_attempt_span(traced, collector):
    invocation = traced.call("Stories/flaky", traced.ask(failures=2)).invocation_id
    end = collector.wait_for(invocation, "invocation-end")
    attempts = _attempts(collector, end.trace, 3)
    assert [attempt.status for attempt in attempts] == ["ERROR", "ERROR", "OK"]


def test_a_call_s_callee_is_a_child_of_the_attempt(traced, collector):
    key = traced.unique()
    caller = traced.call("Stories/call", traced.ask(key=key, n=1)).invocation_id
    attempt = collector.wait_for(caller, "invocation-attempt")
    callee = _of_target(collector, f"Counter/{key}/add")
    assert (callee.trace, callee.parent, callee.links) == (attempt.trace, attempt.id, [])


def test_a_send_s_target_is_a_trace_of_its_own_with_a_link_back(traced, collector):
    key = traced.unique()
    sender = traced.call("Stories/send", traced.ask(key=key, n=1)).invocation_id
    attempt = collector.wait_for(sender, "invocation-attempt")
    sent = _of_target(collector, f"Counter/{key}/add")
    assert sent.trace != attempt.trace
    assert sent.parent == ""
    assert sent.links == [(attempt.trace, attempt.id)]


def test_a_suspension_is_told_and_the_next_attempt_follows(collector, new_bed):
    settings = {
        "TRACING_ENDPOINT": f"http://127.0.0.1:{collector.grpc_port}",
        "WORKER__INVOKER__INACTIVITY_TIMEOUT": "0s",
    }
    bed = new_bed("python", settings)
    invocation = bed.call("Stories/sleep", bed.ask(ms=300)).invocation_id
    end = collector.wait_for(invocation, "invocation-end")
    first, second = _attempts(collector, end.trace, 2)
    assert (first.status, second.status) == ("UNSET", "OK")
    assert f"{LIFECYCLE}.suspended" in [event.name for event in first.events]
    assert first.end_ns <= second.start_ns


def test_spans_leave_within_a_second_and_at_shutdown(collector, new_bed):
    """Not the oracle: it exports at a fixed period and loses spans when it is terminated."""
    bed = new_bed("python", {"TRACING_ENDPOINT": f"http://127.0.0.1:{collector.grpc_port}"})
    _everspan_only(bed)
    invocation = bed.call("Greeter/greet", "Ada").invocation_id
    collector.wait_for(invocation, "invocation-end", timeout_s=1.5)
    last = bed.call("Greeter/greet", "Ada").invocation_id
    assert bed.server.process.terminate() == 0
    collector.wait_for(last, "invocation-end", timeout_s=2)


def test_the_documented_kinds_scope_and_resource(traced, collector):
    _everspan_only(traced)
    spans = _trace(collector, traced.call("Greeter/greet", "Ada").invocation_id)
    assert {what: span.kind for what, span in spans.items()} == {
        "ingress": "SERVER",
        "invocation-start": "CONSUMER",
        "invocation-attempt": "CLIENT",
        "invocation-end": "INTERNAL",
    }
    assert {span.scope for span in spans.values()} == {"everspan.invocation"}
    assert {span.resource["service.name"] for span in spans.values()} == {"Everspan"}
    assert _part(spans["ingress"], "http.request.method", "url.path") == {
        "http.request.method": "POST",
        "url.path": "/Greeter/greet",
    }


def test_attempts_say_why_they_began_and_ended(traced, collector):
    _everspan_only(traced)
    invocation = traced.call("Stories/flaky", traced.ask(failures=1)).invocation_id
    end = collector.wait_for(invocation, "invocation-end")
    first, second = _attempts(collector, end.trace, 2)
    about = ("everspan.attempt.number", "everspan.attempt.cause", "everspan.attempt.outcome")
    assert list(_part(first, *about).values()) == [1, "first", "retryable_error"]
    assert list(_part(second, *about).values()) == [2, "retry", "completed"]
    assert second.links == [(first.trace, first.id)]
    assert "flaky failure 1 of 1" in first.message
    assert "exception" in [event.name for event in first.events]
    parts = [end.attributes[f"everspan.invocation.{part}_ms"] for part in ("queued", "running", "suspended", "backoff")]
    assert sum(parts) == pytest.approx(end.attributes["everspan.invocation.duration_ms"], abs=1)


def test_an_idempotent_repeat_links_to_the_first_invocation(traced, collector):
    _everspan_only(traced)
    same, (trace, parent) = traced.unique(), (secrets.token_hex(16), secrets.token_hex(8))
    first = traced.call("Greeter/greet", "Ada", idempotency_key=same).invocation_id
    start = _trace(collector, first)["invocation-start"]
    traced.call("Greeter/greet", "Ada", idempotency_key=same, traceparent=f"00-{trace}-{parent}-01").ok()
    wait_until(lambda: collector.spans(trace), 10, "the repeat's span")
    (repeat,) = collector.spans(trace)
    assert repeat.name == "ingress Greeter/greet"
    assert repeat.attributes["everspan.idempotency.replayed"] is True
    assert repeat.links == [(start.trace, start.id)]


def test_an_unsampled_trace_exports_nothing_and_stays_unsampled(traced, collector):
    _everspan_only(traced)
    trace, parent = secrets.token_hex(16), secrets.token_hex(8)
    seen = traced.call("Greeter/headers", None, traceparent=f"00-{trace}-{parent}-00").ok()
    assert seen["attempt"]["traceparent"].split("-")[1] == trace
    assert seen["attempt"]["traceparent"].endswith("-00")
    traced.call("Greeter/greet", "Ada").ok()
    time.sleep(1)
    assert collector.spans(trace) == []
    assert [span for span in collector.all() if set(span.trace) == {"0"}] == []


def test_an_attempt_cut_off_by_a_crash_is_told(collector, new_bed):
    bed = new_bed("python", {"TRACING_ENDPOINT": f"http://127.0.0.1:{collector.grpc_port}"})
    _everspan_only(bed)
    ask = bed.ask(ms=1500)
    invocation = bed.send(f"Counter/{bed.unique()}/hold", ask)["invocationId"]
    bed.world.wait_hit(ask["id"])
    time.sleep(0.3)
    bed.server.kill_and_restart()
    assert bed.attach(invocation).ok() == "held"
    end = collector.wait_for(invocation, "invocation-end")
    first, second = _attempts(collector, end.trace, 2)
    assert first.attributes["everspan.attempt.outcome"] == "crashed"
    assert second.attributes["everspan.attempt.cause"] == "restart"


def _trace(collector: Collector, invocation: str) -> dict:
    """The spans of an invocation's trace by their first word, once its end has arrived."""
    end = collector.wait_for(invocation, "invocation-end")
    for what in FOUR:
        collector.wait_for(invocation, what)
    spans = collector.spans(end.trace)
    assert len(spans) == len({span.what for span in spans}), [span.name for span in spans]
    return {span.what: span for span in spans}


def _attempts(collector: Collector, trace: str, count: int) -> list:
    """All attempt spans of a trace, which must be `count`."""

    def attempts():
        return [span for span in collector.spans(trace) if span.what == "invocation-attempt"]

    wait_until(lambda: len(attempts()) >= count, 10, f"{count} attempts in trace {trace}")
    assert len(attempts()) == count, [span.name for span in attempts()]
    return attempts()


def _of_target(collector: Collector, target: str):
    """The `invocation-start` span of the one invocation of this target."""

    def found():
        starts = [span for span in collector.all() if span.what == "invocation-start"]
        return [span for span in starts if span.attributes["restate.invocation.target"] == target]

    return wait_until(found, 20, f"invocation-start of {target}")[0]


def _part(span, *keys) -> dict:
    return {key: span.attributes.get(key) for key in keys}


def _everspan_only(bed: Bed):
    if bed.oracle:
        pytest.skip("Everspan's own contract; the oracle does not claim it")
