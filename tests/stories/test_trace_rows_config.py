"""The keys of tracing, row by row: each in every form it can be written in, and what it does, seen at a collector."""

import os
import pathlib
import subprocess

import pytest

from bed import metrics, tools
from bed.process import wait_until

FOUR = ["ingress", "invocation-attempt", "invocation-end", "invocation-start"]

# key, a value as TOML, the same as flag or variable, and whether Restate has it
KEYS = [
    ("tracing-endpoint", '"http://127.0.0.1:4311"', "http://127.0.0.1:4311", True),
    ("tracing-services-endpoint", '"http://127.0.0.1:4312"', "http://127.0.0.1:4312", True),
    ("tracing-runtime-endpoint", '"http://127.0.0.1:4313"', "http://127.0.0.1:4313", True),
    ("tracing-json-path", '"/tmp/traces"', "/tmp/traces", True),
    ("tracing-filter", '"warn,everspan.invocation=info"', "warn,everspan.invocation=info", True),
    ("tracing-sampler", '"traceidratio:0.25"', "traceidratio:0.25", False),
    ("tracing-keep", '["failed", "slow:2s"]', "failed,slow:2s", False),
    ("tracing-batch-delay", '"50ms"', "50ms", False),
    ("tracing-queue-size", '"1MiB"', "1MiB", False),
    ("tracing-spool-limit", '"2MiB"', "2MiB", False),
    ("tracing-events-max", "64", "64", False),
    ("tracing-timeout", '"3s"', "3s", False),
    ("tracing-compression", '"gzip"', "gzip", False),
    ("tracing-service-name", '"Shop"', "Shop", False),
]


@pytest.mark.parametrize(("key", "toml", "text", "restate"), KEYS, ids=[row[0] for row in KEYS])
def test_row_key_has_the_same_value_in_every_form(tmp_path, key, toml, text, restate):
    stem = key.upper().replace("-", "_")
    (tmp_path / "everspan.toml").write_text(f"{key} = {toml}\n")
    forms = {
        "file": _dump(key, arguments=["--config-file", str(tmp_path / "everspan.toml")]),
        "flag": _dump(key, arguments=[f"--{key}", text]),
        "variable": _dump(key, environment={f"EVERSPAN_{stem}": text}),
    }
    if restate:
        forms["Restate's variable"] = _dump(key, environment={f"RESTATE_{stem}": text})
    assert len(set(forms.values())) == 1, forms
    assert forms["flag"] not in (None, _dump(key))


def test_row_key_tracing_headers_in_every_form(tmp_path):
    """Each form names the header; no form shows its value."""
    (tmp_path / "everspan.toml").write_text('[tracing-headers]\nx-foo = "secret"\n')
    forms = {
        "file": _dump_all(arguments=["--config-file", str(tmp_path / "everspan.toml")]),
        "flag": _dump_all(arguments=["--tracing-headers", "x-foo=secret"]),
        "variable": _dump_all(environment={"EVERSPAN_TRACING_HEADERS__X_FOO": "secret"}),
        "Restate's variable": _dump_all(environment={"RESTATE_TRACING_HEADERS__X_FOO": "secret"}),
    }
    assert [name for name, dump in forms.items() if "x-foo" not in dump or "secret" in dump] == []


FORMS_OF_THE_ENDPOINT = {
    "file": {"file": 'tracing-endpoint = "{sink}"'},
    "flag": {"arguments": ["--tracing-endpoint", "{sink}"]},
    "variable": {"environment": {"EVERSPAN_TRACING_ENDPOINT": "{sink}"}},
    "restate-variable": {"environment": {"RESTATE_TRACING_ENDPOINT": "{sink}"}},
    "otel-variable": {"environment": {"OTEL_EXPORTER_OTLP_ENDPOINT": "{sink}", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}},
    "otel-traces-variable": {
        "environment": {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "{sink}", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}
    },
}


@pytest.mark.parametrize("form", FORMS_OF_THE_ENDPOINT)
def test_row_tracing_endpoint(new_trial, form):
    trial = new_trial(**FORMS_OF_THE_ENDPOINT[form])
    trial.call("/Greeter/greet", "Ada").ok()
    assert _kinds(trial.stop()) == FOUR


def test_row_tracing_endpoint_none_and_no_span_is_built(new_trial):
    """The client's own context is handed on unchanged."""
    trial = new_trial()
    context = [("traceparent", f"00-{'a' * 32}-{'b' * 16}-01"), ("tracestate", "a=1")]
    for path, body in (("/Greeter/headers", None), ("/Stories/relay", {})):
        seen = trial.call(path, body, context).ok()["attempt"]
        assert (seen["traceparent"], seen["tracestate"]) == (context[0][1], "a=1")
    assert metrics.total(trial.server, "everspan_spans_exported_total") == 0


