"""Processes die again and again under load: nothing is lost, nothing is done twice.

`EVERSPAN_STORIES_CRASHES` says how often (default 20; half as often where it suspends always). Run with `-m crash`.
"""

import os
import random
import time
from collections import Counter

import pytest

from bed.load import CLIENTS, Load
from bed.process import wait_until

pytestmark = [pytest.mark.crash, pytest.mark.timeout(900)]
CRASHES = int(os.environ.get("EVERSPAN_STORIES_CRASHES", "20"))
PROGRESS = CLIENTS // 2
PROGRESS_TIMEOUT_S = 60
PAUSE_S = (0.0, 0.5)
SETTINGS = {"DEFAULT_RETRY_POLICY__MAX_ATTEMPTS": "1000"}
ASKED_AGAIN = 300


def test_the_server_is_killed_under_load(new_bed):
    bed = new_bed("rust", SETTINGS)
    _check(bed, CRASHES, bed.server.kill_and_restart)


def test_the_server_is_killed_under_load_while_it_suspends_always(new_bed):
    bed = new_bed("rust", SETTINGS | {"WORKER__INVOKER__INACTIVITY_TIMEOUT": "0s"})
    _check(bed, max(1, CRASHES // 2), bed.server.kill_and_restart)


def test_the_server_is_terminated_under_load(new_bed):
    bed = new_bed("rust", SETTINGS)
    _check(bed, CRASHES, bed.server.terminate_and_restart)


def test_the_service_is_killed_under_load(new_bed):
    bed = new_bed("rust", SETTINGS)
    _check(bed, CRASHES, bed.service.kill_and_restart)


def _check(bed, crashes: int, crash):
    """Runs load through `crashes` crashes, then compares every effect with what was asked for."""
    moment = random.Random(7)
    load = Load(bed).start()
    for _ in range(crashes):
        _let_it_progress(load)
        time.sleep(moment.uniform(*PAUSE_S))
        crash()
    _let_it_progress(load)
    load.finish()
    _each_result_is_right(bed, load)
    _each_counter_is_exact(bed, load)
    _no_stored_run_ran_again(bed, load)
    bed.server.kill_and_restart()
    _each_result_stays(load)
    _each_counter_is_exact(bed, load)
    print(f"{crashes} × {crash.__qualname__}: {len(load.invocations)} invocations of {CLIENTS} clients, each once")


def _let_it_progress(load: Load):
    """Crashes hit a server that works, not one that only starts."""
    goal = load.answered() + PROGRESS
    wait_until(lambda: load.answered() >= goal, PROGRESS_TIMEOUT_S, f"{PROGRESS} more answers")


def _each_result_is_right(bed, load: Load):
    direct = {}
    for one in load.invocations:
        (result,) = one.answers
        if one.path.startswith("/Counter/"):
            direct.setdefault(one.counter, []).append(result)
            continue
        executed = Counter(bed.world.steps(one.idempotency_key))
        assert len(result) == one.body["n"] == len(executed), (one, executed)
        for step, count in enumerate(result):
            assert 1 <= count <= executed[step], (one, executed)
    for counter, sums in direct.items():
        assert sorted(sums) == list(range(1, len(sums) + 1)), f"{counter}: an add was lost or doubled"


def _each_counter_is_exact(bed, load: Load):
    expected = Counter()
    for one in load.invocations:
        expected[one.counter] += one.adds
    assert {counter: bed.counter(counter) for counter in expected} == dict(expected)


def _no_stored_run_ran_again(bed, load: Load):
    """A step begins only after the run before it was stored, so the steps never go backwards."""
    for one in load.invocations:
        steps = bed.world.steps(one.idempotency_key)
        assert steps == sorted(steps), f"{one.idempotency_key} executed {steps}"


def _each_result_stays(load: Load):
    for one in random.Random(7).sample(load.invocations, min(ASKED_AGAIN, len(load.invocations))):
        load.ask_again(one)
        assert one.answers[0] == one.answers[1], one
