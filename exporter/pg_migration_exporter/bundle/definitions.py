"""Definitions: folders of YAML files in which each text is a template."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from jinja2 import Environment, Template

from pg_migration_exporter.bundle.templating import environment


@cache
def definitions(folder: str) -> dict[str, Any]:
    """Return the content of each file of the folder by its name, in the order of the names."""
    found = files("pg_migration_exporter.bundle") / folder
    return {
        file.name.removesuffix(".yaml"): yaml.safe_load(file.read_text(encoding="utf-8"))
        for file in sorted(found.iterdir(), key=lambda file: file.name)
    }


def fill(text: str, context: Mapping[str, Any]) -> str:
    """Return a text of a definition with the context put in."""
    return _template(text).render(context).rstrip("\n")


@cache
def _environment() -> Environment:
    return environment()


@cache
def _template(text: str) -> Template:
    return _environment().from_string(text)
