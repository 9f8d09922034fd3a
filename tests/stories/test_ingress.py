"""What the ingress promises: idempotency, attach and output, and its refusals."""

import time

import pytest

UNKNOWN = "inv_1" + "0" * 33


def test_a_repeat_with_the_same_idempotency_key_is_the_same_invocation(bed):
    key, same = bed.unique(), bed.unique()
    first = bed.call(f"Counter/{key}/add", 1, idempotency_key=same)
    again = bed.call(f"Counter/{key}/add", 1, idempotency_key=same)
    assert (first.ok(), again.ok()) == (1, 1)
    assert first.invocation_id == again.invocation_id
    assert "idempotency-expires" in again.headers
    assert bed.counter(key) == 1
    assert bed.call(f"Counter/{key}/add", 1, idempotency_key=bed.unique()).ok() == 2


def test_a_repeated_send_is_previously_accepted(bed):
    ask, same = bed.ask(n=1), bed.unique()
    first = bed.send("Stories/runs", ask, idempotency_key=same)
    again = bed.send("Stories/runs", ask, idempotency_key=same)
    assert (first["status"], again["status"]) == ("Accepted", "PreviouslyAccepted")
    assert first["invocationId"] == again["invocationId"]
    assert bed.attach(first["invocationId"]).ok() == [1]
    assert bed.world.count(ask["id"]) == 1


def test_a_call_joins_the_send_with_the_same_key(bed):
    same = bed.unique()
    sent = bed.send("Stories/sleep", bed.ask(ms=400), idempotency_key=same)
    joined = bed.call("Stories/sleep", bed.ask(ms=9_000), idempotency_key=same)
    assert (joined.invocation_id, joined.ok()) == (sent["invocationId"], 400)


def test_output_is_470_until_there_is_one(bed):
    ask = bed.ask()
    invocation = bed.start("awakeable", ask)
    awakeable = bed.world.wait_told(ask["id"])
    reply = bed.output(invocation)
    assert (reply.status, reply.json()["source"]) == (470, "ingress")
    bed.server.ingress.post(f"/restate/awakeables/{awakeable}/resolve", "out")
    assert bed.attach(invocation).ok() == "out"
    assert bed.output(invocation).ok() == "out"
    assert bed.attach(invocation).ok() == "out"


def test_an_invocation_is_found_by_its_idempotency_key(bed):
    same = bed.unique()
    bed.send("Stories/sleep", bed.ask(ms=300), idempotency_key=same)
    by_key = f"/restate/invocation/Stories/sleep/{same}"
    assert bed.server.ingress.get(f"{by_key}/attach").ok() == 300
    assert bed.server.ingress.get(f"{by_key}/output").ok() == 300


def test_a_delayed_send_waits(bed):
    key = bed.unique()
    start = time.monotonic()
    sent = bed.send(f"Counter/{key}/add", 1, query="?delay=900ms")
    assert sent["status"] == "Accepted" and "executionTime" in sent
    assert bed.output(sent["invocationId"]).status == 470
    assert bed.attach(sent["invocationId"]).ok() == 1
    assert time.monotonic() - start >= 0.9


def test_the_explicit_verbs_do_the_same(bed):
    ingress, key = bed.server.ingress, bed.unique()
    assert ingress.post("/restate/call/Greeter/greet", "Ada").ok() == "Hello Ada"
    sent = ingress.post(f"/restate/send/Counter/{key}/add", 6).ok()
    assert ingress.get(f"/restate/attach/{sent['invocationId']}").ok() == 6


REFUSALS = {
    "unknown service": ("POST", "/Nobody/greet", 404),
    "unknown handler": ("POST", "/Greeter/nothing", 404),
    "too short a path": ("POST", "/Greeter", 400),
    "too long a path": ("POST", "/Greeter/greet/send/more/and/more", 400),
    "method": ("PUT", "/Greeter/greet", 405),
    "delay on a call": ("POST", "/Greeter/greet?delay=1s", 400),
    "delay nobody can read": ("POST", "/Greeter/greet/send?delay=soon", 400),
    "attach to nothing": ("GET", f"/restate/invocation/{UNKNOWN}/attach", 404),
    "output of nothing": ("GET", f"/restate/invocation/{UNKNOWN}/output", 404),
    "invocation id": ("GET", "/restate/invocation/nonsense/output", 400),
    "awakeable id": ("POST", "/restate/awakeables/nonsense/resolve", 400),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_the_ingress_refuses(bed, case):
    method, path, status = REFUSALS[case]
    body = "Ada" if method in ("POST", "PUT") else None
    reply = bed.server.ingress.request(method, path, body)
    assert reply.status == status, reply.body
    assert reply.json()["code"] == status


def test_a_wrong_content_type_is_refused(bed):
    reply = bed.server.ingress.post("/Greeter/greet", b"Ada", {"content-type": "text/plain"})
    assert reply.status == 400
    assert reply.headers["x-restate-error-source"] == "ingress"


def test_a_workflow_run_takes_no_idempotency_key(bed):
    assert bed.call(f"Flow/{bed.unique()}/run", "work", idempotency_key="k").status == 400


def test_health_names_the_services(bed):
    services = bed.server.ingress.get("/restate/health").ok()["services"]
    assert {"Greeter", "Counter", "Stories", "Flow"} <= set(services)
