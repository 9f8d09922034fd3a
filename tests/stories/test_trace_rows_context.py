"""W3C Trace Context through the server: what comes in, what the service receives, what is exported.

A row is a request's headers and what must become of them. The handler answers the headers it received, those of
its request and those of its attempt.
"""

import secrets
from dataclasses import dataclass

import pytest

from bed import metrics

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED_AND_RANDOM = 0x03
MEMBERS_32 = ",".join(f"k{n}=v{n}" for n in range(32))
LONG = ",".join(f"k{n}={'v' * 120}" for n in range(4)) + ",rest=" + "v" * 19
LONGER = f"{LONG},more={'v' * 200}"
LONGEST = f"{'k' * 256}={'v' * 256}"


@dataclass
class Seen:
    """One request as its attempt saw it."""

    trace: str
    attempt: str
    flags: int
    tracestate: str
    request: dict
    id: str


@pytest.fixture(scope="module")
def ask(scenes):
    """Sends these headers, and tells what the attempt received."""

    def ask(*headers, path: str = "/Greeter/headers", body=None) -> Seen:
        reply = scenes.bed.server.ingress.post(path, body, list(headers))
        seen = reply.ok()
        version, trace, attempt, flags = seen["attempt"]["traceparent"].split("-")
        assert version == "00"
        state = seen["attempt"].get("tracestate", "")
        return Seen(trace, attempt, int(flags, 16), state, seen["request"], reply.invocation_id)

    return ask


# traceparent

CONTINUED = {
    "version 00": ("00-{trace}-{span}-01", 0x01),
    "the random flag is kept": ("00-{trace}-{span}-03", 0x03),
    "unknown flags do no harm": ("00-{trace}-{span}-ff", 0x03),
    "unknown flags alone": ("00-{trace}-{span}-fd", 0x01),
    "a later version": ("01-{trace}-{span}-01", 0x01),
    "a far later version": ("cc-{trace}-{span}-01", 0x01),
    "a later version with more fields": ("cc-{trace}-{span}-01-what-the-future-will-be-like", 0x01),
    "blanks around it": ("  00-{trace}-{span}-01 \t", 0x01),
}


@pytest.mark.parametrize("case", CONTINUED)
def test_row_context_a_valid_traceparent_is_continued(scenes, ask, case):
    header, flags = CONTINUED[case]
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    seen = ask(("traceparent", header.format(trace=trace, span=span)))
    assert (seen.trace, seen.flags & SAMPLED_AND_RANDOM) == (trace, flags)
    ingress = scenes.collector.wait_for(seen.id, "ingress")
    assert (ingress.trace, ingress.parent) == (trace, span)
    assert seen.attempt == scenes.collector.wait_for(seen.id, "invocation-attempt").id


INVALID = {
    "version ff": f"ff-{TRACE}-{SPAN}-01",
    "version 00 with more fields": f"00-{TRACE}-{SPAN}-01-more",
    "version 00 with a dash at the end": f"00-{TRACE}-{SPAN}-01-",
    "a later version that goes on without a dash": f"cc-{TRACE}-{SPAN}-01.what",
    "upper case trace id": f"00-{TRACE.upper()}-{SPAN}-01",
    "upper case span id": f"00-{TRACE}-{SPAN.upper()}-01",
    "upper case version": f"CC-{TRACE}-{SPAN}-01",
    "zero trace id": f"00-{'0' * 32}-{SPAN}-01",
    "zero span id": f"00-{TRACE}-{'0' * 16}-01",
    "short trace id": f"00-{TRACE[1:]}-{SPAN}-01",
    "long trace id": f"00-{TRACE}0-{SPAN}-01",
    "short span id": f"00-{TRACE}-{SPAN[1:]}-01",
    "no flags": f"00-{TRACE}-{SPAN}",
    "short flags": f"00-{TRACE}-{SPAN}-1",
    "flags that are no hex": f"00-{TRACE}-{SPAN}-.0",
    "no hex": f"00-{TRACE[:-1]}g-{SPAN}-01",
    "other separators": f"00_{TRACE}_{SPAN}_01",
    "nothing": "",
    "nonsense": "hello",
    "very long": f"00-{TRACE}-{SPAN}-01" + "-x" * 2000,
}


