"""The attributes of the four spans, row by row.

Each test is named after the span and the key, and only reads what the scenes left behind.
"""

from datetime import datetime

import pytest

ALL_FOUR = ("ingress", "start", "attempt", "end")
PARTS = ("queued_ms", "running_ms", "suspended_ms", "backoff_ms")

# documented


@pytest.mark.parametrize("what", ALL_FOUR)
def test_row_all_restate_invocation_id(scenes, what):
    told = scenes["keyed"]
    assert getattr(told, what).attributes["restate.invocation.id"] == told.id


@pytest.mark.parametrize("what", ALL_FOUR)
def test_row_all_restate_invocation_target(scenes, what):
    assert getattr(scenes["keyed"], what).attributes["restate.invocation.target"] == f"Counter/{scenes.notes['key']}/add"
    assert getattr(scenes["greeting"], what).attributes["restate.invocation.target"] == "Greeter/greet"


@pytest.mark.parametrize("what", ALL_FOUR)
def test_row_all_rpc_service(scenes, what):
    assert getattr(scenes["keyed"], what).attributes["rpc.service"] == "Counter"


@pytest.mark.parametrize("what", ALL_FOUR)
def test_row_all_rpc_method(scenes, what):
    assert getattr(scenes["keyed"], what).attributes["rpc.method"] == "add"


def test_row_attempt_restate_deployment_id(scenes):
    (deployment,) = scenes.bed.server.admin.get("/deployments").ok()["deployments"]
    assert {span.attributes["restate.deployment.id"] for span in _completed(scenes)} == {deployment["id"]}


def test_row_attempt_restate_deployment_address(scenes):
    addresses = {span.attributes["restate.deployment.address"].rstrip("/") for span in _completed(scenes)}
    assert addresses == {f"http://127.0.0.1:{scenes.bed.service.port}"}


def test_row_attempt_restate_deployment_service_protocol_version(scenes):
    (version,) = {span.attributes["restate.deployment.service_protocol_version"] for span in _completed(scenes)}
    assert type(version) is int
    assert version in (6, 7)


@pytest.mark.parametrize(("name", "result"), [("greeting", "success"), ("terminal", "failure"), ("killed", "failure")])
def test_row_end_restate_invocation_result(scenes, name, result):
    assert scenes[name].end.attributes["restate.invocation.result"] == result


@pytest.mark.parametrize(("name", "code"), [("terminal", 418), ("killed", 409), ("cancelled", 409), ("failed-run", 500)])
def test_row_end_restate_invocation_error_code(scenes, name, code):
    assert scenes[name].end.attributes["restate.invocation.error.code"] == code
    assert "restate.invocation.error.code" not in scenes["greeting"].end.attributes


@pytest.mark.parametrize(("name", "text"), [("terminal", "short and stout"), ("killed", "killed"), ("failed-run", "flaky failure 2 of 99")])
def test_row_end_error_message(scenes, name, text):
    assert text in scenes[name].end.attributes["error.message"]
    assert "error.message" not in scenes["greeting"].end.attributes


# ours: attempts


@pytest.mark.parametrize(("name", "count"), [("greeting", 1), ("flaky", 3), ("sleep", 2), ("crashed", 2), ("paused", 4)])
def test_row_attempt_everspan_attempt_number(scenes, name, count):
    numbers = [span.attributes["everspan.attempt.number"] for span in scenes[name].attempts]
    assert numbers == list(range(1, count + 1))


CAUSES = {
    "greeting": ["first"],
    "flaky": ["first", "retry", "retry"],
    "sleep": ["first", "resume"],
    "awakeable": ["first", "resume"],
    "crashed": ["first", "restart"],
    "stopped": ["first", "restart"],
    "suspended-through-a-crash": ["first", "resume"],
}


@pytest.mark.parametrize("name", CAUSES)
def test_row_attempt_everspan_attempt_cause(scenes, name):
    assert [span.attributes["everspan.attempt.cause"] for span in scenes[name].attempts] == CAUSES[name]


OUTCOMES = {
    "completed": ("greeting", ["completed"]),
    "terminal-error-completes": ("terminal", ["completed"]),
    "retryable_error": ("flaky", ["retryable_error", "retryable_error", "completed"]),
    "suspended": ("sleep", ["suspended", "completed"]),
    "yielded": ("stopped", ["yielded", "completed"]),
    "paused": ("paused", ["retryable_error", "retryable_error", "retryable_error", "paused"]),
    "cancelled": ("cancelled", ["cancelled"]),
    "cancelled-while-suspended": ("cancelled-suspended", ["suspended", "cancelled"]),
    "cancelled-by-a-handler": ("cancelled-by-handler", ["cancelled"]),
    "killed": ("killed", ["killed"]),
    "killed-while-suspended": ("killed-suspended", ["suspended"]),
    "crashed": ("crashed", ["crashed", "completed"]),
}


@pytest.mark.parametrize("row", OUTCOMES)
def test_row_attempt_everspan_attempt_outcome(scenes, row):
    name, outcomes = OUTCOMES[row]
    assert scenes[name].outcomes() == outcomes


