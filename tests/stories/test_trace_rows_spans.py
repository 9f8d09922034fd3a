"""The four spans of an invocation, row by row: name, kind, parent, start, end, status.

Each test is named after its row of docs/TRACING.md and only reads what the scenes left behind.
"""

import pytest

FOUR = ("ingress", "invocation-start", "invocation-attempt", "invocation-end")
KINDS = dict(zip(FOUR, ("SERVER", "CONSUMER", "CLIENT", "INTERNAL"), strict=True))


def test_row_scope(scenes):
    assert {span.scope for span in _all(scenes)} == {"everspan.invocation"}


def test_row_resource_service_name(scenes):
    assert {span.resource["service.name"] for span in _all(scenes)} == {"Everspan"}


def test_row_resource_service_version(scenes):
    (version,) = {span.resource["service.version"] for span in _all(scenes)}
    assert version == scenes.bed.server.admin.get("/version").ok()["version"]


def test_row_resource_service_instance_id(scenes):
    assert {span.resource["service.instance.id"] for span in _all(scenes)} == {"everspan/node-1"}


@pytest.mark.parametrize("what", FOUR)
def test_row_kind(scenes, what):
    assert {span.kind for span in _all(scenes) if span.what == what} == {KINDS[what]}


@pytest.mark.parametrize("what", FOUR)
def test_row_name_of_an_unkeyed_target(scenes, what):
    assert _of(scenes["greeting"])[what].name == f"{what} Greeter/greet"


@pytest.mark.parametrize("what", FOUR)
def test_row_name_of_a_keyed_target_has_the_literal_key(scenes, what):
    assert _of(scenes["keyed"])[what].name == f"{what} Counter/{{key}}/add"


def test_row_no_name_holds_a_key(scenes):
    assert [span.name for span in _all(scenes) if scenes.notes["key"] in span.name] == []


def test_row_ids_are_never_zero(scenes):
    assert [span.name for span in _all(scenes) if set(span.id) == {"0"} or set(span.trace) == {"0"}] == []


def test_row_ids_are_never_shared(scenes):
    assert len({(span.trace, span.id) for span in _all(scenes)}) == len(_all(scenes))


def test_row_no_span_ends_before_it_starts(scenes):
    assert [span.name for span in _all(scenes) if span.end_ns < span.start_ns] == []


def test_row_every_parent_is_exported(scenes):
    known = {(span.trace, span.id) for span in _all(scenes)}
    orphans = [span for span in _all(scenes) if span.parent and (span.trace, span.parent) not in known]
    assert {span.what for span in orphans} <= {"ingress"}, [span.name for span in orphans]


# ingress


def test_row_ingress_parent_is_the_incoming_traceparent(scenes):
    sent, ingress = scenes.notes["greeting"], scenes["greeting"].ingress
    assert (ingress.trace, ingress.parent) == (sent["trace"], sent["span"])


def test_row_ingress_without_traceparent_is_a_root(scenes):
    assert scenes["root"].ingress.parent == ""


def test_row_ingress_starts_and_ends_with_the_request(scenes):
    sent, ingress = scenes.notes["greeting"], scenes["greeting"].ingress
    assert sent["before_ns"] <= ingress.start_ns < ingress.end_ns <= sent["after_ns"]


def test_row_ingress_ends_when_the_request_is_accepted(scenes):
    """Not when the result is there: the handler's time is in the attempts."""
    told = scenes["sleep"]
    assert told.ingress.end_ns <= told.attempts[0].end_ns < told.end.start_ns


def test_row_ingress_status_is_unset_when_accepted(scenes):
    assert {scenes[name].ingress.status for name in ("greeting", "sent", "terminal", "killed")} == {"UNSET"}


# invocation-start


def test_row_start_parent_is_the_ingress_span(scenes):
    told = scenes["greeting"]
    assert (told.start.trace, told.start.parent) == (told.ingress.trace, told.ingress.id)


def test_row_start_parent_of_a_send_by_a_client_is_the_ingress_span(scenes):
    told = scenes["sent"]
    assert (told.start.trace, told.start.parent) == (told.ingress.trace, told.ingress.id)


def test_row_start_parent_of_a_call_is_the_callers_attempt(scenes):
    attempt, callee = scenes["call"].attempt, _callee(scenes, "call")
    assert (callee.start.trace, callee.start.parent, callee.start.links) == (attempt.trace, attempt.id, [])
    assert [span for span in callee.spans if span.what == "ingress"] == []


@pytest.mark.parametrize("sender", ["send", "send-delayed"])
def test_row_start_of_a_one_way_call_is_a_root_with_a_link(scenes, sender):
    attempt, start = scenes[sender].attempt, scenes[f"{sender}-target"].start
    assert start.parent == ""
    assert start.trace != attempt.trace
    assert start.links == [(attempt.trace, attempt.id)]


