"""Compares the spans that arrived with what clients were told: nothing may miss, nothing may come twice.

`missing` knows what must be there from three sides: the clients' accepted requests, the admin API's list of
invocations, and the calls that spans speak of.
"""

from collections import Counter, defaultdict

from bed.arrivals import by_identity
from bed.otlp import RUNTIME

ID = "restate.invocation.id"
NUMBER = "everspan.attempt.number"
OUTCOME = "everspan.attempt.outcome"
CALLED = "everspan.call.invocation_id"
INDEX = "everspan.journal.index"
COMMAND = "restate.journal.command.type"


def repeated(arrivals: list) -> list:
    """The arrivals of every span that arrived more than once."""
    return [copies for copies in by_identity(arrivals).values() if len(copies) > 1]


def repeated_against_the_rules(arrivals: list) -> list:
    """After a kill only the request under way may come again: the last one of its connection, byte for byte."""

    def allowed(copies) -> bool:
        return all(copy.last for copy in copies[:-1]) and len({copy.wire for copy in copies}) == 1

    return [copies for copies in repeated(arrivals) if not allowed(copies)]


def missing(arrivals: list, requests: list, listed: set) -> list:
    """Everything that is not whole, in words. All invocations must have ended."""
    return missing_spans([copies[0].span for copies in by_identity(arrivals).values()], requests, listed)


def missing_spans(spans: list, requests: list, listed: set) -> list:
    """As `missing`, of spans without repetitions; what the runtime tells of itself is left aside."""
    spans = [span for span in spans if span.scope != RUNTIME]
    return [
        *_requests_without_ingress(spans, requests),
        *_invocations_with_holes(spans, listed | {one.invocation for one in requests if one.accepted}),
        *_spans_without_parent(spans, {one.span for one in requests}),
    ]


def _requests_without_ingress(spans: list, requests: list):
    ingress = defaultdict(list)
    for span in spans:
        if span.what == "ingress":
            ingress[span.trace].append(span)
    for one in requests:
        found = ingress[one.trace]
        if one.accepted and [span.parent for span in found] != [one.span]:
            yield f"{len(found)} ingress spans of {one}"
        if one.accepted and found and found[0].attributes[ID] != one.invocation:
            yield f"ingress span of {one} is of {found[0].attributes[ID]}"
        if len(found) > 1:
            yield f"{len(found)} ingress spans of {one}"


def _invocations_with_holes(spans: list, known: set):
    of = defaultdict(lambda: defaultdict(list))
    known = set(known)
    for span in spans:
        if span.what != "ingress":
            of[span.attributes[ID]][span.what].append(span)
            known |= {event.attributes[CALLED] for event in span.events if CALLED in event.attributes}
    for id in sorted(known | set(of)):
        for hole in _holes(of[id]):
            yield f"{id}: {hole}"


def _holes(kinds: dict):
    starts, ends = kinds["invocation-start"], kinds["invocation-end"]
    attempts = sorted(kinds["invocation-attempt"], key=lambda span: span.attributes[NUMBER])
    if len(starts) != 1 or len(ends) != 1:
        yield f"{len(starts)} start spans, {len(ends)} end spans, {len(attempts)} attempts"
    numbers = [span.attributes[NUMBER] for span in attempts]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"attempts {numbers}"
    outcomes = [span.attributes[OUTCOME] for span in attempts]
    if outcomes.count("completed") != 1 or outcomes[-1] != "completed":
        yield f"outcomes {outcomes}"
    commands = [event for span in attempts for event in span.events if COMMAND in event.attributes]
    if sum(event.attributes[COMMAND] == "Command/Output" for event in commands) != 1:
        yield f"commands {[event.attributes[COMMAND] for event in commands]}"
    twice = [index for index, count in Counter(event.attributes[INDEX] for event in commands).items() if count > 1]
    if twice:
        yield f"journal entries {twice} are told by two attempts: {outcomes}"


def _spans_without_parent(spans: list, of_clients: set):
    known = {(span.trace, span.id) for span in spans}
    for span in spans:
        whole = not span.parent or (span.trace, span.parent) in known
        if not whole and not (span.what == "ingress" and span.parent in of_clients):
            yield f"{span.name} {span.id} has the parent {span.parent}, which is not there"
