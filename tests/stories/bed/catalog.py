"""The tables of docs/TRACING.md, which are written from the catalog in code."""

import re
from dataclasses import dataclass

from bed.tools import ROOT

PAGE = ROOT / "docs" / "TRACING.md"
NAME = re.compile(r"`([^`]+)`")
PYTHON = {"string": str, "int": int, "double": float, "bool": bool}


@dataclass
class Attribute:
    key: str
    type: type
    on: list
    meaning: str


def attributes(table: str = "attributes") -> list:
    """`attributes` stand on spans (`all`, `ingress`, …), `event-attributes` on events (`new_command`, …)."""
    rows = _rows(table)
    return [Attribute(_name(key), PYTHON[kind], [on.strip(" `") for on in where.split(",")], meaning) for key, kind, where, meaning in rows]


def events() -> list:
    """The names of all events."""
    return [_name(name) for name, *_ in _rows("events")]


def spans() -> list:
    """The first words of all spans' names."""
    return [_name(name).split(" ")[0] for name, *_ in _rows("spans")]


def values(key: str) -> set:
    """The values that the meaning of this attribute lists."""
    (row,) = [row for row in attributes() if row.key == key]
    return set(NAME.findall(row.meaning))


def _rows(table: str) -> list:
    text = PAGE.read_text()
    region = text.split(f"<!-- catalog:{table} -->")[1].split("<!-- end -->")[0]
    lines = [line for line in region.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


def _name(cell: str) -> str:
    return NAME.search(cell)[1]