def test_row_attempt_everspan_retry_next_at(scenes):
    """When the next attempt is due: it begins then, not before."""
    first, second, third = scenes["flaky"].attempts
    for failed, after in ((first, second), (second, third)):
        due = datetime.fromisoformat(failed.attributes["everspan.retry.next_at"]).timestamp()
        assert failed.end_ns / 1e9 <= due + 0.001 <= after.start_ns / 1e9 + 0.002
    assert "everspan.retry.next_at" not in third.attributes


def test_row_attempt_everspan_retry_count(scenes):
    counts = [span.attributes.get("everspan.retry.count") for span in scenes["flaky"].attempts]
    assert counts == [1, 2, None]


def test_row_attempt_error_code(scenes):
    assert [span.attributes.get("error.code") for span in scenes["flaky"].attempts] == [500, 500, None]
    assert [span.attributes.get("error.code") for span in scenes["terminal"].attempts] == [None]


# ours: where the time went


@pytest.mark.parametrize("name", ["greeting", "delayed", "queued", "flaky", "sleep", "crashed", "killed", "cancelled-scheduled"])
def test_row_end_everspan_invocation_duration_ms(scenes, name):
    """The whole time from creation to end, and the four parts sum to it."""
    told = scenes[name]
    duration = told.end.attributes["everspan.invocation.duration_ms"]
    assert type(duration) is float
    assert duration == pytest.approx((told.end.end_ns - told.start.start_ns) / 1e6, abs=0.01)
    assert sum(_part(told, part) for part in PARTS) == pytest.approx(duration, abs=0.001)


@pytest.mark.parametrize("name", ["delayed", "queued", "cancelled-scheduled", "send-delayed-target"])
def test_row_end_everspan_invocation_queued_ms(scenes, name):
    told = scenes[name]
    assert _part(told, "queued_ms") == pytest.approx(_ms(told.start), abs=0.01)
    assert _part(told, "queued_ms") > 0


@pytest.mark.parametrize("name", ["greeting", "flaky", "sleep"])
def test_row_end_everspan_invocation_running_ms(scenes, name):
    told = scenes[name]
    assert _part(told, "running_ms") == pytest.approx(sum(map(_ms, told.attempts)), abs=0.01)


def test_row_end_everspan_invocation_suspended_ms(scenes):
    first, second = scenes["sleep"].attempts
    assert _part(scenes["sleep"], "suspended_ms") == pytest.approx((second.start_ns - first.end_ns) / 1e6, abs=0.01)
    assert _part(scenes["greeting"], "suspended_ms") == 0


def test_row_end_everspan_invocation_backoff_ms(scenes):
    one, two, three = scenes["flaky"].attempts
    gaps = (two.start_ns - one.end_ns + three.start_ns - two.end_ns) / 1e6
    assert _part(scenes["flaky"], "backoff_ms") == pytest.approx(gaps, abs=0.01)
    assert _part(scenes["greeting"], "backoff_ms") == 0


# ours: the request


def test_row_ingress_http_request_method(scenes):
    assert scenes["greeting"].ingress.attributes["http.request.method"] == "POST"


def test_row_ingress_url_path(scenes):
    assert scenes["greeting"].ingress.attributes["url.path"] == "/Greeter/greet"
    assert scenes["sent"].ingress.attributes["url.path"] == "/Greeter/greet/send"


def test_row_ingress_http_response_status_code(scenes):
    """Where it is known when the span ends: a send is answered at once."""
    assert scenes["sent"].ingress.attributes["http.response.status_code"] == 202


def test_row_ingress_client_address(scenes):
    assert scenes["greeting"].ingress.attributes["client.address"] == "127.0.0.1"


def test_row_ingress_client_port(scenes):
    port = scenes["greeting"].ingress.attributes["client.port"]
    assert type(port) is int
    assert 1024 <= port < 65536


def test_row_ingress_user_agent_original(scenes):
    assert scenes["greeting"].ingress.attributes["user_agent.original"] == scenes.notes["user-agent"]
    assert "user_agent.original" not in scenes["root"].ingress.attributes


def test_row_ingress_everspan_idempotency_replayed(scenes):
    first, repeat = (_ingress_of(scenes, trace) for trace in scenes.notes["repeat"])
    assert "everspan.idempotency.replayed" not in first.attributes
    assert repeat.attributes["everspan.idempotency.replayed"] is True
    assert repeat.attributes["restate.invocation.id"] == scenes["repeated"].id
    start = next(span for span in scenes["repeated"].spans if span.what == "invocation-start")
    assert repeat.links == [(start.trace, start.id)]


def test_row_ingress_everspan_idempotency_replayed_of_a_workflow(scenes):
    repeat = _ingress_of(scenes, scenes.notes["workflow-repeat"])
    assert repeat.attributes["everspan.idempotency.replayed"] is True
    start = next(span for span in scenes["workflow"].spans if span.what == "invocation-start")
    assert repeat.links == [(start.trace, start.id)]


def _completed(scenes) -> list:
    """All attempts that a deployment has answered to the end."""
    return [
        span
        for span in scenes.collector.all()
        if span.attributes.get("everspan.attempt.outcome") in ("completed", "suspended", "retryable_error")
    ]


def _part(told, name: str) -> float:
    return told.end.attributes[f"everspan.invocation.{name}"]


def _ms(span) -> float:
    return (span.end_ns - span.start_ns) / 1e6


def _ingress_of(scenes, trace: str):
    (ingress,) = [span for span in scenes.collector.spans(trace) if span.what == "ingress"]
    return ingress