@pytest.mark.parametrize("case", INVALID)
def test_row_context_an_invalid_traceparent_begins_a_new_trace(scenes, ask, case):
    """Its tracestate goes with it."""
    seen = ask(("traceparent", INVALID[case]), ("tracestate", "vendor=1"))
    assert seen.trace not in (TRACE, "0" * 32)
    assert (seen.flags & 1, seen.tracestate) == (1, "")
    ingress = scenes.collector.wait_for(seen.id, "ingress")
    assert (ingress.trace, ingress.parent, ingress.tracestate) == (seen.trace, "", "")


def test_row_context_without_traceparent_a_trace_of_random_id_begins(ask):
    first, second = ask(), ask()
    assert first.trace != second.trace
    assert first.flags == second.flags == SAMPLED_AND_RANDOM
    assert first.tracestate == ""


def test_row_context_two_traceparents_are_invalid(ask):
    seen = ask(("traceparent", f"00-{TRACE}-{SPAN}-01"), ("traceparent", f"00-{TRACE}-{SPAN[::-1]}-01"))
    assert seen.trace != TRACE


def test_row_context_header_names_have_no_case(ask):
    trace = secrets.token_hex(16)
    assert ask(("TraceParent", f"00-{trace}-{SPAN}-01"), ("TraceState", "a=1")).tracestate == "a=1"


# tracestate

KEPT = {
    "one member": (["foo=1"], "foo=1"),
    "blanks between members": (["foo=1 \t , \t bar=2"], "foo=1,bar=2"),
    "empty members": ([",foo=1,,bar=2,"], "foo=1,bar=2"),
    "several headers are one list": (["foo=1,bar=2", "baz=3"], "foo=1,bar=2,baz=3"),
    "an empty header among others": (["foo=1", "", "bar=2"], "foo=1,bar=2"),
    "keys of many shapes": (["1a_-*/@z=!~,tenant@vendor=1"], "1a_-*/@z=!~,tenant@vendor=1"),
    "32 members": ([MEMBERS_32], MEMBERS_32),
    "512 characters": ([LONG], LONG),
    "the longest key and value": ([LONGEST], LONGEST),
}


@pytest.mark.parametrize("case", KEPT)
def test_row_context_a_valid_tracestate_reaches_the_service_and_every_span(scenes, ask, case):
    headers, kept = KEPT[case]
    trace = secrets.token_hex(16)
    seen = ask(("traceparent", f"00-{trace}-{SPAN}-01"), *(("tracestate", header) for header in headers))
    assert (seen.trace, seen.tracestate) == (trace, kept)
    for what in ("ingress", "invocation-start", "invocation-attempt", "invocation-end"):
        assert scenes.collector.wait_for(seen.id, what).tracestate == kept


DROPPED = {
    "no value": "foo",
    "an upper case key": "FOO=1",
    "a blank in a key": "foo =1",
    "a dot in a key": "foo.bar=1",
    "an empty key": "=1",
    "an equals sign in a value": "foo=bar=baz",
    "a value that is no ASCII": "foo=\xfc",
    "33 members": MEMBERS_32 + ",k32=v32",
    "too long a key": f"{'k' * 257}=1",
    "too long a value": f"foo={'v' * 257}",
}


@pytest.mark.parametrize("case", DROPPED)
def test_row_context_an_invalid_tracestate_is_dropped_and_the_trace_continued(ask, case):
    trace = secrets.token_hex(16)
    seen = ask(("traceparent", f"00-{trace}-{SPAN}-01"), ("tracestate", DROPPED[case]))
    assert (seen.trace, seen.tracestate) == (trace, "")


