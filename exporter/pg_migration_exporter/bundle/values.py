"""From values files to `Values`: the user's file merged over the defaults, then validated."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pg_migration_exporter.bundle.errors import BundleError
from pg_migration_exporter.bundle.schema import Values

DEFAULTS = files("pg_migration_exporter.bundle") / "values.yaml"


def load_values(path: Path | None = None) -> Values:
    """Return the defaults, overridden by the values file at `path`.

    Raises `BundleError` naming the file and the path of each bad key.
    """
    defaults = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))
    overrides = {} if path is None else _read(path)
    try:
        return Values.model_validate(merge(defaults, overrides))
    except ValidationError as error:
        problems = (_explain(problem, defaults) for problem in error.errors())
        raise BundleError("\n".join(f"{path}: {problem}" for problem in problems)) from None


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over`; where both have a mapping, these are merged."""
    merged = base | over
    for key in base.keys() & over.keys():
        if isinstance(base[key], dict) and isinstance(over[key], dict):
            merged[key] = merge(base[key], over[key])
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}; give a readable values file") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise BundleError(f"{path}: not YAML in UTF-8: {reason}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise BundleError(f"{path}: the top level is no mapping; begin with a key such as alerts:")
    return content


def _explain(problem: ErrorDetails, defaults: dict[str, Any]) -> str:
    where = ".".join(str(step) for step in problem["loc"])
    if problem["type"] != "extra_forbidden":
        return f"{where}: {problem['msg'].removeprefix('Value error, ')}"
    known = defaults
    for step in problem["loc"][:-1]:
        known = known[str(step)]
    return f"{where}: unknown key; this place knows {', '.join(known)}"
