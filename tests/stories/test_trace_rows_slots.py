"""Waiting for a slot is waiting: it is in the start span, and no attempt's time."""

import pytest

from bed.process import wait_until
from bed.world import World

SETTINGS = {"TRACING_ENDPOINT": "{sink}", "PARTITIONS": "1", "WORKER__INVOKER__CONCURRENT_INVOCATIONS_LIMIT": "1"}


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


@pytest.fixture
def two(new_trial, world):
    """The spans of an invocation that had the only slot, and of one that waited for it."""
    trial = new_trial(SETTINGS)
    world.hold_back("first")
    ids = [_send(trial, world, "first")]
    world.wait_hit("first")
    ids.append(_send(trial, world, "second"))
    wait_until(lambda: _status(trial, ids[1]) is not None, 10, "the second is there")
    world.let_go("first")
    for id in ids:
        assert trial.server.ingress.get(f"/restate/invocation/{id}/attach").ok() == [1]
    spans = trial.stop()
    return [{span.what: span for span in spans if span.attributes["restate.invocation.id"] == id} for id in ids]


def test_row_start_lasts_until_there_is_a_slot(two):
    first, second = two
    assert second["invocation-start"].start_ns < first["invocation-attempt"].end_ns
    assert second["invocation-start"].end_ns >= first["invocation-attempt"].end_ns
    assert second["invocation-attempt"].start_ns >= first["invocation-attempt"].end_ns


def test_row_end_everspan_invocation_queued_ms_has_the_wait_for_a_slot(two):
    _, second = two
    waited = second["invocation-start"].end_ns - second["invocation-start"].start_ns
    assert second["invocation-end"].attributes["everspan.invocation.queued_ms"] == pytest.approx(waited / 1e6, abs=0.01)


def _send(trial, world, id: str) -> str:
    return trial.call("/Stories/runs/send", {"world": world.url, "id": id, "n": 1}).json()["invocationId"]


def _status(trial, id: str):
    reply = trial.server.admin.get(f"/invocations/{id}")
    return reply.ok()["status"] if reply.status == 200 else None
