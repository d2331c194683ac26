"""The environment of the bundle's templates.

They use `<< >>` and `<% %>`, because `{{ }}` belongs to the templates of Prometheus inside them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from promql_parser import parse_duration


def environment() -> Environment:
    """Return the environment; a name that is not defined is an error."""
    made = Environment(
        loader=PackageLoader("pg_migration_exporter.bundle"),
        autoescape=False,  # noqa: S701 - YAML, not HTML; `yaml` below quotes what users write
        undefined=StrictUndefined,
        finalize=_plain_number,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"yaml": _yaml, "json": _json, "seconds": _seconds}
    return made


def fill(text: str, context: Mapping[str, Any]) -> str:
    """Return a text of a file of the bundle, rendered with the context."""
    return _template(text).render(context).rstrip("\n")


@cache
def _environment() -> Environment:
    return environment()


@cache
def _template(text: str) -> Template:
    return _environment().from_string(text)


def _plain_number(value: object) -> object:
    """Write 300.0 as 300, as a person would."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _yaml(value: dict[str, Any] | list[Any]) -> str:
    """Return a mapping or a list in YAML's block style, a line for each item, quoted as needed."""
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=float("inf"))
    return text.rstrip("\n")


def _seconds(duration: str) -> float:
    """Return the seconds of a duration as Prometheus writes it."""
    return parse_duration(duration).total_seconds()


def _json(value: object) -> str:
    """Return a value in JSON; a text on one line is a string of Lua as well."""
    return json.dumps(value, ensure_ascii=False)
