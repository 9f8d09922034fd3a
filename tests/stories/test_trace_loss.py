"""No span is lost and none comes twice, whoever dies and however the collector behaves.

The collector here is a process of its own that outlives the server and keeps every request. Load runs meanwhile;
in the end every accepted request and every invocation must have its spans, each once. Only after a kill -9 of the
process that sends may the request under way come again, byte for byte.

The plain cases always have the full measure: 50 × kill -9, 20 × SIGTERM. `EVERSPAN_STORIES_CRASHES` says how often to
kill everywhere (their variations: default 3); from 50 on the collector is away for a minute, too. Run with `-m crash`.
"""

import os
import random
import statistics
import time

import pytest

from bed import audit, metrics, senders
from bed.arrivals import Sink, by_identity
from bed.load import Load
from bed.process import wait_until

pytestmark = [pytest.mark.crash, pytest.mark.timeout(900)]
FULL_MEASURE = 50
PLAIN_KILLS = int(os.environ.get("EVERSPAN_STORIES_CRASHES", FULL_MEASURE))
TERMINATIONS = max(3, PLAIN_KILLS * 2 // 5)
KILLS = int(os.environ.get("EVERSPAN_STORIES_CRASHES", "3"))
AWAY_S = 60 if KILLS >= FULL_MEASURE else 5
SLOW_S, REFUSING_S, ASK_AGAIN_S = AWAY_S / 2, AWAY_S / 2, 0.5
CLIENTS = 24
PROGRESS = CLIENTS
PROGRESS_TIMEOUT_S = 60
PAUSE_S = (0.0, 0.5)
LISTED_MAX = 10_000
PADDING = 64 << 10
GREETINGS = 600
SPANS_OF_A_GREETING = 4
# However slow the machine is: a start waits for the collector's answer, and nobody gives up on it.
PATIENCE = {"TRACING_SENDER_WAIT": "60s", "TRACING_TIMEOUT": "60s"}
SENDERS_END_S = 30
ANSWER_DELAYS_S = (0.2, 1.0)


@pytest.fixture
def sink(tmp_path):
    sink = Sink(tmp_path).start()
    yield sink
    sink.process.kill()


@pytest.fixture
def open_bed(sink, new_bed):
    """Opens a bed whose server exports to the sink."""

    def open_with(**settings):
        own = {"TRACING_ENDPOINT": sink.url, "DEFAULT_RETRY_POLICY__MAX_ATTEMPTS": "1000"} | PATIENCE
        bed = new_bed("rust", own | settings)
        if bed.oracle:
            pytest.skip("the oracle loses spans whenever its collector is away, and when it is terminated")
        return bed

    return open_with


def test_no_span_is_lost_when_the_server_is_terminated_under_load(sink, open_bed):
    bed = open_bed()
    load = _load_through(bed, TERMINATIONS, bed.server.terminate_and_restart)
    _all_arrived_once(bed, sink, load)


def test_no_span_is_lost_and_none_comes_twice_when_the_server_is_killed_under_load(sink, open_bed):
    bed = open_bed()
    load = _load_through(bed, PLAIN_KILLS, bed.server.kill_and_restart)
    _all_arrived_once(bed, sink, load)


@pytest.mark.parametrize("delay_s", ANSWER_DELAYS_S)
def test_no_span_comes_twice_when_the_server_is_killed_with_a_request_under_way(sink, open_bed, delay_s):
    """A collector that answers late has a request most of the time, also when the server dies."""
    bed = open_bed()
    sink.behave(delay_s=delay_s)
    load = _load_through(bed, KILLS, bed.server.kill_and_restart)
    sink.behave()
    _all_arrived_once(bed, sink, load)


def test_no_span_comes_twice_when_the_server_is_killed_while_it_suspends_always(sink, open_bed):
    bed = open_bed(WORKER__INVOKER__INACTIVITY_TIMEOUT="0s")
    load = _load_through(bed, max(3, KILLS // 2), bed.server.kill_and_restart)
    _all_arrived_once(bed, sink, load)


def test_no_span_comes_twice_when_the_server_is_killed_while_it_flushes_all_the_time(sink, open_bed):
    """State that is on disk is not replayed, so its spans must be safe before it is."""
    bed = open_bed(PARTITIONS="1", STATE__FLUSH_SIZE="1MiB")
    load = _load_through(bed, max(3, KILLS // 2), bed.server.kill_and_restart, padding="x" * PADDING)
    _all_arrived_once(bed, sink, load)


def test_no_span_is_lost_when_the_server_dies_while_the_collector_is_away(sink, open_bed):
    """A stop tries once, and leaves what remains on disk."""
    bed = open_bed()
    ends = [bed.server.kill_and_restart, bed.server.terminate_and_restart]
    sink.stop()
    load = _load_through(bed, max(4, KILLS // 5), lambda: ends[0]() or ends.reverse())
    sink.start()
    _all_arrived_once(bed, sink, load)


def test_a_killed_sender_process_costs_no_span_and_repeats_its_request_at_most(sink, open_bed):
    bed = open_bed()
    sink.behave(delay_s=ANSWER_DELAYS_S[0])
    load = _load_through(bed, KILLS, lambda: senders.kill(bed.server))
    sink.behave()
    _all_arrived(bed, sink, load)


def test_both_killed_together_cost_no_span_and_repeat_a_request_at_most(sink, open_bed):
    bed = open_bed()
    sink.behave(delay_s=ANSWER_DELAYS_S[0])
    load = _load_through(bed, KILLS, lambda: senders.kill(bed.server) or bed.server.kill_and_restart())
    sink.behave()
    _all_arrived(bed, sink, load)


def test_without_a_sender_process_a_kill_repeats_a_request_at_most(sink, open_bed):
    bed = open_bed(TRACING_SENDER_PROCESS="false")
    sink.behave(delay_s=ANSWER_DELAYS_S[0])
    load = _load_through(bed, KILLS, bed.server.kill_and_restart)
    sink.behave()
    assert senders.of(bed.server) == []
    _all_arrived(bed, sink, load)


def test_a_collector_that_is_away_slow_or_refusing_costs_no_span(sink, open_bed):
    bed = open_bed()
    load = Load(bed, CLIENTS).start()
    phases = Phases(load)
    phases.measure("collector up", AWAY_S)
    sink.stop()
    phases.measure("collector away", AWAY_S)
    sink.start()
    phases.measure("collector back", AWAY_S / 4)
    sink.behave(delay_s=1)
    phases.measure("collector slow", SLOW_S)
    sink.behave(refuse_for_s=ASK_AGAIN_S)
    phases.measure("collector refusing", REFUSING_S)
    sink.behave()
    load.finish()
    _all_arrived_once(bed, sink, load)
    refused = [request for request in sink.requests() if not request.taken]
    assert 1 <= len(refused) <= REFUSING_S / ASK_AGAIN_S + 2, "RetryInfo says when to ask again"
    print(phases.table())


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"TRACING_QUEUE_SIZE": "64KiB", "TRACING_SPOOL_LIMIT": "256KiB"}, "spool_full"),
        ({"TRACING_QUEUE_SIZE": "64KiB", "TRACING_SPOOL_LIMIT": "0"}, "queue_full"),
    ],
)
def test_what_no_longer_fits_is_dropped_and_counted_exactly(sink, open_bed, settings, reason):
    bed = open_bed(**settings)
    sink.stop()
    for _ in range(GREETINGS):
        bed.call("Greeter/greet", "Ada").ok()
    sink.start()
    metrics.wait_drained(bed.server)
    dropped = metrics.total(bed.server, "everspan_spans_dropped_total")
    arrived = by_identity(sink.arrivals())
    assert dropped > 0 and arrived, f"dropped {dropped}, arrived {len(arrived)}"
    assert metrics.total(bed.server, "everspan_spans_dropped_total", reason=reason) == dropped
    assert metrics.total(bed.server, "everspan_spans_exported_total") == len(arrived) == len(sink.arrivals())
    assert len(arrived) + dropped == GREETINGS * SPANS_OF_A_GREETING


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


class Phases:
    """Times of the load, and how long its requests took in each. Printed, not judged."""

    def __init__(self, load: Load):
        self.load = load
        self.times = {}

    def measure(self, name: str, seconds: float):
        self.times[name] = (time.monotonic(), time.monotonic() + seconds)
        time.sleep(seconds)

    def table(self) -> str:
        return "\n".join(f"{name:<20} {self._quantiles(*times)}" for name, times in self.times.items())

    def _quantiles(self, since: float, until: float) -> str:
        adds = [one for one in self.load.requests if one.path.startswith("/Counter/") and one.accepted]
        took = [one.took_s * 1000 for one in adds if since <= one.began_at < until]
        if len(took) < 2:
            return f"{len(took)} adds"
        cuts = statistics.quantiles(took, n=100)
        return f"{len(took)} adds, p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms"


def _load_through(bed, crashes: int, crash, padding: str = "") -> Load:
    """Runs load through this many crashes, each while work is done."""
    moment = random.Random(7)
    load = Load(bed, CLIENTS, padding).start()
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
    assert metrics.lines(bed.server, "everspan_spans_dropped_total") == []
    assert bed.server.process.terminate() == 0
    wait_until(lambda: senders.of(bed.server) == [], SENDERS_END_S, "no sender process is left")
    arrivals = sink.arrivals()
    holes = audit.missing(arrivals, load.requests, {one["id"] for one in listed})
    repeated = audit.repeated(arrivals)
    print(f"{len(load.requests)} requests, {len(arrivals)} spans, {len(holes)} holes, {len(repeated)} came twice")
    assert holes == []
    assert audit.repeated_against_the_rules(arrivals) == []
    return arrivals
