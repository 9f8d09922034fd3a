"""The folder of Jaeger JSON files, read as strictly as a person would wish.

`read` checks each file by itself; `merged` joins the traces of all files. The rules are those by which the Jaeger UI
builds a trace from an uploaded file: ids, process table, references, microseconds, tags that stand for what Jaeger has
no field for.
"""

import json
import pathlib
import re
from collections import Counter

from bed.otlp import Event, Span

NAME = re.compile(r"trace-\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{16}\.json")
HEX_TRACE = re.compile(r"[0-9a-f]{32}")
HEX_SPAN = re.compile(r"[0-9a-f]{16}")
TYPES = {"string": str, "bool": bool, "int64": (int, str), "float64": (int, float, str)}
SPAN_KEYS = {
    "traceID",
    "spanID",
    "operationName",
    "references",
    "startTime",
    "duration",
    "tags",
    "logs",
    "processID",
    "flags",
    "warnings",
}


def files(folder: pathlib.Path) -> list:
    """The files, oldest name first; nothing else may stand in the folder."""
    names = sorted(path.name for path in folder.iterdir())
    assert all(NAME.fullmatch(name) for name in names), names
    return [folder / name for name in names]


def read(path: pathlib.Path) -> list:
    """The traces of one file, each checked."""
    text = path.read_text()
    content = json.loads(text)
    assert set(content) == {"data"} and content["data"], path
    ids = [trace["traceID"] for trace in content["data"]]
    assert len(ids) == len(set(ids)), f"{path} has a trace twice"
    for trace in content["data"]:
        _check_trace(trace)
    return content["data"]


def merged(traces: list) -> dict:
    """Trace id → the trace with the spans of all its parts, each once. Nothing may mean two things."""
    whole = {}
    for part in traces:
        known = whole.setdefault(part["traceID"], {"traceID": part["traceID"], "spans": {}, "processes": {}})
        for id, process in part["processes"].items():
            assert known["processes"].setdefault(id, process) == process, f"process {id} means two things"
        for span in part["spans"]:
            assert known["spans"].setdefault(span["spanID"], span) == span, f"{span} differs from its repetition"
    return {id: trace | {"spans": list(trace["spans"].values())} for id, trace in whole.items()}


def repeated(traces: list) -> list:
    """The ids of the spans that stand in more than one place."""
    ids = Counter((span["traceID"], span["spanID"]) for trace in traces for span in trace["spans"])
    return [id for id, count in ids.items() if count > 1]


def spans(traces) -> list:
    """The spans of Jaeger traces, as those that arrive over OTLP are seen by the stories."""
    return [_span(span, trace["processes"][span["processID"]]) for trace in traces for span in trace["spans"]]


def _check_trace(trace: dict):
    assert HEX_TRACE.fullmatch(trace["traceID"]), trace["traceID"]
    assert trace["spans"], f"{trace['traceID']} has no spans"
    for process in trace["processes"].values():
        assert process["serviceName"], trace["traceID"]
        _check_tags(process["tags"])
    for span in trace["spans"]:
        _check_span(span, trace)


def _check_span(span: dict, trace: dict):
    assert set(span) == SPAN_KEYS, span
    assert span["traceID"] == trace["traceID"] and HEX_SPAN.fullmatch(span["spanID"]), span
    assert span["processID"] in trace["processes"], span
    assert span["operationName"] and isinstance(span["startTime"], int) and span["startTime"] > 0, span
    assert isinstance(span["duration"], int) and span["duration"] >= 0, span
    kinds = [reference["refType"] for reference in span["references"]]
    assert kinds.count("CHILD_OF") <= 1 and set(kinds) <= {"CHILD_OF", "FOLLOWS_FROM"}, span
    _check_tags(span["tags"])
    keys = [tag["key"] for tag in span["tags"]]
    assert len(keys) == len(set(keys)), f"a tag twice: {keys}"
    assert {"span.kind", "otel.scope.name"} <= set(keys), keys
    for log in span["logs"]:
        assert isinstance(log["timestamp"], int), log
        _check_tags(log["fields"])
        assert "event" in {tag["key"] for tag in log["fields"]}, log


def _check_tags(tags: list):
    for tag in tags:
        assert set(tag) == {"key", "type", "value"} and tag["key"], tag
        assert isinstance(tag["value"], TYPES[tag["type"]]), tag


def _span(span: dict, process: dict) -> Span:
    tags = _values(span["tags"])
    parents = [reference for reference in span["references"] if reference["refType"] == "CHILD_OF"]
    links = [reference for reference in span["references"] if reference["refType"] == "FOLLOWS_FROM"]
    assert tags.get("error", False) == (tags.get("otel.status_code") == "ERROR"), tags
    return Span(
        name=span["operationName"],
        trace=span["traceID"],
        id=span["spanID"],
        parent=parents[0]["spanID"] if parents else "",
        kind=tags["span.kind"].upper(),
        status=tags.get("otel.status_code", "UNSET"),
        message=tags.get("otel.status_description", ""),
        tracestate=tags.get("w3c.tracestate", ""),
        start_ns=span["startTime"] * 1000,
        end_ns=(span["startTime"] + span["duration"]) * 1000,
        scope=tags["otel.scope.name"],
        resource=_values(process["tags"]) | {"service.name": process["serviceName"]},
        attributes=tags,
        events=[_event(log) for log in span["logs"]],
        links=[(link["traceID"], link["spanID"]) for link in links],
        flags=span["flags"],
        dropped_events=tags.get("otel.dropped_events_count", 0),
    )


def _event(log: dict) -> Event:
    fields = _values(log["fields"])
    return Event(fields.pop("event"), fields, log["timestamp"] * 1000)


def _values(tags: list) -> dict:
    return {tag["key"]: tag["value"] for tag in tags}
