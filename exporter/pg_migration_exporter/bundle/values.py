"""From values files to `Values`: defaults, a preset and the user's file, merged and validated."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.config.problems import read_yaml, validate

_BUNDLE = files("pg_migration_exporter.bundle")
DEFAULTS = _BUNDLE / "values.yaml"
#: Name of an environment of the deployment guide -> what is different there.
PRESETS = {
    name: _BUNDLE / "presets" / f"{name}.yaml" for name in ("staging", "dry-run", "production")
}


def load_values(path: Path | None = None, preset: str | None = None) -> Values:
    """Return the defaults, overridden by a preset of PRESETS, then by the values file at `path`.

    Raises ConfigError naming the file and the path of each bad key.
    """
    content = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))
    if preset:
        content = merge(content, yaml.safe_load(PRESETS[preset].read_text(encoding="utf-8")))
    overrides = read_yaml(path) if path else {}
    return validate(Values, merge(content, overrides), path or "values.yaml")


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over`; where both have a mapping, these are merged."""
    merged = base | over
    for key in base.keys() & over.keys():
        if isinstance(base[key], dict) and isinstance(over[key], dict):
            merged[key] = merge(base[key], over[key])
    return merged
