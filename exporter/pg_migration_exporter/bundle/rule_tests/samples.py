"""Series and their samples in promtool's notation."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby

from promql_parser import VectorSelector, parse

Labels = dict[str, str]


def labels_of(series: str) -> Labels:
    """Return the labels of a series."""
    selector = parse(series)
    assert isinstance(selector, VectorSelector)
    return {matcher.name: matcher.value for matcher in selector.matchers.matchers}


def selector(series: str, more: Labels) -> str:
    """Return the series with more labels."""
    labels = ", ".join(f'{name}="{value}"' for name, value in (more | labels_of(series)).items())
    return f"{series.partition('{')[0]}{{{labels}}}"


def notation(steps: list[str]) -> str:
    """Return a sample for each step: the same number, one that grows, or none."""
    parts, total = [], 0.0
    for step, run in groupby(steps):
        count = len(list(run))
        if step == "_":
            parts.append("stale" if count == 1 else f"stale _x{count - 1}")
        elif step.startswith("+"):
            growth = float(step[1:])
            parts.append(f"{total + growth:.12g}+{step[1:]}x{count - 1}")
            total = round(total + growth * count, 9)
        else:
            parts.append(f"{step}x{count - 1}")
            total = float(step)
    return " ".join(parts)


def lossy(steps: list[str], start: int) -> str:
    """Return the same, with every second sample from `start` on lost; counters grow on."""
    parts, total = [], 0.0
    for index, step in enumerate(steps):
        if step.startswith("+"):
            total = round(total + float(step[1:]), 9)
        elif step != "_":
            total = float(step)
        is_lost = step == "_" or (index >= start and (index - start) % 2 == 1)
        parts.append("stale" if is_lost else f"{total:.12g}")
    return " ".join(parts)


def milliseconds(exact: timedelta) -> str:
    """Return a duration as Prometheus writes it."""
    return f"{exact // timedelta(milliseconds=1)}ms"
