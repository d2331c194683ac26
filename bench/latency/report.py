"""The comparison as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.latency.measure import PERCENTILES, Comparison
from bench.machine import describe
from demo.markdown import table

MARK = "make bench-latency"


def cells(comparisons: Sequence[Comparison]) -> Iterator[list[str]]:
    """Headings, then a line for each load: estimate (truth, error)."""
    yield ["load", "statements logged", "counted", *(f"P{one}" for one in PERCENTILES)]
    for one in comparisons:
        figures = zip(one.estimate, one.truth, one.errors, strict=True)
        yield [
            one.load.title,
            f"{one.logged:,}",
            f"{one.counted:,}",
            *(
                f"{ours * 1e3:.3g} ms ({truth * 1e3:.3g}, {error:+.0%})"
                for ours, truth, error in figures
            ),
        ]


def markdown(comparisons: Sequence[Comparison], machine: Mapping[str, str]) -> str:
    """The machine and the table for a page."""
    return f"{describe(machine)}.\n\n{table(list(cells(comparisons)))}"
