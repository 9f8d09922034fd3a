"""Traces as files for Jaeger (`tracing-json-path`), without any collector: well-formed, and whole once merged.

`EVERSPAN_STORIES_CRASHES` says how often to kill and to terminate (default 3).
"""

import json
import os
import re
import shutil
import subprocess

import pytest

from bed import audit, jaeger, metrics
from bed.load import Load
from bed.otlp import Span
from bed.process import wait_until
from bed.tools import ROOT

CLIENTS = 8
PROGRESS = 3 * CLIENTS
PROGRESS_TIMEOUT_S = 60
KILLS = int(os.environ.get("EVERSPAN_STORIES_CRASHES", "3"))
LISTED_MAX = 10_000
FILES_TIMEOUT_S = 60
WHATS = ("ingress", "invocation-start", "invocation-attempt", "invocation-end")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "not" / "yet" / "traces"


@pytest.fixture
def open_bed(folder, new_bed):
    def open_with(sdk, **settings):
        bed = new_bed(sdk, {"TRACING_JSON_PATH": str(folder), "DEFAULT_RETRY_POLICY__MAX_ATTEMPTS": "1000"} | settings)
        if bed.oracle:
            pytest.skip("the oracle writes no file")
        return bed

    return open_with


def test_a_retried_call_is_told_with_all_that_spans_have(open_bed, folder):
    bed = open_bed("python")
    invocation = bed.call("Stories/flaky", bed.ask(failures=1)).invocation_id
    assert bed.server.process.terminate() == 0
    spans = sorted(_spans(folder).values(), key=lambda span: span.attributes.get("everspan.attempt.number", 0))
    of = {what: [span for span in spans if span.what == what] for what in WHATS}
    (ingress,), (start,), (first, second), (end,) = (of[what] for what in WHATS)
    assert [span.kind for span in (ingress, start, first, end)] == ["SERVER", "CONSUMER", "CLIENT", "INTERNAL"]
    assert [span.parent for span in (ingress, start, first, second, end)] == ["", ingress.id, *3 * [start.id]]
    assert [span.status for span in (start, first, second)] == ["UNSET", "ERROR", "OK"]
    assert "flaky failure 1 of 1" in first.message
    assert second.links == [(first.trace, first.id)]
    (exception,) = [event for event in first.events if event.name == "exception"]
    assert "flaky failure 1 of 1" in exception.attributes["exception.message"]
    for span in spans:
        assert span.attributes["restate.invocation.id"] == invocation
        assert (span.scope, span.resource["service.name"], span.flags & 1) == ("everspan.invocation", "Everspan", 1)
    assert second.attributes["everspan.attempt.number"] == 2
    assert start.start_ns <= first.start_ns <= first.end_ns <= second.start_ns <= second.end_ns <= end.end_ns


def test_every_trace_is_whole_after_terminations_under_load(open_bed, folder):
    bed = open_bed("rust")
    _all_whole(bed, folder, _load_through(bed, bed.server.terminate_and_restart))
    assert jaeger.repeated(_traces(folder)) == []


@pytest.mark.crash
def test_every_trace_is_whole_after_kills_under_load(open_bed, folder):
    bed = open_bed("rust")
    _all_whole(bed, folder, _load_through(bed, bed.server.kill_and_restart))


def test_the_documented_command_merges_all_files_into_one_that_is_whole(open_bed, folder):
    if not shutil.which("jq"):
        pytest.skip("the command is one of jq: apt install jq")
    bed = open_bed("rust", TRACING_BATCH_DELAY="1ms")
    for _ in range(5):
        bed.call("Greeter/greet", "Ada").ok()
    assert bed.server.process.terminate() == 0
    program = re.search(r"^jq -s .*?merged\.json$", (ROOT / "docs" / "TRACING.md").read_text(), re.MULTILINE | re.DOTALL)[0]
    subprocess.run(["sh", "-c", program], cwd=folder.parent, check=True, timeout=60)
    content = json.loads((folder.parent / "merged.json").read_text())["data"]
    expected = jaeger.merged(_traces(folder)).values()
    assert _names(content) == _names(expected) and len(jaeger.files(folder)) > 1


def test_the_oldest_files_go_when_there_are_too_many_bytes(open_bed, folder):
    limits = {"TRACING_JSON_SIZE_LIMIT": "1MiB", "TRACING_JSON_FILE_SIZE": "64KiB", "TRACING_BATCH_DELAY": "1ms"}
    bed = open_bed("rust", **limits)
    first = bed.call("Greeter/greet", "first").invocation_id
    wait_until(lambda: _has_spans_of(folder, first), FILES_TIMEOUT_S, "a file tells of the first call")

    def first_is_gone():
        bed.call("Greeter/greet", "Ada").ok()
        return not _has_spans_of(folder, first)

    wait_until(first_is_gone, FILES_TIMEOUT_S, "the file of the first call is gone", every_s=0.0)
    last = bed.call("Greeter/greet", "last").invocation_id
    assert bed.server.process.terminate() == 0
    assert _has_spans_of(folder, last)
    sizes = [path.stat().st_size for path in jaeger.files(folder)]
    assert sum(sizes) <= 1 << 20 and max(sizes) <= 1 << 16


def _load_through(bed, crash) -> Load:
    load = Load(bed, CLIENTS).start()
    for _ in range(KILLS):
        _let_it_progress(load)
        crash()
    _let_it_progress(load)
    load.finish()
    return load


def _let_it_progress(load: Load):
    goal = load.answered() + PROGRESS
    wait_until(lambda: load.answered() >= goal, PROGRESS_TIMEOUT_S, f"{PROGRESS} more answers")


def _all_whole(bed, folder, load: Load):
    listed = bed.server.admin.get(f"/invocations?limit={LISTED_MAX}").ok()["invocations"]
    metrics.wait_drained(bed.server)
    assert metrics.total(bed.server, "everspan_spans_dropped_total") == 0
    assert bed.server.process.terminate() == 0
    assert len(jaeger.files(folder)) > 1
    spans = _spans(folder)
    assert audit.missing_spans(list(spans.values()), load.requests, {one["id"] for one in listed}) == []


def _traces(folder) -> list:
    return [trace for path in jaeger.files(folder) for trace in jaeger.read(path)]


def _spans(folder) -> dict[tuple, Span]:
    """(trace id, span id) → span, of all files."""
    spans = jaeger.spans(jaeger.merged(_traces(folder)).values())
    return {(span.trace, span.id): span for span in spans}


def _has_spans_of(folder, invocation: str) -> bool:
    texts = (path.read_text() for path in folder.glob("trace-*.json") if path.exists())
    return any(invocation in text for text in texts)


def _names(traces) -> dict:
    return {trace["traceID"]: sorted(span["operationName"] for span in trace["spans"]) for trace in traces}
