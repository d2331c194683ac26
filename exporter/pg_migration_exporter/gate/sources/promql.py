"""A check by Prometheus: an instant query whose every series is within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any
from urllib.parse import urlencode

from pg_migration_exporter.gate.check import Finding, failed, passed, unknown
from pg_migration_exporter.gate.sources.get import NoAnswerError, as_json, get
from pg_migration_exporter.gate.sources.model import PromqlSection

_MAX_EVIDENCE = 300


async def ask_prometheus(section: PromqlSection, url: str | None, timeout: float) -> Finding:
    """Query it once; no series, or one without a number, is no answer."""
    if url is None:
        return unknown("no Prometheus is configured: `prometheus` of the profile, or --prometheus")
    address = f"{url.rstrip('/')}/api/v1/query?{urlencode({'query': section.query})}"
    try:
        response = await get(address, timeout)
        values = _values(as_json(response.body))
    except NoAnswerError as error:
        return unknown(str(error))
    if not values or any(map(isnan, values)):
        return unknown("the query returned no series, or one without a number")
    return _judge(section, values)


def _values(answer: Any) -> list[float]:
    """Return the values of the series (Prometheus, "HTTP API"). Raises NoAnswerError."""
    try:
        if answer["status"] != "success":
            raise NoAnswerError(f"Prometheus refuses it: {answer['error']}"[:_MAX_EVIDENCE])
        data = answer["data"]
        if data["resultType"] == "scalar":
            return [float(data["result"][1])]
        return [float(series["value"][1]) for series in data["result"]]
    except (LookupError, TypeError, ValueError):
        raise NoAnswerError("not the answer of a Prometheus to an instant query") from None


def _judge(section: PromqlSection, values: Sequence[float]) -> Finding:
    least, most = min(values), max(values)
    found = f"{least:g}" if least == most else f"{least:g} to {most:g}"
    if section.at_least is not None and least < section.at_least:
        return failed(f"{found}; at least {section.at_least:g} is needed")
    if section.at_most is not None and most > section.at_most:
        return failed(f"{found}; {section.at_most:g} at most")
    return passed(found)
