"""Awakeables, signals, promises: what is completed from elsewhere."""


def test_an_awakeable_is_resolved_from_outside(bed):
    ask = bed.ask()
    invocation = bed.start("awakeable", ask)
    awakeable = bed.world.wait_told(ask["id"])
    assert bed.output(invocation).status == 470
    reply = bed.server.ingress.post(f"/restate/awakeables/{awakeable}/resolve", "the value")
    assert (reply.status, reply.body) == (202, b"")
    assert bed.attach(invocation).ok() == "the value"


def test_an_awakeable_is_resolved_from_a_handler(bed):
    ask = bed.ask()
    invocation = bed.start("awakeable", ask)
    bed.story("resolve", target=bed.world.wait_told(ask["id"]), value="from inside")
    assert bed.attach(invocation).ok() == "from inside"


def test_a_rejected_awakeable_fails_the_invocation(bed):
    ask = bed.ask()
    invocation = bed.start("awakeable", ask)
    _reject(bed, ask, "no luck")
    reply = bed.attach(invocation)
    assert reply.status == 500
    assert reply.json()["message"] == "no luck"


def test_a_rejected_awakeable_can_be_caught(bed):
    ask = bed.ask()
    invocation = bed.start("awakeableCaught", ask)
    _reject(bed, ask, "no luck")
    assert bed.attach(invocation).ok() == "rejected: no luck"


def test_a_signal_arrives(bed):
    ask = bed.ask()
    invocation = bed.start("awaitSignal", ask)
    bed.story("sendSignal", target=bed.world.wait_told(ask["id"]), value="green")
    assert bed.attach(invocation).ok() == "green"


def test_a_timer_wins_against_silence(bed):
    assert bed.story("race", ms=300) == "timeout"


def test_a_workflow_runs_once_and_waits_for_its_promise(bed):
    key = bed.unique()
    first = bed.send(f"Flow/{key}/run", "work")
    assert bed.call(f"Flow/{key}/peek").ok() == ""
    again = bed.send(f"Flow/{key}/run", "other work")
    assert again == {"invocationId": first["invocationId"], "status": "PreviouslyAccepted"}
    assert bed.call(f"Flow/{key}/run", "third").status == 409
    assert bed.server.ingress.get(f"/restate/workflow/Flow/{key}/output").status == 470
    bed.call(f"Flow/{key}/finish", "done").ok()
    assert bed.server.ingress.get(f"/restate/workflow/Flow/{key}/attach").ok() == "work:done"
    assert bed.server.ingress.get(f"/restate/workflow/Flow/{key}/output").ok() == "work:done"
    assert bed.call(f"Flow/{key}/peek").ok() == "done"


def _reject(bed, ask: dict, reason: str):
    awakeable = bed.world.wait_told(ask["id"])
    headers = {"content-type": "text/plain"}
    reply = bed.server.ingress.post(f"/restate/awakeables/{awakeable}/reject", reason.encode(), headers)
    assert reply.status == 202
