"""Verification that an exporter publishes the metrics that the rules read."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Literal

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from pg_migration_exporter.bundle.rule_metrics import LOGGED, SYNTHETIC, Rule
from pg_migration_exporter.errors import UserError
from pg_migration_exporter.http_client import open_url

#: More than the page of any exporter.
_PAGE_LIMIT_BYTES = 64 * 1024 * 1024
_TIMEOUT_SECONDS = 10
_SERIES_SUFFIXES = {
    "counter": ("", "_total"),
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("", "_sum", "_count"),
}

#: found: has series now. declared: has HELP and TYPE, and series only in a certain state, as during
#: an index build. prometheus: written by Prometheus itself. recorded: by another rule. logs:
#: counted by the log pipeline, on its own page. elsewhere: published by another program.
Status = Literal["found", "declared", "prometheus", "recorded", "logs", "elsewhere", "missing"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether one metric of one rule is published."""

    rule: str
    metric: str
    status: Status
    series: int


def verify(
    rules: Iterable[Rule],
    page: str,
    recorded: Container[str] = (),
    elsewhere: tuple[str, ...] = (),
) -> list[Finding]:
    """Compare the metrics of the rules with a page in Prometheus' text format.

    `recorded`: names of the series that other rules record. `elsewhere`: names of the families that
    other programs may publish.

    Raises UserError when the page is not in this format.
    """
    published = _published(page)

    def status(metric: str) -> Status:
        found = _status(metric, published, recorded)
        return "elsewhere" if found == "missing" and metric.startswith(elsewhere) else found

    return [
        Finding(rule.name, metric, status(metric), published.get(metric, 0))
        for rule in rules
        for metric in rule.metrics()
    ]


def fetch(url: str) -> str:
    """Return the page at an http or https URL. Raises UserError."""
    try:
        with open_url(url, _TIMEOUT_SECONDS, Accept="text/plain") as response:
            page = response.read(_PAGE_LIMIT_BYTES)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise UserError(f"{url}: {reason}; is the exporter running there?") from None
    return page.decode("utf-8", errors="replace")


def _published(page: str) -> dict[str, int]:
    """Return each series name that the page declares, with its number of series."""
    try:
        families = list(text_string_to_metric_families(page))
    except (ValueError, IndexError) as error:  # the parser raises both for broken lines
        raise UserError(f"not a page in Prometheus' text format: {error}") from None
    counts = {name: 0 for family in families for name in _declared(family)}
    for family in families:
        for sample in family.samples:
            counts[sample.name] = counts.get(sample.name, 0) + 1
    return counts


def _declared(family: Metric) -> list[str]:
    return [family.name + suffix for suffix in _SERIES_SUFFIXES.get(family.type, ("",))]


def _status(metric: str, published: dict[str, int], recorded: Container[str]) -> Status:
    if metric in SYNTHETIC:
        return "prometheus"
    if metric in recorded:
        return "recorded"
    if metric in published:
        return "found" if published[metric] else "declared"
    if metric in LOGGED:
        return "logs"
    return "missing"
