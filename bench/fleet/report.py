"""The results as tables and a plot for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.fleet.curves import Curve, Point
from bench.fleet.plot import Line, Panel, draw
from bench.fleet.scraped import FleetResult
from bench.machine import describe
from bench.report import rounded
from demo.markdown import table

MARK = "make bench-fleet"

_MIB = 2**20


def fleet_rows(result: FleetResult) -> list[tuple[str, str]]:
    """Return name and value of each figure of the fleet."""
    cpu, of_servers = (used / result.seconds for used in (result.cpu, result.cpu_of_servers))
    grown = (result.resident - result.resident_before) / result.targets / _MIB
    return [
        ("targets", f"{result.targets}"),
        ("servers that hold them", f"{result.servers}"),
        ("scrapes in the window", f"{result.expected}"),
        ("scrapes lost", f"{result.lost}"),
        ("scrape, p50", f"{rounded(result.percentile(50) * 1e3)} ms"),
        ("scrape, p99", f"{rounded(result.percentile(99) * 1e3)} ms"),
        ("CPU", f"{rounded(cpu * 100)} % of a core"),
        ("CPU for each target", f"{rounded(cpu * 100 / result.targets)} % of a core"),
        ("CPU of the servers", f"{rounded(of_servers * 100)} % of a core"),
        ("memory (RSS), no target asked for yet", f"{rounded(result.resident_before / _MIB)} MiB"),
        ("memory (RSS), all targets", f"{rounded(result.resident / _MIB)} MiB"),
        ("memory for each target", f"{rounded(grown)} MiB"),
        ("connections", f"{result.connections}"),
    ]


def curve_rows(curve: Curve) -> list[list[str]]:
    """Return the headings, then a row for each size."""
    headings = [curve.title, "first scrape", "scrape, p50", "CPU for a scrape"]
    return [
        [*headings, "database time for a scrape", "samples", "memory (RSS)"],
        *([f"{point.size:,}", *_values(point)] for point in curve.points),
    ]


def _values(point: Point) -> list[str]:
    times = (point.first, point.p50, point.cpu, point.database_time)
    return [
        *(f"{rounded(seconds * 1e3)} ms" for seconds in times),
        f"{point.samples:,}",
        f"{rounded(point.resident / _MIB)} MiB",
    ]


def markdown(
    result: FleetResult, curves: Sequence[Curve], machine: Mapping[str, str], picture: str
) -> str:
    """Return the machine, the table of the fleet, the plot, and a table for each curve."""
    fleet = table([["", "one process"], *map(list, fleet_rows(result))])
    tables = "\n\n".join(table(curve_rows(curve)) for curve in curves)
    plot = f"![Cost of a scrape by tables and by statements]({picture})"
    return f"{describe(machine)}.\n\n{fleet}\n\n{plot}\n\n{tables}"


def plot(curves: Sequence[Curve]) -> str:
    """Return the curves as SVG."""
    return draw([_panel(curve) for curve in curves])


def _panel(curve: Curve) -> Panel:
    lines = (
        _line("time (p50)", curve, lambda point: point.p50),
        _line("CPU of the exporter", curve, lambda point: point.cpu),
        _line("time in the database", curve, lambda point: point.database_time),
    )
    return Panel(f"One scrape, by {curve.title}", curve.title, "ms", lines)


def _line(name: str, curve: Curve, seconds: Callable[[Point], float]) -> Line:
    return Line(name, [(point.size, seconds(point) * 1e3) for point in curve.points])