def test_row_tracing_services_endpoint(new_trial):
    """Takes the invocation spans from `tracing-endpoint`."""
    trial = new_trial({"TRACING_ENDPOINT": "{other}", "TRACING_SERVICES_ENDPOINT": "{sink}"})
    trial.call("/Greeter/greet", "Ada").ok()
    assert _kinds(trial.stop()) == FOUR
    assert [span for span in trial.spans("other") if span.scope == "everspan.invocation"] == []


def test_row_tracing_runtime_endpoint(new_trial):
    """Takes what the runtime reports of itself, and nothing else."""
    trial = new_trial({"TRACING_ENDPOINT": "{sink}", "TRACING_RUNTIME_ENDPOINT": "{other}"})
    trial.call("/Greeter/greet", "Ada").ok()
    assert _kinds(span for span in trial.stop() if span.scope == "everspan.invocation") == FOUR
    assert [span for span in trial.spans("other") if span.scope == "everspan.invocation"] == []


def test_row_tracing_headers(new_trial):
    trial = new_trial({"TRACING_ENDPOINT": "{sink}", "TRACING_HEADERS__AUTHORIZATION": "Bearer token"})
    trial.call("/Greeter/greet", "Ada").ok()
    assert _kinds(trial.stop()) == FOUR
    assert trial.sinks["sink"].headers()["authorization"] == "Bearer token"


FILTERS = {
    "info": FOUR,
    "trace": FOUR,
    "off": [],
    "error": [],
    "everspan=info": FOUR,
    "off,everspan.invocation=info": FOUR,
    "info,everspan.invocation=off": [],
    "off,everspan.invocation[invocation-attempt]=info": ["invocation-attempt"],
    "off,[ingress]=info": ["ingress"],
    "off,[invocation-end{rpc.service=Greeter}]=info": ["invocation-end"],
    "off,[invocation-end{rpc.service=Counter}]=info": [],
}


@pytest.mark.parametrize("directives", FILTERS)
def test_row_tracing_filter(new_trial, directives):
    trial = new_trial({"TRACING_ENDPOINT": "{sink}", "TRACING_FILTER": directives})
    trial.call("/Greeter/greet", "Ada").ok()
    assert _kinds(trial.stop()) == FILTERS[directives]


@pytest.mark.parametrize("directives", ["off", "error"])
def test_row_tracing_filter_hands_on_the_callers_context_when_no_attempt_is_exported(new_trial, directives):
    """A parent that nobody exports would leave the service's spans without a root."""
    trial = new_trial({"TRACING_ENDPOINT": "{sink}", "TRACING_FILTER": directives})
    context = [("traceparent", f"00-{'a' * 32}-{'b' * 16}-01"), ("tracestate", "a=1")]
    seen = trial.call("/Greeter/headers", None, context).ok()["attempt"]
    assert (seen["traceparent"], seen["tracestate"]) == (context[0][1], "a=1")


def test_row_tracing_batch_delay(new_trial):
    """With a long one spans wait together; the end of the server does not wait for it."""
    trial = new_trial({"TRACING_ENDPOINT": "{sink}", "TRACING_BATCH_DELAY": "1m"})
    for _ in range(3):
        trial.call("/Greeter/greet", "Ada").ok()
    wait_until(lambda: metrics.waiting(trial.server) == 3 * len(FOUR), 5, "all spans in the queue")
    assert trial.spans("sink") == []
    assert len(trial.stop()) == 3 * len(FOUR)


def test_row_tracing_batch_delay_is_short_by_default(new_trial):
    """The first span leaves without waiting for more, a long first period, or the end."""
    trial = new_trial({"TRACING_ENDPOINT": "{sink}"})
    trial.call("/Greeter/greet", "Ada").ok()
    wait_until(lambda: _kinds(trial.spans("sink")) == FOUR, 5, "the first spans")


def test_row_tracing_events_max(new_trial):
    trial = new_trial({"TRACING_ENDPOINT": "{sink}", "TRACING_EVENTS_MAX": "2"})
    trial.call("/Counter/k/tour").ok()
    (attempt,) = [span for span in trial.stop() if span.what == "invocation-attempt"]
    types = [event.attributes["restate.journal.command.type"] for event in attempt.events]
    assert (types, attempt.dropped_events) == (["Command/ClearState", "Command/Output"], 3)


