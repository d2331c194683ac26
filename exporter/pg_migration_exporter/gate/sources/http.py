"""A check by a web service: status, a value in its JSON, and how long it took."""

from __future__ import annotations

from typing import Any

from pg_migration_exporter.formatting import short_duration
from pg_migration_exporter.gate.check import Finding, failed, passed, unknown
from pg_migration_exporter.gate.sources.get import NoAnswerError, as_json, get
from pg_migration_exporter.gate.sources.model import HttpSection

_MAX_EVIDENCE = 200


async def ask_http(section: HttpSection, timeout: float) -> Finding:
    """Request it once."""
    try:
        response = await get(section.url, timeout)
        if response.status != section.status:
            return failed(f"status {response.status}, not {section.status}")
        if section.within is not None and response.seconds > section.within:
            took, most = short_duration(response.seconds), short_duration(section.within)
            return failed(f"it took {took}, more than {most}")
        found = f"status {response.status} in {short_duration(response.seconds)}"
        if section.json_path is None:
            return passed(found)
        return _compare(section, _at(as_json(response.body), section.json_path))
    except NoAnswerError as error:
        return unknown(str(error))


def _compare(section: HttpSection, value: Any) -> Finding:
    text = f"{section.json_path} is {value!r}"[:_MAX_EVIDENCE]
    is_equal = type(value) is type(section.equals) and value == section.equals
    return passed(text) if is_equal else failed(f"{text}, not {section.equals!r}")


def _at(value: Any, path: str) -> Any:
    """Return the value at a path such as `checks.0.status`. Raises NoAnswerError."""
    for part in path.split("."):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (LookupError, TypeError, ValueError):
            raise NoAnswerError(f"the answer has no {path}") from None
    return value
