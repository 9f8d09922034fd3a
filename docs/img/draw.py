#!/usr/bin/env python3
"""Draws one trace as an SVG: `docs/img/draw.py spans.jsonl > trace.svg`.

The input is what `otlp-receiver` writes, a span per line; with several traces in it, name one: `draw.py spans.jsonl TRACE_ID`.
`trace.svg` is drawn from `trace.jsonl`, which is an order of `examples/tracing-python`, as it arrived.
"""

import json
import sys
from xml.sax.saxutils import escape

ROW, NAMES, TIMES, MARGIN, TOP = 26, 330, 610, 14, 44
WIDTH = NAMES + TIMES + 200
OWN = "everspan.invocation"
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .page { fill: #ffffff } .stripe { fill: #f3f5f8 } .grid { stroke: #d5dae1 } .tree { stroke: #aab2bd; fill: none }
  .server { fill: #3b6fd4 } .service { fill: #1a9a80 } .failed { fill: #cf3b3b } .event { fill: #1f2328 }
  .wait { stroke: #8b95a3; stroke-width: 2; stroke-dasharray: 2 4 } .note { fill: #5b6573 } .error { fill: #b42323 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e9ee } .page { fill: #14181e } .stripe { fill: #1b2129 } .grid { stroke: #2f3742 } .tree { stroke: #56606d }
    .server { fill: #6d9bf1 } .service { fill: #35c3a5 } .failed { fill: #ee6a6a } .event { fill: #e6e9ee }
    .note { fill: #9aa5b4 } .error { fill: #ff9b9b }
  }"""


def main():
    spans = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8") if line.startswith("{")]
    trace = sys.argv[2] if len(sys.argv) > 2 else spans[0]["trace_id"]
    print(draw([span for span in spans if span["trace_id"] == trace]))


def draw(spans: list) -> str:
    rows = list(tree(spans))
    start, end = min(s["start_ns"] for s in spans), max(s["end_ns"] for s in spans)

    def at(time_ns: int) -> float:
        return round(NAMES + (time_ns - start) / (end - start) * TIMES, 1)

    height = TOP + len(rows) * ROW + 34
    places = {span["span_id"]: TOP + index * ROW for index, (span, _) in enumerate(rows)}
    parts = ['<rect class="page" width="100%" height="100%" rx="6"/>', *stripes(len(rows)), *axis(end - start, height)]
    for span, depth in rows:
        y = places[span["span_id"]]
        parts += [*label(span, depth, y, places.get(span["parent_span_id"], y)), *bar(span, at, y)]
    parts += [*waits(rows, at), *legend(height - 12)]
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    return "\n".join([head, f"<title>{escape(rows[0][0]['name'])}</title>", f"<style>{STYLE}\n</style>", *parts, "</svg>"])


def tree(spans: list):
    """The spans in the order of their tree, each with its depth."""
    known = {span["span_id"] for span in spans}

    def below(parent, depth):
        for span in sorted((s for s in spans if parent(s)), key=lambda s: (s["start_ns"], s["end_ns"])):
            yield span, depth
            yield from below(lambda s, id=span["span_id"]: s["parent_span_id"] == id, depth + 1)

    yield from below(lambda s: s["parent_span_id"] not in known, 0)


def axis(length_ns: int, height: int):
    step = next(ms for ms in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000) if length_ns / 1e6 / ms <= 8)
    for tick in range(int(length_ns / 1e6 / step) + 1):
        x = round(NAMES + tick * step * 1e6 / length_ns * TIMES, 1)
        yield f'<line class="grid" x1="{x}" y1="{TOP - 8}" x2="{x}" y2="{height - 34}"/>'
        yield f'<text class="note" x="{x}" y="{TOP - 16}" text-anchor="middle">{tick * step} ms</text>'


def stripes(rows: int):
    for index in range(0, rows, 2):
        yield f'<rect class="stripe" x="0" y="{TOP + index * ROW}" width="100%" height="{ROW}"/>'


def label(span: dict, depth: int, y: int, y_parent: int):
    x = MARGIN + depth * 13
    if depth:
        yield f'<path class="tree" d="M{x - 9} {y_parent + ROW - 5}V{y + ROW / 2}H{x - 3}"/>'
    yield f'<text x="{x}" y="{y + 17}">{escape(span["name"])}</text>'


def bar(span: dict, at, y: int):
    begin, end = at(span["start_ns"]), at(span["end_ns"])
    kind = "failed" if span["status"]["code"] == "ERROR" else "server" if span["scope"] == OWN else "service"
    yield f'<rect class="{kind}" x="{begin}" y="{y + 6}" width="{max(end - begin, 2)}" height="{ROW - 12}" rx="2"/>'
    for event in span["events"]:
        yield f'<circle class="event" cx="{at(event["time_ns"])}" cy="{y + ROW / 2}" r="2"><title>{escape(event["name"])}</title></circle>'
    room = int((WIDTH - end - 16) / 6.2)
    words = note(span) if len(note(span)) <= room else note(span)[: room - 1] + "…"
    yield f'<text class="{"error" if kind == "failed" else "note"}" x="{end + 8}" y="{y + 17}">{escape(words)}</text>'


def note(span: dict) -> str:
    """How long it took, and what the attributes say of it in a word or two."""
    attributes = span["attributes"]
    words = [duration(span["end_ns"] - span["start_ns"])]
    if "everspan.attempt.number" in attributes:
        number, cause, outcome = (attributes[f"everspan.attempt.{what}"] for what in ("number", "cause", "outcome"))
        words.append(f"#{number} {cause}: {outcome}")
    elif span["status"]["code"] == "ERROR":
        words.append(span["status"]["message"])
    if "restate.invocation.result" in attributes:
        words = [attributes["restate.invocation.result"]]
    return ", ".join(words)


def waits(rows: list, at):
    """A dotted line from the end of each attempt to the next one of its invocation, which links to it."""
    known = {span["span_id"]: span for span, _ in rows}
    for index, (span, _) in enumerate(rows):
        y = TOP + index * ROW
        for before in (known[link["span_id"]] for link in span["links"] if link["span_id"] in known):
            x1, x2 = at(before["end_ns"]), at(span["start_ns"])
            words = "waits " + duration(span["start_ns"] - before["end_ns"])
            yield f'<line class="wait" x1="{x1}" y1="{y + ROW / 2}" x2="{x2 - 3}" y2="{y + ROW / 2}"/>'
            yield f'<text class="note" x="{(x1 + x2) / 2}" y="{y + 8}" text-anchor="middle">{words}</text>'


def duration(ns: int) -> str:
    return f"{ns / 1e6:.0f} ms" if ns >= 1e6 else f"{ns / 1e3:.0f} µs"


def legend(y: int):
    x = MARGIN
    for kind, words in [("server", "Everspan"), ("service", "the service, by its SDK"), ("failed", "status ERROR")]:
        yield f'<rect class="{kind}" x="{x}" y="{y - 10}" width="12" height="12" rx="2"/>'
        yield f'<text class="note" x="{x + 18}" y="{y}">{words}</text>'
        x += 50 + len(words) * 7
    yield f'<circle class="event" cx="{x + 6}" cy="{y - 4}" r="2.5"/><text class="note" x="{x + 18}" y="{y}">event</text>'


if __name__ == "__main__":
    main()