def test_row_start_starts_at_the_creation(scenes):
    """Within the request that makes it, and never before its parent."""
    told = scenes["greeting"]
    assert told.ingress.start_ns <= told.start.start_ns <= told.ingress.end_ns


@pytest.mark.parametrize("name", ["greeting", "delayed", "queued", "send-delayed-target"])
def test_row_start_ends_when_the_first_attempt_begins(scenes, name):
    assert scenes[name].start.end_ns == scenes[name].attempts[0].start_ns


def test_row_start_lasts_as_long_as_the_delay(scenes):
    """From when the request was read, which is before the invocation's creation, however long that takes; in whole ms."""
    told = scenes["delayed"]
    assert told.start.end_ns - told.ingress.start_ns >= 0.699e9


@pytest.mark.parametrize("name", ["cancelled-scheduled", "cancelled-queued"])
def test_row_start_ends_without_an_attempt(scenes, name):
    told = scenes[name]
    assert told.attempts == []
    assert told.start.end_ns <= told.end.start_ns
    assert told.end.parent == told.start.id


def test_row_start_status_is_unset(scenes):
    assert {span.status for span in _all(scenes) if span.what == "invocation-start"} == {"UNSET"}


# invocation-attempt


@pytest.mark.parametrize("name", ["greeting", "flaky", "sleep", "crashed", "send-target"])
def test_row_attempt_parent_is_the_start(scenes, name):
    told = scenes[name]
    assert {(span.trace, span.parent) for span in told.attempts} == {(told.start.trace, told.start.id)}


@pytest.mark.parametrize("name", ["flaky", "sleep", "crashed", "stopped", "failed-run"])
def test_row_attempts_do_not_overlap(scenes, name):
    attempts = scenes[name].attempts
    assert len(attempts) > 1
    assert all(one.end_ns <= next.start_ns for one, next in zip(attempts, attempts[1:], strict=False))


STATUS_OF_ATTEMPTS = {
    "greeting": ["OK"],
    "terminal": ["OK"],
    "flaky": ["ERROR", "ERROR", "OK"],
    "failed-run": ["ERROR", "OK"],
    "sleep": ["UNSET", "OK"],
    "paused": ["ERROR", "ERROR", "ERROR", "ERROR"],
    "killed": ["UNSET"],
    "killed-suspended": ["UNSET"],
    "crashed": ["UNSET", "OK"],
    "stopped": ["UNSET", "OK"],
}


@pytest.mark.parametrize("name", STATUS_OF_ATTEMPTS)
def test_row_attempt_status(scenes, name):
    assert [span.status for span in scenes[name].attempts] == STATUS_OF_ATTEMPTS[name]


def test_row_attempt_status_message_is_the_real_error(scenes):
    first, second, third = scenes["flaky"].attempts
    assert "flaky failure 1 of 2" in first.message
    assert "flaky failure 2 of 2" in second.message
    assert third.message == ""


# invocation-end


def test_row_end_parent_is_the_start(scenes):
    for name in ("greeting", "flaky", "killed", "cancelled-scheduled", "send-target"):
        told = scenes[name]
        assert (told.end.trace, told.end.parent) == (told.start.trace, told.start.id)


def test_row_end_is_when_the_completion_is_applied(scenes):
    for name in ("greeting", "flaky", "sleep", "killed"):
        told = scenes[name]
        assert told.end.start_ns == told.end.end_ns == told.attempts[-1].end_ns


STATUS_OF_ENDS = {
    "greeting": ("OK", ""),
    "terminal": ("ERROR", "short and stout"),
    "killed": ("ERROR", "killed"),
    "cancelled": ("ERROR", "cancelled"),
    "cancelled-scheduled": ("ERROR", "canceled"),
    "flaky": ("OK", ""),
}


@pytest.mark.parametrize("name", STATUS_OF_ENDS)
def test_row_end_status(scenes, name):
    assert (scenes[name].end.status, scenes[name].end.message) == STATUS_OF_ENDS[name]


def test_row_a_paused_invocation_has_no_end(scenes):
    assert [span for span in scenes["paused"].spans if span.what == "invocation-end"] == []


def _all(scenes) -> list:
    return scenes.collector.all()


def _of(told) -> dict:
    return {"ingress": told.ingress, "invocation-start": told.start, "invocation-attempt": told.attempt, "invocation-end": told.end}


def _callee(scenes, caller: str):
    (called,) = [event.attributes["everspan.call.invocation_id"] for event in scenes[caller].events if "everspan.call.invocation_id" in event.attributes]
    return scenes.told(called)
