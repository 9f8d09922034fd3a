"""The ingress span of a request that is refused: no invocation came of it, and its span says why."""

import secrets
import shutil

import pytest

from bed.process import wait_until

KNOWN, NAMED = "ingress Greeter/greet", "Nobody"

# what is wrong: method, path, headers, body, status; the span's name, if the target is known
REFUSED = {
    "unknown service": ("POST", "/Nobody/greet", {}, b'"Ada"', 404, None),
    "unknown handler": ("POST", "/Greeter/Nobody", {}, b'"Ada"', 404, None),
    "method": ("PUT", "/Greeter/greet", {}, b'"Ada"', 405, None),
    "content type": ("POST", "/Greeter/greet", {"content-type": "text/plain"}, b"Ada", 400, KNOWN),
    "delay": ("POST", "/Greeter/greet/send?delay=soon", {}, b'"Ada"', 400, KNOWN),
    "idempotency key of a workflow": ("POST", "/Flow/Nobody/run", {"idempotency-key": "k"}, b'"x"', 400, "ingress Flow/{key}/run"),
}


@pytest.fixture(scope="module")
def refused(scenes):
    """case → the span of the refused request, the client's span and path, and the message it got."""
    sent, answers = {}, {}
    for case, (method, path, headers, body, status, _) in REFUSED.items():
        trace, span = secrets.token_hex(16), secrets.token_hex(8)
        context = {"traceparent": f"00-{trace}-{span}-01", "tracestate": "a=1", "user-agent": "rows"}
        types = {} if "content-type" in headers else {"content-type": "application/json"}
        reply = scenes.bed.server.ingress.request(method, path, body, context | types | headers)
        assert reply.status == status, (case, reply)
        sent[case], answers[case] = (trace, span, path), reply.json()["message"]
    return {
        case: (_only(scenes.collector, trace), span, path, answers[case]) for case, (trace, span, path) in sent.items()
    }


@pytest.mark.parametrize("case", REFUSED)
def test_row_ingress_refused_http_response_status_code(refused, case):
    ingress, _, _, _ = refused[case]
    assert ingress.attributes["http.response.status_code"] == REFUSED[case][4]


@pytest.mark.parametrize("case", REFUSED)
def test_row_ingress_error_message(refused, case):
    """What the client was told."""
    ingress, _, _, message = refused[case]
    assert ingress.attributes["error.message"] == message


@pytest.mark.parametrize("case", REFUSED)
def test_row_ingress_refused_status_is_unset_on_4xx(refused, case):
    assert refused[case][0].status == "UNSET"


@pytest.mark.parametrize("case", REFUSED)
def test_row_ingress_refused_parent_is_the_incoming_traceparent(refused, case):
    ingress, span, _, _ = refused[case]
    assert (ingress.parent, ingress.tracestate, ingress.kind) == (span, "a=1", "SERVER")


@pytest.mark.parametrize("case", REFUSED)
def test_row_ingress_refused_name_is_of_low_cardinality(refused, case):
    """What a client made up is in the attributes, never in the name."""
    ingress, _, path, _ = refused[case]
    assert ingress.what == "ingress"
    assert NAMED not in ingress.name
    assert REFUSED[case][5] in (None, ingress.name)
    assert ingress.attributes["url.path"] == path.split("?")[0]
    assert ingress.attributes["http.request.method"] == REFUSED[case][0]
    assert ingress.attributes["user_agent.original"] == "rows"


@pytest.mark.parametrize("case", REFUSED)
def test_row_ingress_refused_names_no_invocation(refused, case):
    """There is none, so nobody should find one by its id."""
    assert "restate.invocation.id" not in refused[case][0].attributes


def test_row_ingress_refused_status_is_error_on_5xx(new_trial, tmp_path):
    limit = 1 << 40
    if shutil.disk_usage(tmp_path).free >= limit:
        pytest.skip("more than 1 TiB is free here: the disk cannot be made to look full")
    trial = new_trial({"TRACING_ENDPOINT": "{sink}", "STATE__MIN_FREE_DISK": "1TiB"})
    wait_until(lambda: trial.call("/Greeter/greet", "Ada").status == 503, 10, "the disk counts as full")
    refused = [span for span in trial.stop() if span.attributes.get("http.response.status_code") == 503]
    assert {(span.name, span.status) for span in refused} == {(KNOWN, "ERROR")}


def _only(collector, trace: str):
    wait_until(lambda: collector.spans(trace), 10, "the span of a refused request")
    (ingress,) = collector.spans(trace)
    return ingress
