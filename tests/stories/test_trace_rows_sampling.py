"""`tracing-sampler` and `tracing-keep`, row by row: an invocation is exported whole or not at all."""

import secrets
import time

import pytest

SPANS_OF_A_CALL = ["ingress", "invocation-attempt", "invocation-end", "invocation-start"]
CALLS = 40

# Without a parent, with an unsampled one, with a sampled one.
SAMPLERS = {
    "always_on": (True, True, True),
    "always_off": (False, False, False),
    "parentbased_always_on": (True, False, True),
    "parentbased_always_off": (False, False, True),
    "traceidratio:0": (False, False, False),
    "traceidratio:1": (True, True, True),
    "parentbased_traceidratio:0": (False, False, True),
    "parentbased_traceidratio:1": (True, False, True),
}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_row_tracing_sampler(new_trial, sampler):
    trial = new_trial({"TRACING_ENDPOINT": "{sink}", "TRACING_SAMPLER": sampler})
    _check(trial, SAMPLERS[sampler])


@pytest.mark.parametrize(
    ("name", "argument"),
    [("always_off", None), ("parentbased_always_off", None), ("traceidratio", "0"), ("parentbased_traceidratio", "0")],
)
def test_row_tracing_sampler_otel_traces_sampler(new_trial, name, argument):
    environment = {"OTEL_TRACES_SAMPLER": name} | ({"OTEL_TRACES_SAMPLER_ARG": argument} if argument else {})
    trial = new_trial({"TRACING_ENDPOINT": "{sink}"}, environment=environment)
    _check(trial, SAMPLERS[f"{name}:{argument}" if argument else name])


def test_row_tracing_sampler_default_is_parentbased_always_on(new_trial):
    _check(new_trial({"TRACING_ENDPOINT": "{sink}"}), SAMPLERS["parentbased_always_on"])


@pytest.mark.parametrize("sampler", ["traceidratio:0.5", "parentbased_traceidratio:0.5"])
def test_row_tracing_sampler_ratio_takes_whole_traces(new_trial, sampler):
    """The callee too: the decision is made once for all of the trace."""
    trial = new_trial({"TRACING_ENDPOINT": "{sink}", "TRACING_SAMPLER": sampler})
    for _ in range(CALLS):
        trial.call("/Stories/relay", {}).ok()
    traces = _by_trace(trial.stop())
    assert 0 < len(traces) < CALLS
    callee = SPANS_OF_A_CALL[1:]
    assert {tuple(kinds) for kinds in traces.values()} == {tuple(sorted(SPANS_OF_A_CALL + callee))}


@pytest.mark.parametrize("keep", ["failed", "slow:1s", "failed,slow:1s"])
def test_row_tracing_keep(new_trial, keep):
    """What the sampler would drop is kept whole if it fails or is slow, and nothing else."""
    trial = new_trial({"TRACING_ENDPOINT": "{sink}", "TRACING_SAMPLER": "always_off", "TRACING_KEEP": keep})
    failed = trial.call("/Stories/terminal", {"message": "no", "code": 400}).invocation_id
    slow = trial.call("/Stories/sleep", {"ms": 1100}).invocation_id
    quick = trial.call("/Greeter/greet", "Ada").invocation_id
    kept = ({failed} if "failed" in keep else set()) | ({slow} if "slow" in keep else set())
    spans = trial.stop()
    told = {span.attributes["restate.invocation.id"] for span in spans}
    assert told == kept
    assert quick not in told
    for id in kept:
        kinds = sorted(span.what for span in spans if span.attributes["restate.invocation.id"] == id)
        assert kinds == SPANS_OF_A_CALL


def test_row_tracing_keep_keeps_every_attempt(new_trial):
    settings = {"DEFAULT_RETRY_POLICY__MAX_ATTEMPTS": "3", "DEFAULT_RETRY_POLICY__ON_MAX_ATTEMPTS": "kill"}
    trial = new_trial({"TRACING_ENDPOINT": "{sink}", "TRACING_SAMPLER": "always_off", "TRACING_KEEP": "failed"} | settings)
    reply = trial.call("/Stories/flakyRun", {"world": "http://127.0.0.1:9", "id": "x", "failures": 9, "attempts": 99})
    assert reply.status == 500
    spans = trial.stop()
    assert [span.attributes["everspan.attempt.number"] for span in spans if span.what == "invocation-attempt"] == [1, 2, 3]
    known = {span.id for span in spans}
    assert [span.name for span in spans if span.parent and span.parent not in known] == []


def test_row_end_everspan_attempts_dropped(new_trial):
    """What waits in the state is bounded: of very many attempts the oldest go, and the end says how many."""
    retries = {"MAX_ATTEMPTS": "70", "INITIAL_INTERVAL": "1ms", "MAX_INTERVAL": "1ms", "ON_MAX_ATTEMPTS": "kill"}
    settings = {f"DEFAULT_RETRY_POLICY__{name}": value for name, value in retries.items()}
    trial = new_trial({"TRACING_ENDPOINT": "{sink}", "TRACING_SAMPLER": "always_off", "TRACING_KEEP": "failed"} | settings)
    assert trial.call("/Stories/flaky", {"world": "http://127.0.0.1:9", "id": "x", "failures": 99}).status == 500
    spans = trial.stop()
    numbers = [span.attributes["everspan.attempt.number"] for span in spans if span.what == "invocation-attempt"]
    (end,) = [span for span in spans if span.what == "invocation-end"]
    dropped = end.attributes["everspan.attempts.dropped"]
    assert dropped > 0
    assert numbers == list(range(dropped + 1, 71))


def test_row_tracing_keep_survives_a_crash(new_trial):
    trial = new_trial({"TRACING_ENDPOINT": "{sink}", "TRACING_SAMPLER": "always_off", "TRACING_KEEP": "slow:1s"})
    sent = trial.call("/Stories/sleep/send", {"ms": 1500}).json()["invocationId"]
    time.sleep(0.3)
    trial.server.kill_and_restart()
    assert trial.server.ingress.get(f"/restate/invocation/{sent}/attach").ok() == 1500
    spans = trial.stop()
    kinds = [span.what for span in spans]
    assert {span.attributes["restate.invocation.id"] for span in spans} == {sent}
    assert [kinds.count(what) for what in SPANS_OF_A_CALL] == [1, 2, 1, 1]


def _check(trial, expected: tuple):
    """Calls without and with a parent; what the service was told and what was exported must agree."""
    traces = [secrets.token_hex(16) for _ in range(3)]
    contexts = [[], *([("traceparent", f"00-{trace}-{secrets.token_hex(8)}-{flags}")] for trace, flags in zip(traces[1:], ("00", "01"), strict=True))]
    seen = [trial.call("/Greeter/headers", None, headers).ok()["attempt"]["traceparent"].split("-") for headers in contexts]
    assert tuple(int(flags, 16) & 1 == 1 for _, _, _, flags in seen) == expected
    assert [trace for _, trace, _, _ in seen[1:]] == traces[1:]
    sampled = {trace for (_, trace, _, _), is_sampled in zip(seen, expected, strict=True) if is_sampled}
    exported = _by_trace(trial.stop())
    assert exported == dict.fromkeys(sampled, SPANS_OF_A_CALL)


def _by_trace(spans: list) -> dict:
    traces = {}
    for span in spans:
        traces.setdefault(span.trace, []).append(span.what)
    return {trace: sorted(kinds) for trace, kinds in traces.items()}