def test_row_tracing_json_path(new_trial, tmp_path):
    trial = new_trial({"TRACING_JSON_PATH": str(tmp_path / "traces")})
    trial.call("/Greeter/greet", "Ada").ok()
    trial.stop()
    assert list((tmp_path / "traces").glob("*.json")) != []


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"OTEL_SERVICE_NAME": "Shop"}, {"service.name": "Shop"}),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=Shop,team=a"}, {"service.name": "Shop", "team": "a"}),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=No", "OTEL_SERVICE_NAME": "Shop"}, {"service.name": "Shop"}),
        ({"EVERSPAN_TRACING_SERVICE_NAME": "Shop", "OTEL_SERVICE_NAME": "No"}, {"service.name": "Shop"}),
    ],
)
def test_row_resource_otel_variables(new_trial, environment, expected):
    trial = new_trial({"TRACING_ENDPOINT": "{sink}"}, environment=environment)
    trial.call("/Greeter/greet", "Ada").ok()
    (resource,) = {tuple(sorted(span.resource.items())) for span in trial.stop()}
    assert expected.items() <= dict(resource).items()


TWO_REPORTERS = """
[traces]
{names}
[traces.reporter.all]
factory = "otlp"
endpoint = "{sink}"
[traces.reporter.ends]
factory = "otlp"
endpoint = "{other}"
filter.includes = ["everspan.invocation:invocation-*"]
filter.excludes = ["everspan.invocation:invocation-start,invocation-attempt"]
scope.variables.additional = { region = "eu" }
"""


def test_row_traces_reporters_unset_takes_all(new_trial):
    trial = new_trial(file=TWO_REPORTERS.replace("{names}", ""))
    trial.call("/Greeter/greet", "Ada").ok()
    assert (_kinds(trial.stop()), _kinds(trial.spans("other"))) == (FOUR, ["invocation-end"])


def test_row_traces_reporters(new_trial):
    trial = new_trial(file=TWO_REPORTERS.replace("{names}", 'reporters = ["ends"]'))
    trial.call("/Greeter/greet", "Ada").ok()
    assert (_kinds(trial.stop()), _kinds(trial.spans("other"))) == ([], ["invocation-end"])


def test_row_traces_reporter_filter_includes_and_excludes(new_trial):
    reporter = {
        "TRACES__REPORTER__OTLP__FACTORY": "otlp",
        "TRACES__REPORTER__OTLP__ENDPOINT": "{sink}",
        "TRACES__REPORTER__OTLP__FILTER__INCLUDES": "everspan.*:ingress,invocation-end",
        "TRACES__REPORTER__OTLP__FILTER__EXCLUDES": "*:invocation-end",
    }
    trial = new_trial(reporter)
    trial.call("/Greeter/greet", "Ada").ok()
    assert _kinds(trial.stop()) == ["ingress"]


def test_row_traces_reporter_scope_variables_additional(new_trial):
    """On every span of this reporter, and of no other."""
    trial = new_trial(file=TWO_REPORTERS.replace("{names}", ""))
    trial.call("/Greeter/greet", "Ada").ok()
    assert {span.attributes.get("region") for span in trial.stop()} == {None}
    assert {span.attributes.get("region") for span in trial.spans("other")} == {"eu"}


def test_row_traces_reporter_that_is_away_does_not_hold_up_another(new_trial):
    trial = new_trial(file=TWO_REPORTERS.replace("{names}", ""))
    trial.sinks["other"].stop()
    for _ in range(5):
        trial.call("/Greeter/greet", "Ada").ok()
    wait_until(lambda: len(trial.spans("sink")) == 5 * len(FOUR), 10, "the spans of the reporter that works")
    assert trial.spans("other") == []
    trial.sinks["other"].start()
    wait_until(lambda: _kinds(trial.spans("other")) == ["invocation-end"] * 5, 30, "the spans of the other")


def _kinds(spans) -> list:
    return sorted(span.what for span in spans)


def _dump(key: str, arguments=(), environment=None) -> str | None:
    """The line of this key in the configuration as the server understood it."""
    lines = _dump_all(arguments, environment).splitlines()
    return next((line for line in lines if line.startswith(f"{key} = ")), None)


def _dump_all(arguments=(), environment=None) -> str:
    if tools.server_kind() == "restate":
        pytest.skip("the rows are Everspan's own contract; the oracle does not claim it")
    command = [tools.server_binary(), "--dump-config", *arguments]
    env = {"PATH": os.environ["PATH"]} | (environment or {})
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, cwd=pathlib.Path("/"))
    assert done.returncode == 0, done.stderr
    return done.stdout
