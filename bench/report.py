"""The results as a table, for the terminal and for a Markdown page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from bench.machine import describe
from bench.measure import Result
from demo.markdown import table

MARK = "make bench"

#: Prometheus's usual `scrape_interval` in seconds.
_INTERVAL = 15


@dataclass(frozen=True, slots=True)
class Row:
    """One measure: `value` times `scale` is shown with `unit`."""

    title: str
    value: Callable[[Result], float]
    unit: str = ""
    scale: float = 1
    is_compared: bool = True

    def show(self, result: Result) -> str:
        """Return the value with its unit, for example `1.52 ms`."""
        return f"{rounded(self.value(result) * self.scale)} {self.unit}".rstrip()

    def compare(self, ours: Result, other: Result) -> str:
        """Return the value of `other`, and in brackets that of `ours` divided by it."""
        shown, base = self.show(other), self.value(other)
        if not (self.is_compared and base):
            return shown
        return f"{shown} ({rounded(self.value(ours) / base)})"


def rounded(number: float) -> str:
    """Return three significant digits; integers without a fraction."""
    return f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"


def _scrape(field: str) -> Callable[[Result], float]:
    return lambda result: result.median(
        lambda measured: measured.share(getattr(measured.used, field))
    )


def _sample(field: str) -> Callable[[Result], float]:
    return lambda result: _scrape(field)(result) / result.samples


def _second(field: str) -> Callable[[Result], float]:
    return lambda result: result.rest.share(getattr(result.rest.used, field))


def _core(field: str) -> Callable[[Result], float]:
    """Return the share of a core if scraped at the usual interval."""
    return lambda result: _scrape(field)(result) / _INTERVAL + _second(field)(result)


def _percentile(number: int) -> Callable[[Result], float]:
    return lambda result: result.median(lambda measured: measured.percentile(number))


ROWS = (
    Row("scrape, p50", _percentile(50), "ms", 1e3),
    Row("scrape, p99", _percentile(99), "ms", 1e3),
    Row("samples", lambda result: result.samples, is_compared=False),
    Row("CPU for a scrape", _scrape("cpu"), "ms", 1e3),
    Row("CPU for a sample", _sample("cpu"), "µs", 1e6),
    Row("CPU at rest, each second", _second("cpu"), "ms", 1e3),
    Row(f"CPU, a scrape every {_INTERVAL} s", _core("cpu"), "% of a core", 1e2),
    Row("memory (RSS)", lambda result: result.resident, "MiB", 2**-20),
    Row("database time for a scrape", _scrape("database_time"), "ms", 1e3),
    Row("database time for a sample", _sample("database_time"), "µs", 1e6),
    Row("database time at rest, each second", _second("database_time"), "ms", 1e3),
    Row("statements for a scrape", _scrape("statements")),
    Row("new sessions for a scrape", _scrape("sessions")),
    Row(
        "table locked: answered",
        lambda result: result.under_lock.answered / result.under_lock.scrapes,
        "%",
        100,
        is_compared=False,
    ),
    Row("table locked: longest wait", lambda result: result.under_lock.longest, "s"),
    Row("table locked: connections held", lambda result: result.under_lock.connections),
)


def cells(results: Sequence[Result]) -> Iterator[list[str]]:
    """Yield the rows: headings, then for each measure ours and the others compared with it."""
    ours, *others = results
    yield ["", *(result.contender.title for result in results)]
    for row in ROWS:
        yield [row.title, row.show(ours), *(row.compare(ours, other) for other in others)]


def terminal_table(results: Sequence[Result]) -> Table:
    """Return the table for a terminal."""
    headings, *rows = cells(results)
    table = Table()
    for number, title in enumerate(headings):
        table.add_column(title, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    return table


def markdown(results: Sequence[Result], machine: Mapping[str, str]) -> str:
    """Return the machine and the table for a page."""
    return f"{describe(machine)}.\n\n{table(list(cells(results)))}"
