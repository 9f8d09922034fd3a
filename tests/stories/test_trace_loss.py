"""No span is lost and none comes twice, whoever dies and however the collector behaves.

The collector here is a process of its own that outlives the server and keeps every request. Load runs meanwhile;
in the end every accepted request and every invocation must have its spans, each once. `EVERSPAN_STORIES_CRASHES`
says how often to kill (default 3; 50 is the full measure). Run with `-m crash`.
"""

import os
import random
import time

import pytest

from bed import audit, metrics
from bed.arrivals import Sink
from bed.load import Load
from bed.process import wait_until

pytestmark = pytest.mark.crash
KILLS = int(os.environ.get("EVERSPAN_STORIES_CRASHES", "3"))
TERMINATIONS = max(3, KILLS * 2 // 5)
CLIENTS = 24
PROGRESS = CLIENTS
PROGRESS_TIMEOUT_S = 60
PAUSE_S = (0.0, 0.5)
LISTED_MAX = 10_000
GREETINGS = 600
SPANS_OF_A_GREETING = 4


@pytest.fixture
def sink(tmp_path):
    sink = Sink(tmp_path).start()
    yield sink
    sink.process.kill()


@pytest.fixture
def open_bed(sink, new_bed):
    """Opens a bed whose server exports to the sink."""

    def open_with(**settings):
        bed = new_bed("rust", {"TRACING_ENDPOINT": sink.url, "DEFAULT_RETRY_POLICY__MAX_ATTEMPTS": "1000"} | settings)
        if bed.oracle:
            pytest.skip("the oracle loses spans whenever its collector is away, and when it is terminated")
        return bed

    return open_with


def test_no_span_is_lost_when_the_server_is_terminated_under_load(sink, open_bed):
    bed = open_bed()
    load = _load_through(bed, TERMINATIONS, bed.server.terminate_and_restart)
    _all_arrived_once(bed, sink, load)


def test_what_a_collector_rejects_in_part_is_counted_exactly(sink, open_bed):
    bed = open_bed()
    sink.behave(reject=2)
    for _ in range(GREETINGS // 10):
        bed.call("Greeter/greet", "Ada").ok()
    metrics.wait_drained(bed.server)
    rejected = metrics.total(bed.server, "everspan_spans_dropped_total", reason="rejected")
    assert rejected == 2 * len(sink.requests()) > 0
    assert metrics.total(bed.server, "everspan_spans_exported_total") + rejected == len(sink.arrivals())
    assert len(sink.arrivals()) == GREETINGS // 10 * SPANS_OF_A_GREETING


def _load_through(bed, crashes: int, crash) -> Load:
    """Runs load through this many crashes, each while work is done."""
    moment = random.Random(7)
    load = Load(bed, CLIENTS).start()
    for _ in range(crashes):
        _let_it_progress(load)
        time.sleep(moment.uniform(*PAUSE_S))
        crash()
    _let_it_progress(load)
    load.finish()
    return load


def _let_it_progress(load: Load):
    goal = load.answered() + PROGRESS
    wait_until(lambda: load.answered() >= goal, PROGRESS_TIMEOUT_S, f"{PROGRESS} more answers")


def _all_arrived_once(bed, sink: Sink, load: Load):
    arrivals = _all_arrived(bed, sink, load)
    assert audit.repeated(arrivals) == []


def _all_arrived(bed, sink: Sink, load: Load) -> list:
    listed = bed.server.admin.get(f"/invocations?limit={LISTED_MAX}").ok()["invocations"]
    metrics.wait_drained(bed.server)
    assert metrics.total(bed.server, "everspan_spans_dropped_total") == 0
    assert bed.server.process.terminate() == 0
    arrivals = sink.arrivals()
    holes = audit.missing(arrivals, load.requests, {one["id"] for one in listed})
    repeated = audit.repeated(arrivals)
    print(f"{len(load.requests)} requests, {len(arrivals)} spans, {len(holes)} holes, {len(repeated)} came twice")
    assert holes == []
    assert audit.repeated_against_the_rules(arrivals) == []
    return arrivals
