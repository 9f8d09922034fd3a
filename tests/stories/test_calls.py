"""Services, objects, calls between them, and state."""

import time


def test_a_service_answers(bed):
    reply = bed.call("Greeter/greet", "Ada")
    assert (reply.status, reply.json()) == (200, "Hello Ada")
    assert reply.headers["content-type"] == "application/json"
    assert reply.invocation_id.startswith("inv_")


def test_text_survives_the_journey(bed):
    for name in ("", "Zoë", "日本", 'quote " and \\ slash', "x" * 100_000):
        assert bed.call("Greeter/greet", name).ok() == f"Hello {name}"


def test_request_headers_reach_the_handler(bed):
    seen = bed.call("Greeter/headers", x_story="told").ok()["request"]
    assert seen["x-story"] == "told"
    assert seen["x-restate-ingress-path"] == "/Greeter/headers"


def test_an_object_counts(bed):
    key = bed.unique()
    assert [bed.call(f"Counter/{key}/add", n).ok() for n in (1, 2, 39)] == [1, 3, 42]
    assert bed.counter(key) == 42
    assert bed.counter(bed.unique()) == 0


def test_a_key_may_hold_any_character(bed):
    tail = bed.unique()
    assert bed.call(f"Counter/a%2Fb%20c%C3%A9{tail}/add", 5).ok() == 5
    assert bed.counter(f"a%2Fb%20c%C3%A9{tail}") == 5


def test_state_keys_are_set_listed_and_cleared(bed):
    # Not listed after a clear in the same attempt: there the SDKs still name the cleared key.
    counter = f"Counter/{bed.unique()}"
    assert bed.call(f"{counter}/tour").ok() == ["a", "b"]
    assert bed.call(f"{counter}/keys").ok() == ["b"]
    bed.call(f"{counter}/wipe").ok()
    assert bed.call(f"{counter}/keys").ok() == []


def test_runs_execute_once_each(bed):
    ask = bed.ask(n=5)
    assert bed.call("Stories/runs", ask).ok() == [1] * 5
    assert bed.world.steps(ask["id"]) == [0, 1, 2, 3, 4]


def test_a_sleep_is_not_early(bed):
    start = time.monotonic()
    assert bed.story("sleep", ms=400) == 400
    assert time.monotonic() - start >= 0.4


def test_a_call_returns_the_callee_s_result(bed):
    key = bed.unique()
    assert bed.story("call", key=key, n=7) == 7
    assert bed.story("call", key=key, n=7) == 14


def test_a_send_arrives_and_its_id_can_be_attached(bed):
    key = bed.unique()
    sent = bed.story("send", key=key, n=3)
    assert bed.attach(sent).ok() == 3
    assert bed.counter(key) == 3


def test_a_delayed_send_arrives_later(bed):
    key = bed.unique()
    start = time.monotonic()
    sent = bed.story("sendDelayed", key=key, n=4, ms=1000)
    assert bed.counter(key) == 0
    assert bed.attach(sent).ok() == 4
    assert time.monotonic() - start >= 1.0


def test_several_calls_are_awaited_together(bed):
    keys = [bed.unique() for _ in range(5)]
    assert bed.story("fanout", keys=keys, n=2) == [2] * 5
    assert bed.story("fanout", keys=keys[:2], n=2) == [4] * 2


def test_an_object_does_one_thing_at_a_time(bed):
    ask = bed.ask(ms=600)
    key = bed.unique()
    held = bed.send(f"Counter/{key}/hold", ask)["invocationId"]
    bed.world.wait_hit(ask["id"])
    added = bed.send(f"Counter/{key}/add", 1)["invocationId"]
    assert bed.counter(key) == 0, "a shared handler does not wait"
    assert bed.output(added).status == 470
    assert bed.attach(held).ok() == "held"
    assert bed.attach(added).ok() == 1


def test_a_handler_attaches_to_another_invocation(bed):
    key, ask = bed.unique(), bed.ask(ms=500)
    held = bed.send(f"Counter/{key}/hold", ask)["invocationId"]
    assert bed.story("attach", target=held) == "held"
    assert bed.story("attach", target=held) == "held"
