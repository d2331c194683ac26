"""The context of the templates of Fluent Bit's configuration, and its classic format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from pg_migration_exporter.bundle.log_schema import Logs
from pg_migration_exporter.bundle.saved_objects import saved_objects
from pg_migration_exporter.logs import fields
from pg_migration_exporter.logs import log_metrics as metrics
from pg_migration_exporter.logs.formats import TIME_FORMAT, formats


def context(logs: Logs) -> dict[str, Any]:
    """Return the names that the templates use in addition to the values."""
    return {
        "formats": formats(logs.postgresql.log_line_prefix),
        "integers": fields.INTEGERS,
        "mapping": fields.MAPPING,
        "time_format": TIME_FORMAT,
        "log_metrics": metrics.METRICS,
        "value_field": metrics.VALUE_FIELD,
        "saved_objects": saved_objects,
        "authorities": _authorities(logs),
    }


def _authorities(logs: Logs) -> dict[str, str]:
    """Return the files of authorities that Fluent Bit reads, by their keys in the Secret."""
    files = {"ca.crt": logs.output.ca_file}
    if logs.exporter.enabled and logs.exporter.ca_file != logs.output.ca_file:
        files["exporter-ca.crt"] = logs.exporter.ca_file
    return {key: file for key, file in files.items() if file is not None}


# --- the classic format -----------------------------------------------------------------------

_SECTIONS = {
    "inputs": "INPUT",
    "filters": "FILTER",
    "outputs": "OUTPUT",
    "parsers": "PARSER",
    "multiline_parsers": "MULTILINE_PARSER",
}


def classic(text: str) -> str:
    """Return a YAML configuration in the classic format. Fluent Bit, "Format and Schema"."""
    document = yaml.safe_load(text)
    return "\n".join(_sections(document | document.get("pipeline", {})))


def _sections(document: dict[str, Any]) -> Iterator[str]:
    if "service" in document:
        service = document["service"]
        classic_parsers = service["parsers_file"].replace(".yaml", ".conf")
        yield _section("SERVICE", service | {"parsers_file": classic_parsers})
    for key, name in _SECTIONS.items():
        for properties in document.get(key, []):
            yield _section(name, properties)


def _section(name: str, properties: dict[str, Any]) -> str:
    lines = [f"    {key} {value}" for key, value in _properties(properties)]
    return "\n".join([f"[{name}]", *lines, ""])


def _properties(properties: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield keys and values; a list of YAML becomes a key that is repeated."""
    for key, value in properties.items():
        if key == "rules":
            yield from (("rule", _rule(rule)) for rule in value)
        elif isinstance(value, list):
            yield from ((key, str(item)) for item in value)
        elif isinstance(value, bool):
            yield key, "on" if value else "off"
        else:
            yield key, str(value)


def _rule(rule: dict[str, str]) -> str:
    parts = (rule["state"], rule["regex"], rule["next_state"])
    return " ".join('"{}"'.format(part.replace('"', r"\"")) for part in parts)
