"""Metric families as text: Prometheus's own format and OpenMetrics.

Rendered straight from the samples, since this is the hot path of a scrape. Prometheus,
"Exposition formats"; OpenMetrics 1.0. A series that would appear twice is written once: a duplicate
makes Prometheus refuse the whole page.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pg_migration_exporter.metrics.families import (
    BUCKET_LABEL,
    Family,
    FamilySamples,
    Histogram,
    Sample,
)

log = logging.getLogger(__name__)

_ESCAPES = {"\\": r"\\", "\n": r"\n", '"': r"\""}
_TO_ESCAPE = re.compile(r'[\\\n"]')
_TO_ESCAPE_IN_HELP = re.compile(r"[\\\n]")


#: Characters of a label value.
_MAX_LABEL = 1024
#: Prometheus reads values as 64-bit floats, and refuses a page with digits that do not fit.
_TOO_LARGE = 10**300


@dataclass(frozen=True, slots=True)
class Format:
    """One of the two text formats."""

    content_type: str
    is_openmetrics: bool

    @property
    def end(self) -> str:
        """The last line of a page."""
        return "# EOF\n" if self.is_openmetrics else ""


PROMETHEUS = Format("text/plain; version=0.0.4; charset=utf-8", is_openmetrics=False)
OPENMETRICS = Format(
    "application/openmetrics-text; version=1.0.0; charset=utf-8", is_openmetrics=True
)


def choose_format(accept: str) -> Format:
    """Return the format for an HTTP Accept header."""
    return OPENMETRICS if "application/openmetrics-text" in accept else PROMETHEUS


@dataclass(frozen=True, slots=True)
class _Rendered:
    """A family and its text."""

    family: FamilySamples
    text: str


class Renderer:
    """Renders the families of one source, such as a target.

    Most families have the same samples on the next page: their text is used again.
    """

    def __init__(self) -> None:
        self._rendered: dict[tuple[str, bool], _Rendered] = {}
        #: Families with samples that cannot be shown, each logged once.
        self._unfit: set[str] = set()

    def render(self, families: Iterable[FamilySamples], to: Format) -> str:
        """Return the text of all families, without the end of the page (`Format.end`)."""
        return "".join(self.render_family(family, to) for family in families)

    def render_family(self, family: FamilySamples, to: Format) -> str:
        """Return the text of one family: HELP and TYPE lines also where it has no samples."""
        declared, samples = family.family, family.samples
        key = (declared.name, to.is_openmetrics)
        latest = self._rendered.get(key)
        if (
            latest is not None
            and latest.family.family is declared
            and latest.family.samples == samples
        ):
            return latest.text
        text = "\n".join([*_header(declared, to), *self._lines(family), ""])
        self._rendered[key] = _Rendered(FamilySamples(declared, [*samples]), text)
        return text

    def _lines(self, family: FamilySamples) -> list[str]:
        """Return a line for each series; a sample that cannot be shown costs itself alone."""
        try:
            return [*_lines(family)]
        except (ArithmeticError, AttributeError, TypeError, ValueError):
            fit, unfit = _coerced(family)
            name = family.family.name
            if unfit and name not in self._unfit:
                self._unfit.add(name)
                log.warning(
                    "%s: %d samples cannot be shown, such as %r", name, len(unfit), unfit[0]
                )
            return [*_lines(fit)]


def _lines(family: FamilySamples) -> Iterator[str]:
    values: dict[str, float] = {}
    for series, value in _series(family):
        values.setdefault(series, value)
    return (f"{series} {_number(value)}" for series, value in values.items())


def _coerced(family: FamilySamples) -> tuple[FamilySamples, list[Sample]]:
    """Return the family with labels as text and values as numbers, and what cannot be."""
    fit, unfit = FamilySamples(family.family), list[Sample]()
    for labels, value in family.samples:
        texts = tuple("" if label is None else str(label) for label in labels)
        sample: Sample = (texts, value if isinstance(value, Histogram) else _as_float(value))
        try:
            _ = [*_lines(FamilySamples(family.family, [sample]))]
        except (ArithmeticError, AttributeError, TypeError, ValueError):
            unfit.append((labels, value))
        else:
            fit.samples.append(sample)
    return fit, unfit


def _as_float(value: Any) -> float:
    """Return a number of any type; of one that is no number, what cannot be rendered."""
    try:
        return value if isinstance(value, int) and abs(value) < _TOO_LARGE else float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError):
        return value  # type: ignore[no-any-return]


def bound_text(bound: float) -> str:
    """Return a bucket's bound as its `le` label.

    The same in both formats, so that a series does not become two.
    """
    return _number(float(bound))


def escape_label(value: str) -> str:
    """Escape a label value, and cut a long one; bytes that are not UTF-8 are shown as \\xff."""
    value = value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if len(value) > _MAX_LABEL:
        value = f"{value[: _MAX_LABEL - 1]}…"
    return _TO_ESCAPE.sub(lambda match: _ESCAPES[match[0]], value)


@lru_cache(maxsize=1024)
def _header(family: Family, to: Format) -> tuple[str, str]:
    name, escaped = family.name, _TO_ESCAPE_IN_HELP
    if to.is_openmetrics:
        escaped = _TO_ESCAPE
        if family.type == "counter":
            name = name.removesuffix("_total")
    text = escaped.sub(lambda match: _ESCAPES[match[0]], family.help)
    return f"# HELP {name} {text}", f"# TYPE {name} {family.type}"


def _series(family: FamilySamples) -> Iterator[tuple[str, float]]:
    declared = family.family
    for labels, value in family.samples:
        if isinstance(value, Histogram):
            yield from _histogram(declared, labels, value)
        else:
            yield _series_name(declared.name, declared.labels, tuple(labels)), value


def _histogram(
    family: Family, labels: Sequence[str], value: Histogram
) -> Iterator[tuple[str, float]]:
    bounds = tuple(bound for bound, _ in value.buckets)
    buckets, sum_, count = _histogram_names(family, tuple(labels), bounds)
    yield from zip(buckets, (count for _, count in value.buckets), strict=True)
    yield sum_, value.sum
    yield count, value.count


# Nearly all series of a page are on the page before: 16,384 are a dozen pages.
_cache_names = lru_cache(maxsize=16_384)


@_cache_names
def _series_name(name: str, labels: Sequence[str], values: tuple[str | None, ...]) -> str:
    return name + _labels(labels, values)


@_cache_names
def _histogram_names(
    family: Family, values: tuple[str, ...], bounds: tuple[float, ...]
) -> tuple[list[str], str, str]:
    names = (*family.labels, BUCKET_LABEL)
    buckets = [
        f"{family.name}_bucket{_labels(names, (*values, bound_text(bound)))}" for bound in bounds
    ]
    own = _labels(family.labels, values)
    return buckets, f"{family.name}_sum{own}", f"{family.name}_count{own}"


def _labels(names: Sequence[str], values: Sequence[str | None]) -> str:
    if not names:
        return ""
    pairs = [
        f'{name}="{escape_label(value or "")}"' for name, value in zip(names, values, strict=True)
    ]
    return "{" + ",".join(pairs) + "}"


def _number(value: float) -> str:
    if isinstance(value, int):
        if abs(value) >= _TOO_LARGE:
            raise ValueError("too large for a sample")
        return str(int(value))  # also a bool
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
