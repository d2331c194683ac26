"""The comparison as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.latency.measure import PERCENTILES, Comparison
from bench.machine import describe
from demo.markdown import table

MARK = "make bench-latency"


def cells(comparisons: Sequence[Comparison]) -> Iterator[list[str]]:
    """Yield the headings, then a row for each load: estimate (truth, error)."""
    yield [
        "load",
        "statements logged",
        "counted",
        *(f"P{percentile}" for percentile in PERCENTILES),
    ]
    for comparison in comparisons:
        figures = zip(comparison.estimate, comparison.truth, comparison.errors, strict=True)
        yield [
            comparison.load.title,
            f"{comparison.logged:,}",
            f"{comparison.counted:,}",
            *(
                f"{estimate * 1e3:.3g} ms ({truth * 1e3:.3g}, {error:+.0%})"
                for estimate, truth, error in figures
            ),
        ]


def markdown(comparisons: Sequence[Comparison], machine: Mapping[str, str]) -> str:
    """Return the machine and the table for a page."""
    return f"{describe(machine)}.\n\n{table(list(cells(comparisons)))}"
