"""The audit of spans finds every span that is taken away, and every one that comes twice. Needs no server."""

import dataclasses

import pytest

from bed import audit
from bed.arrivals import Arrival
from bed.load import Request
from bed.otlp import Event, Span

CALLER, CALLEE = "inv_caller", "inv_callee"
REQUEST = Request("trace", "client", "/Stories/call", status=200, invocation=CALLER)


def _span(what: str, id: str, parent: str, invocation: str, more=None, events=()) -> Span:
    attributes = {audit.ID: invocation} | (more or {})
    return Span(f"{what} X/y", "trace", id, parent, "", "", "", "", 0, 0, "", {}, attributes, list(events))


def _attempt(id: str, parent: str, invocation: str, number: int, outcome: str, *commands) -> Span:
    told = {audit.NUMBER: number, audit.OUTCOME: outcome}
    events = [Event("new", {audit.COMMAND: f"Command/{kind}", audit.INDEX: index} | more) for index, kind, more in commands]
    return _span("invocation-attempt", id, parent, invocation, told, events)


SPANS = [
    _span("ingress", "i", "client", CALLER),
    _span("invocation-start", "s", "i", CALLER),
    _attempt("a1", "s", CALLER, 1, "suspended", (1, "Call", {audit.CALLED: CALLEE})),
    _attempt("a2", "s", CALLER, 2, "completed", (3, "Output", {})),
    _span("invocation-end", "e", "s", CALLER),
    _span("invocation-start", "cs", "a1", CALLEE),
    _attempt("ca1", "cs", CALLEE, 1, "completed", (1, "Output", {})),
    _span("invocation-end", "ce", "cs", CALLEE),
]


def _arrivals(spans: list) -> list:
    return [Arrival(number, span, span.id.encode(), last=False) for number, span in enumerate(spans)]


def _missing(spans: list) -> list:
    return audit.missing(_arrivals(spans), [REQUEST], {CALLER})


def test_nothing_is_missing_of_what_is_whole():
    assert _missing(SPANS) == []
    assert audit.repeated(_arrivals(SPANS)) == []


@pytest.mark.parametrize("gone", range(len(SPANS)), ids=lambda n: f"{SPANS[n].what}-{SPANS[n].id}")
def test_each_span_that_is_taken_away_is_missed(gone):
    assert _missing(SPANS[:gone] + SPANS[gone + 1 :]) != []


def test_a_whole_invocation_that_is_taken_away_is_missed():
    assert _missing([span for span in SPANS if span.attributes[audit.ID] != CALLEE]) != []
    assert _missing([]) != []


@pytest.mark.parametrize("twice", range(len(SPANS)))
def test_each_span_that_comes_twice_is_found(twice):
    assert len(audit.repeated(_arrivals([*SPANS, SPANS[twice]]))) == 1


def test_a_journal_entry_that_two_attempts_tell_is_found():
    again = dataclasses.replace(SPANS[3], events=SPANS[3].events + SPANS[2].events)
    assert _missing([*SPANS[:3], again, *SPANS[4:]]) != []


def test_only_the_request_under_way_may_come_again_and_only_byte_for_byte():
    first, again = (Arrival(number, SPANS[0], b"bytes", last=True) for number in (1, 2))
    assert audit.repeated_against_the_rules([first, again]) == []
    assert audit.repeated_against_the_rules([dataclasses.replace(first, last=False), again]) != []
    assert audit.repeated_against_the_rules([first, dataclasses.replace(again, wire=b"others")]) != []
