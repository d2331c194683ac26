"""From values files to `Values`: defaults, a preset and the user's file, merged and validated."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.config.yaml_file import read_yaml, validate

_BUNDLE = files("pg_migration_exporter.bundle")
DEFAULTS = _BUNDLE / "values.yaml"
#: Name of an environment of the deployment guide -> what is different there.
PRESETS = {
    name: _BUNDLE / "presets" / f"{name}.yaml" for name in ("staging", "dry-run", "production")
}
#: Keys that name folders, relative to the values file.
FOLDERS = ("dashboard_folders",)


def load_values(path: Path | None = None, preset: str | None = None) -> Values:
    """Return the defaults, overridden by a preset of PRESETS, then by the values file at `path`.

    Raises ConfigError naming the file and the path of each bad key.
    """
    content = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))
    if preset:
        content = merge(content, yaml.safe_load(PRESETS[preset].read_text(encoding="utf-8")))
    overrides = _with_absolute_folders(read_yaml(path), path.parent) if path else {}
    return validate(Values, merge(content, overrides), path or "values.yaml")


def _with_absolute_folders(content: dict[str, Any], parent: Path) -> dict[str, Any]:
    """Return the content of a values file in `parent` with the folders that it names made absolute.

    Anything but a list of texts is left to the validation.
    """
    absolute = {
        key: [str(parent.resolve() / name) if isinstance(name, str) else name for name in names]
        for key in FOLDERS
        if isinstance(names := content.get(key), list)
    }
    return content | absolute


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over`; where both have a mapping, these are merged."""
    merged = base | over
    for key in base.keys() & over.keys():
        if isinstance(base[key], dict) and isinstance(over[key], dict):
            merged[key] = merge(base[key], over[key])
    return merged