def test_row_context_an_oversized_tracestate_loses_whole_members_only(ask):
    trace = secrets.token_hex(16)
    kept = ask(("traceparent", f"00-{trace}-{SPAN}-01"), ("tracestate", LONGER)).tracestate.split(",")
    members = LONGER.split(",")
    assert kept == [member for member in members if member in kept]
    assert len(LONGER) > 512
    assert sum(map(len, kept)) + len(kept) - 1 >= 312, "no more is dropped than is needed"


def test_row_context_of_members_with_one_key_one_is_kept(ask):
    trace = secrets.token_hex(16)
    kept = ask(("traceparent", f"00-{trace}-{SPAN}-01"), ("tracestate", "foo=1,bar=2,foo=3")).tracestate
    assert kept in ("foo=1,bar=2", "bar=2,foo=3")


# On to others


def test_row_context_the_request_s_own_headers_reach_the_handler_unchanged(ask):
    trace = secrets.token_hex(16)
    seen = ask(("traceparent", f"00-{trace}-{SPAN}-01"), ("tracestate", "a=1 , b=2"), ("baggage", "who=ada"))
    assert seen.request["traceparent"] == f"00-{trace}-{SPAN}-01"
    assert seen.request["tracestate"] == "a=1 , b=2"
    assert seen.request["baggage"] == "who=ada"


def test_row_context_a_callee_inherits_trace_flags_and_tracestate(scenes, ask):
    trace = secrets.token_hex(16)
    callee = ask(("traceparent", f"00-{trace}-{SPAN}-03"), ("tracestate", "a=1"), path="/Stories/relay", body={})
    assert (callee.trace, callee.flags, callee.tracestate) == (trace, 0x03, "a=1")
    caller = scenes.collector.wait_for(callee.id, "invocation-attempt")
    assert caller.id != callee.attempt


def test_row_context_of_a_one_way_call_is_a_trace_of_its_own(scenes):
    attempt, start = scenes["send"].attempt, scenes["send-target"].start
    assert start.trace != attempt.trace
    assert start.tracestate == ""


# Not sampled


@pytest.mark.parametrize("flags", ["00", "02"])
def test_row_context_an_unsampled_trace_reaches_service_and_callee_and_exports_nothing(scenes, ask, flags):
    trace = secrets.token_hex(16)
    headers = [("traceparent", f"00-{trace}-{SPAN}-{flags}"), ("tracestate", "a=1")]
    seen = ask(*headers)
    callee = ask(*headers, path="/Stories/relay", body={})
    for one in (seen, callee):
        assert (one.trace, one.flags, one.tracestate) == (trace, int(flags, 16), "a=1")
    assert seen.attempt not in (SPAN, "0" * 16), "the context is that of the attempt"
    sent = scenes.bed.send("Stories/send", scenes.bed.ask(key=scenes.bed.unique(), n=1), **dict(headers))["invocationId"]
    target = scenes.bed.attach(sent).ok()
    scenes.bed.attach(target)
    _everything_has_arrived(scenes, ask)
    assert scenes.collector.spans(trace) == []
    ids = {seen.id, callee.id, sent, target}
    assert [span.name for span in scenes.collector.all() if span.attributes["restate.invocation.id"] in ids] == []
    assert [span.name for span in scenes.collector.all() if set(span.trace) == {"0"} or set(span.id) == {"0"}] == []


def test_row_context_survives_a_crash(scenes):
    """It is stored with the invocation: what ran on after the server died is in the same trace, with its state."""
    told = scenes["crashed"]
    assert {(span.trace, span.tracestate) for span in told.spans} == {(scenes.notes["crashed-trace"], "a=1")}


def _everything_has_arrived(scenes, ask):
    metrics.wait_drained(scenes.bed.server)
    scenes.collector.wait_for(ask().id, "invocation-end")
