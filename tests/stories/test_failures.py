"""Retries, terminal errors, cancel and kill."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bed.process import wait_until


def test_a_failing_handler_is_retried_until_it_succeeds(bed):
    ask = bed.ask(failures=3)
    assert bed.call("Stories/flaky", ask).ok() == 4
    assert bed.world.steps(ask["id"]) == [0] * 4


def test_a_failing_run_is_retried_until_it_succeeds(bed):
    ask = bed.ask(failures=2, attempts=10)
    assert bed.call("Stories/flakyRun", ask).ok() == 3
    assert bed.world.count(ask["id"]) == 3


def test_a_run_gives_up_after_its_last_attempt(bed):
    ask = bed.ask(failures=99, attempts=3)
    reply = bed.call("Stories/flakyRun", ask)
    assert reply.status == 500
    assert "flaky failure 3 of 99" in reply.json()["message"]
    assert bed.world.count(ask["id"]) == 3


def test_a_terminal_error_is_the_result(bed):
    reply = bed.call("Stories/terminal", bed.ask(message="short and stout", code=418))
    assert reply.status == 418
    error = reply.json()
    assert (error["code"], error["message"], error["source"]) == (418, "short and stout", "invocation")
    assert reply.headers["x-restate-error-source"] == "invocation"


def test_a_caller_catches_a_terminal_error(bed):
    assert bed.story("catchTerminal", message="short and stout", code=418) == "418 short and stout"


def test_cancel_reaches_the_callee_and_frees_the_lock(bed):
    invocation, key = _blocked(bed)
    assert bed.server.admin.patch(f"/invocations/{invocation}/cancel").status == 202
    reply = bed.attach(invocation)
    assert reply.status == 409
    assert "ancel" in reply.json()["message"]
    assert bed.call(f"Counter/{key}/add", 1).ok() == 1


def test_a_handler_cancels_another_invocation(bed):
    invocation, key = _blocked(bed)
    bed.story("cancel", target=invocation)
    assert bed.attach(invocation).status == 409
    assert bed.call(f"Counter/{key}/add", 1).ok() == 1


def test_kill_ends_the_whole_tree_at_once(bed):
    invocation, key = _blocked(bed)
    assert bed.server.admin.patch(f"/invocations/{invocation}/kill").status == 200
    reply = bed.attach(invocation)
    assert (reply.status, reply.json()["message"]) == (409, "killed")
    assert bed.call(f"Counter/{key}/add", 1).ok() == 1


def test_a_waiting_invocation_is_cancelled_before_it_starts(bed):
    invocation, key = _blocked(bed)
    waiting = bed.send(f"Counter/{key}/add", 1)["invocationId"]
    with ThreadPoolExecutor(1) as pool:
        attached = pool.submit(bed.attach, waiting)
        time.sleep(0.3)  # until the attach has arrived: the result is not kept for those who come later
        assert bed.server.admin.patch(f"/invocations/{waiting}/cancel").status == 200
        reply = attached.result()
    assert (reply.status, reply.json()["message"]) == (409, "canceled")
    bed.server.admin.patch(f"/invocations/{invocation}/kill")
    assert bed.attach(invocation).status == 409
    assert bed.counter(key) == 0


@pytest.mark.parametrize("verb", ["cancel", "kill"])
def test_an_unknown_invocation_cannot_be_ended(bed, verb):
    done = bed.call("Greeter/greet", "Ada").invocation_id
    assert bed.server.admin.patch(f"/invocations/{done}/{verb}").status == 409
    bed.server.admin.patch(f"/invocations/{done}/purge")
    wait_until(lambda: bed.output(done).status == 404, 10, f"{done} is forgotten")
    assert bed.server.admin.patch(f"/invocations/{done}/{verb}").status == 404


def _blocked(bed):
    """An invocation that waits for a callee that holds an object's lock for long; and the object's key."""
    key = bed.unique()
    ask = bed.ask(key=key, ms=600_000)
    invocation = bed.start("blockOn", ask)
    bed.world.wait_hit(ask["id"])
    return invocation, key
