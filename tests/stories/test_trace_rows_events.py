"""The events of attempts, the links between spans, and the ids, row by row.

Each test is named after its row and only reads what the scenes left behind.
"""

import pytest

LIFECYCLE = "restate.invocation.lifecycle"
NEW_COMMAND = f"{LIFECYCLE}.new_command"
RUN_ENDED = f"{LIFECYCLE}.run_ended"
SUSPENDED = f"{LIFECYCLE}.suspended"
YIELDED = f"{LIFECYCLE}.yielded"
TYPE = "restate.journal.command.type"
NAME = "restate.journal.command.name"
INDEX = "everspan.journal.index"
EVENTS_MAX = 128

# restate.invocation.lifecycle.new_command

COMMANDS = {
    "greeting": ["Output"],
    "runs": ["Run", "Run", "Output"],
    "sleep": ["Sleep", "Output"],
    "call": ["Call", "Output"],
    "send": ["OneWayCall", "Output"],
    "send-delayed": ["OneWayCall", "Output"],
    "keyed": ["GetEagerState", "SetState", "Output"],
    "tour": ["SetState", "SetState", "GetEagerStateKeys", "ClearState", "Output"],
    "wipe": ["ClearAllState", "Output"],
    "workflow": ["GetPromise", "Output"],
    "promise": ["CompletePromise", "Output"],
    "resolve": ["CompleteAwakeable", "Output"],
    "send-signal": ["SendSignal", "Output"],
    "canceller": ["SendSignal", "Output"],
    "attach": ["AttachInvocation", "Output"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_row_new_command_restate_journal_command_type(scenes, name):
    types = [event.attributes[TYPE] for event in _events(scenes, name, NEW_COMMAND)]
    assert types == [f"Command/{kind}" for kind in COMMANDS[name]]


def test_row_new_command_restate_journal_command_name(scenes):
    names = [event.attributes.get(NAME) for event in _events(scenes, "runs", NEW_COMMAND)]
    assert names == ["step-0", "step-1", None]


def test_row_new_command_is_told_by_the_attempt_that_added_it(scenes):
    """What is replayed to a later attempt is not told again."""
    first, second = scenes["sleep"].attempts
    assert [event.attributes.get(TYPE) for event in first.events] == ["Command/Sleep", None]
    assert [event.attributes[TYPE] for event in second.events] == ["Command/Output"]


def test_row_new_command_everspan_journal_index(scenes):
    for name in COMMANDS:
        indices = [event.attributes[INDEX] for event in _events(scenes, name, NEW_COMMAND)]
        assert {type(index) for index in indices} == {int}
        assert indices == sorted(set(indices)), name
        assert indices[0] >= 1, "entry 0 is the input"


def test_row_new_command_everspan_call_target(scenes):
    (call, _) = _events(scenes, "call", NEW_COMMAND)
    assert call.attributes["everspan.call.target"] == f"Counter/{scenes.notes['called-key']}/add"


@pytest.mark.parametrize(("sender", "target"), [("send", "send-target"), ("send-delayed", "send-delayed-target")])
def test_row_new_command_everspan_call_invocation_id(scenes, sender, target):
    """From the sender to what it sent; the link leads back."""
    (call, _) = _events(scenes, sender, NEW_COMMAND)
    assert call.attributes["everspan.call.invocation_id"] == scenes[target].id


def test_row_new_command_everspan_call_invocation_id_of_a_call(scenes):
    (call, _) = _events(scenes, "call", NEW_COMMAND)
    callee = scenes.told(call.attributes["everspan.call.invocation_id"])
    assert callee.end.attributes["restate.invocation.target"] == f"Counter/{scenes.notes['called-key']}/add"


@pytest.mark.parametrize(("name", "target"), [("send-signal", "signal"), ("canceller", "cancelled-by-handler")])
def test_row_new_command_everspan_call_invocation_id_of_a_signal(scenes, name, target):
    (signal, _) = _events(scenes, name, NEW_COMMAND)
    assert signal.attributes["everspan.call.invocation_id"] == scenes[target].id


def test_row_new_command_everspan_awakeable_id(scenes):
    """What is passed around and resolved; the one that waits names the same."""
    (resolve, _) = _events(scenes, "resolve", NEW_COMMAND)
    assert resolve.attributes["everspan.awakeable.id"] == scenes.notes["awakeable-id"]


@pytest.mark.parametrize("name", ["workflow", "promise"])
def test_row_new_command_everspan_promise_name(scenes, name):
    (promise, _) = _events(scenes, name, NEW_COMMAND)
    assert promise.attributes["everspan.promise.name"] == "done"


def test_row_new_command_everspan_state_key(scenes):
    keys = [event.attributes.get("everspan.state.key") for event in _events(scenes, "tour", NEW_COMMAND)]
    assert keys == ["a", "b", None, "a", None]
    keys = [event.attributes.get("everspan.state.key") for event in _events(scenes, "keyed", NEW_COMMAND)]
    assert keys == ["count", "count", None]


def test_row_new_command_comes_when_it_was_stored(scenes):
    for attempt in scenes["runs"].attempts + scenes["sleep"].attempts:
        times = [event.time_ns for event in attempt.events]
        assert times == sorted(times)
        assert all(attempt.start_ns <= time_ns <= attempt.end_ns for time_ns in times)


# restate.invocation.lifecycle.run_ended


def test_row_run_ended_everspan_run_name(scenes):
    names = [event.attributes["everspan.run.name"] for event in _events(scenes, "runs", RUN_ENDED)]
    assert names == ["step-0", "step-1"]


def test_row_run_ended_everspan_run_duration_ms(scenes):
    for event in _events(scenes, "runs", RUN_ENDED):
        assert type(event.attributes["everspan.run.duration_ms"]) is float
        assert 0 <= event.attributes["everspan.run.duration_ms"] <= _ms(scenes["runs"].attempt)


@pytest.mark.parametrize(("name", "results"), [("runs", ["success"] * 2), ("failed-run", ["failure"])])
def test_row_run_ended_everspan_run_result(scenes, name, results):
    assert [event.attributes["everspan.run.result"] for event in _events(scenes, name, RUN_ENDED)] == results


def test_row_run_ended_everspan_run_index(scenes):
    """Joins the end to its command, also over attempts."""
    for name in ("runs", "crashed", "failed-run"):
        commands = {event.attributes[INDEX] for event in _events(scenes, name, NEW_COMMAND) if event.attributes[TYPE] == "Command/Run"}
        assert {event.attributes["everspan.run.index"] for event in _events(scenes, name, RUN_ENDED)} == commands


def test_row_run_ended_everspan_journal_index(scenes):
    commands = [event.attributes[INDEX] for event in _events(scenes, "runs", NEW_COMMAND)]
    results = [event.attributes[INDEX] for event in _events(scenes, "runs", RUN_ENDED)]
    assert len(set(commands + results)) == len(commands) + len(results)
    assert all(command < result for command, result in zip(commands, results, strict=False))


def test_row_run_ended_in_a_later_attempt_knows_its_name(scenes):
    """A run that a crash cut off is run again by the next attempt."""
    first, second = scenes["crashed"].attempts
    assert [event.name for event in first.events] == [NEW_COMMAND]
    assert second.events[0].name == RUN_ENDED
    assert second.events[0].attributes["everspan.run.name"] == "step-0"


# restate.invocation.lifecycle.suspended and .yielded


@pytest.mark.parametrize("name", ["sleep", "awakeable", "signal", "cancelled-suspended", "killed-suspended"])
def test_row_suspended(scenes, name):
    """The last event of the attempt, once."""
    first = scenes[name].attempts[0]
    assert [event.name for event in first.events].count(SUSPENDED) == 1
    assert first.events[-1].name == SUSPENDED
    assert first.events[-1].time_ns == first.end_ns


@pytest.mark.parametrize(("name", "words"), [("sleep", "Sleep until 2"), ("awakeable", "awakeable sign_1"), ("signal", "signal go")])
def test_row_suspended_everspan_awaiting(scenes, name, words):
    (event,) = _events(scenes, name, SUSPENDED)
    assert event.attributes["everspan.awaiting"].startswith(words)


def test_row_yielded(scenes):
    """A server that stops takes its attempts back; that is no crash."""
    first, second = scenes["stopped"].attempts
    assert YIELDED in [event.name for event in first.events]
    assert YIELDED not in [event.name for event in second.events]
    assert YIELDED not in [event.name for event in scenes["crashed"].events]


# exception


def test_row_exception(scenes):
    for number, attempt in enumerate(scenes["paused"].attempts, 1):
        (event,) = [event for event in attempt.events if event.name == "exception"]
        assert f"flaky failure {number} of 99" in event.attributes["exception.message"]
        assert event.time_ns == attempt.end_ns


def test_row_exception_exception_type(scenes):
    assert _exception(scenes)["exception.type"] == "500"


def test_row_exception_exception_message(scenes):
    assert "flaky failure 1 of 2" in _exception(scenes)["exception.message"]
    assert _exception(scenes)["exception.message"] == scenes["flaky"].attempts[0].message


def test_row_exception_exception_stacktrace(scenes):
    assert "stories.py" in _exception(scenes)["exception.stacktrace"]


def test_row_a_terminal_error_is_no_exception(scenes):
    assert [event.name for event in scenes["terminal"].events] == [NEW_COMMAND]


# The limit


def test_row_event_limit_drops_the_oldest_commands_and_counts_them(scenes):
    attempt = scenes["many-runs"].attempt
    assert len(attempt.events) == EVENTS_MAX
    assert attempt.dropped_events == 201 - EVENTS_MAX
    kept = [event.attributes[INDEX] for event in attempt.events if event.name == NEW_COMMAND]
    every = list(range(1, 200, 2)) + [201]
    assert kept == every[attempt.dropped_events :]


def test_row_event_limit_never_drops_lifecycle_events(scenes):
    assert len(_events(scenes, "many-runs", RUN_ENDED)) == 100


# Links


@pytest.mark.parametrize("name", ["flaky", "sleep", "paused", "crashed", "stopped", "failed-run", "cancelled-suspended"])
def test_row_link_of_an_attempt_to_the_one_before(scenes, name):
    attempts = scenes[name].attempts
    assert attempts[0].links == []
    for before, attempt in zip(attempts, attempts[1:], strict=False):
        assert attempt.links == [(before.trace, before.id)]


def test_row_link_of_a_one_way_call_and_back(scenes):
    attempt, target = scenes["send"].attempt, scenes["send-target"]
    assert target.start.links == [(attempt.trace, attempt.id)]
    assert attempt.events[0].attributes["everspan.call.invocation_id"] == target.id


# Ids


def test_row_ids_of_a_replayed_log_are_the_same(scenes):
    """The log was replayed after the server died, and again after it stopped: still one span of each."""
    for name in ("crashed", "suspended-through-a-crash", "stopped", "greeting"):
        told = scenes[name]
        assert {told.ingress.what, told.start.what, told.end.what} == {"ingress", "invocation-start", "invocation-end"}
        numbers = [span.attributes["everspan.attempt.number"] for span in told.attempts]
        assert numbers == list(range(1, len(numbers) + 1))


def test_row_ids_of_attempts_are_those_the_service_received(scenes):
    attempt = scenes["headers"].attempt
    assert scenes.notes["headers"]["attempt"]["traceparent"] == f"00-{attempt.trace}-{attempt.id}-{attempt.flags & 0xFF:02x}"


# As soon as they end


def test_row_batch_delay_spans_leave_while_their_invocation_is_under_way(scenes):
    """Nothing waits for the invocation's end: a paused one never ends, and all of it is here."""
    told = scenes["paused"]
    assert [span.what for span in sorted(told.spans, key=lambda span: span.end_ns)] == [
        "ingress",
        "invocation-start",
        *["invocation-attempt"] * 4,
    ]


def _events(scenes, name: str, event_name: str) -> list:
    return [event for event in scenes[name].events if event.name == event_name]


def _exception(scenes) -> dict:
    (event,) = [event for event in scenes["flaky"].attempts[0].events if event.name == "exception"]
    return event.attributes


def _ms(span) -> float:
    return (span.end_ns - span.start_ns) / 1e6
