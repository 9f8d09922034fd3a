"""The rows are complete: every row of the catalog has a test named after it, and nothing is emitted that is no row."""

import pathlib
import re

import pytest

import test_trace_rows_attributes as of_attributes
from bed import catalog

HERE = pathlib.Path(__file__).parent
TESTS = {name for file in HERE.glob("test_trace_rows_*.py") for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)}


def _words(name: str) -> str:
    return re.sub(r"\W+", "_", name)


ROWS = {
    *(f"{on} {row.key}" for row in catalog.attributes() for on in row.on),
    *(f"{on} {row.key}" for row in catalog.attributes("event-attributes") for on in row.on),
    *(name.split(".")[-1] for name in catalog.events()),
}


@pytest.mark.parametrize("row", sorted(ROWS))
def test_each_row_of_the_catalog_has_a_test_named_after_it(row):
    prefix = f"test_row_{_words(row)}"
    assert [name for name in TESTS if name.startswith(prefix)] != [], f"no test {prefix}…"


@pytest.mark.parametrize("what", catalog.spans())
def test_each_span_of_the_catalog_is_seen(scenes, what):
    assert [span for span in scenes.collector.all() if span.what == what] != []


@pytest.mark.parametrize(
    ("key", "cases"),
    [
        ("everspan.attempt.cause", {cause for causes in of_attributes.CAUSES.values() for cause in causes}),
        ("everspan.attempt.outcome", {outcome for _, outcomes in of_attributes.OUTCOMES.values() for outcome in outcomes}),
    ],
)
def test_each_value_of_the_catalog_has_a_case(key, cases):
    assert catalog.values(key) == cases


def test_every_attribute_that_is_emitted_is_a_row_of_its_span_and_type(scenes):
    rows = {row.key: row for row in catalog.attributes()}
    assert _strangers(scenes, rows, lambda span: [({"all", span.what.removeprefix("invocation-")}, span.attributes)]) == set()
    assert _strangers(scenes, rows, lambda span: [({"resource"}, span.resource)]) == set()


def test_every_event_that_is_emitted_is_a_row(scenes):
    rows = {row.key: row for row in catalog.attributes("event-attributes")}
    assert {event.name for span in scenes.collector.all() for event in span.events} <= set(catalog.events())
    assert _strangers(scenes, rows, lambda span: [({event.name.split(".")[-1]}, event.attributes) for event in span.events]) == set()


def _strangers(scenes, rows: dict, places) -> set:
    """Attributes without a row, in a place that is not the row's, or of another type."""
    return {
        (tuple(sorted(where)), key, type(value).__name__)
        for span in scenes.collector.all()
        for where, attributes in places(span)
        for key, value in attributes.items()
        if key not in rows or not where & set(rows[key].on) or type(value) is not rows[key].type
    }
