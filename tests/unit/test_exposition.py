"""The renderer against prometheus_client's parsers: whatever is rendered reads back the same."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from pg_migration_exporter.metrics.exposition import (
    OPENMETRICS,
    PROMETHEUS,
    Format,
    Renderer,
    choose_format,
)
from pg_migration_exporter.metrics.families import Family, FamilySamples, Histogram

GAUGE = Family("quest_level", "gauge", 'Level, with a \\ and\na "line".', ("name", "zone"))
COUNTER = Family("quests_total", "counter", "Quests.", ("name",))
HISTOGRAM = Family("quest_seconds", "histogram", "Time.", ("name",))

labels = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x85\u2028\u2029"))
numbers = st.one_of(st.floats(allow_nan=False), st.integers(-(2**53), 2**53))


def render(families: list[FamilySamples], to: Format) -> str:
    return Renderer().render(families, to)


def samples_of(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@given(st.dictionaries(st.tuples(labels, labels), numbers, max_size=5))
def test_any_label_and_value_reads_back(values: dict[tuple[str, str], float]) -> None:
    family = FamilySamples(GAUGE, list(values.items()))
    read = samples_of(render([family], PROMETHEUS))
    assert read == {
        (GAUGE.name, frozenset({"name": name, "zone": zone}.items())): value
        for (name, zone), value in values.items()
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "1"), (0, "0"), (0.5, "0.5"), (1e-9, "1e-09"), (math.inf, "+Inf"), (-math.inf, "-Inf")],
)
def test_numbers(value: float, text: str) -> None:
    family = Family("quests", "gauge", "Quests.")
    assert render([FamilySamples(family, [((), value)])], PROMETHEUS).endswith(f"\nquests {text}\n")


def test_nan_is_written_as_prometheus_does() -> None:
    family = Family("quests", "gauge", "Quests.")
    assert "quests NaN\n" in render([FamilySamples(family, [((), math.nan)])], PROMETHEUS)


def test_a_series_appears_once() -> None:
    family = FamilySamples(COUNTER, [(("a",), 1), (("b",), 2), (("a",), 3)])
    assert render([family], PROMETHEUS).count('{name="a"}') == 1


def test_every_page_shows_its_own_samples() -> None:
    """Also where a family's list of samples is the one of the page before."""
    renderer = Renderer()
    family = FamilySamples(COUNTER, [(("a",), 1)])
    for number in (2, 3, 3, 1):
        family.samples[0] = (("a",), number)
        for to in (PROMETHEUS, OPENMETRICS):
            assert renderer.render([family], to).endswith(f'\nquests_total{{name="a"}} {number}\n')
    other = Family(COUNTER.name, "counter", "Other help.", COUNTER.labels)
    assert "Other help." in renderer.render([FamilySamples(other, family.samples)], PROMETHEUS)


def test_targets_do_not_discard_the_texts_of_each_other() -> None:
    """Each of two targets with the same family reuses its own text."""
    targets = {number: Renderer() for number in (1, 2)}

    def page(number: int) -> str:
        family = FamilySamples(COUNTER, [(("a",), number)])
        return targets[number].render_family(family, PROMETHEUS)

    first = {number: page(number) for number in targets}
    assert first[1] != first[2]
    assert all(page(number) is first[number] for number in targets)


def test_bytes_that_are_not_utf8_are_shown_escaped() -> None:
    family = FamilySamples(COUNTER, [((b"\xff".decode("utf-8", "surrogateescape"),), 1)])
    assert r'quests_total{name="\\xff"} 1' in render([family], PROMETHEUS)


def test_a_missing_label_is_empty() -> None:
    family = FamilySamples(COUNTER, [((None,), 1)])  # type: ignore[list-item]
    assert 'quests_total{name=""} 1' in render([family], PROMETHEUS)


def test_histogram_in_both_formats() -> None:
    value = Histogram(((0.05, 1), (1, 3), (math.inf, 4)), 7.5, 4)
    family = FamilySamples(HISTOGRAM, [(("a",), value)])
    expected = {
        ("quest_seconds_bucket", "0.05"): 1,
        ("quest_seconds_bucket", "1.0"): 3,
        ("quest_seconds_bucket", "+Inf"): 4,
        ("quest_seconds_sum", None): 7.5,
        ("quest_seconds_count", None): 4,
    }
    classic = text_string_to_metric_families(render([family], PROMETHEUS))
    modern = openmetrics.text_string_to_metric_families(
        render([family], OPENMETRICS) + OPENMETRICS.end
    )
    for families in (classic, modern):
        [read] = families
        assert {
            (sample.name, sample.labels.get("le")): sample.value for sample in read.samples
        } == expected


def test_openmetrics_names_a_counter_without_its_suffix() -> None:
    page = render([FamilySamples(COUNTER, [(("a",), 1)])], OPENMETRICS) + OPENMETRICS.end
    [read] = openmetrics.text_string_to_metric_families(page)
    assert (read.name, read.type, read.samples[0].name) == ("quests", "counter", "quests_total")


def test_help_is_escaped_for_each_format() -> None:
    for to, parse in (
        (PROMETHEUS, text_string_to_metric_families),
        (OPENMETRICS, openmetrics.text_string_to_metric_families),
    ):
        [read] = parse(render([FamilySamples(GAUGE)], to) + to.end)
        assert read.documentation == GAUGE.help


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", PROMETHEUS),
        ("*/*", PROMETHEUS),
        ("text/plain;version=0.0.4", PROMETHEUS),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", OPENMETRICS),
    ],
)
def test_format_by_accept_header(accept: str, chosen: object) -> None:
    assert choose_format(accept) is chosen


UNFIT: list[tuple[Any, Any, str | None]] = [
    (("a",), 1, 'f{x="a"} 1'),
    ((7,), 2, 'f{x="7"} 2'),
    ((None,), 3, 'f{x=""} 3'),
    (([1],), 4, 'f{x="[1]"} 4'),
    (("decimal",), Decimal("5.5"), 'f{x="decimal"} 5.5'),
    (("huge",), 10**400, 'f{x="huge"} +Inf'),
    (("-huge",), -(10**400), 'f{x="-huge"} -Inf'),
    (("zero",), -0.0, 'f{x="zero"} -0.0'),
    (("nan",), math.nan, 'f{x="nan"} NaN'),
    (("l" * 2000,), 6, 'f{x="' + "l" * 1023 + '…"} 6'),
    (("text",), "seven", None),
    (("null",), None, None),
    (("too", "many"), 8, None),
    ((), 9, None),
]


def test_no_value_costs_more_than_its_own_sample() -> None:
    """Whatever a label or a value is: the others are shown, and the page parses."""
    family = FamilySamples(Family("f", "gauge", "F.", ("x",)))
    family.samples = [(labels, value) for labels, value, _ in UNFIT]
    for to in (PROMETHEUS, OPENMETRICS):
        text = Renderer().render([family], to)
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        assert lines == [line for *_, line in UNFIT if line is not None]
        assert [*text_string_to_metric_families(text)]
