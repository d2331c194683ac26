"""From values files to `Values`: defaults, a preset and the users' files, merged and validated."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from pg_migration_exporter.bundle.alert_files import alerts_by_name
from pg_migration_exporter.bundle.schema import Values, values_model
from pg_migration_exporter.config.yaml_file import read_yaml, validate

_BUNDLE = files("pg_migration_exporter.bundle")
#: All defaults but those of the alerts, which are in the alerts' files.
DEFAULTS = _BUNDLE / "values.yaml"
#: Name of an environment of the deployment guide -> what is different there.
PRESETS = {
    name: _BUNDLE / "presets" / f"{name}.yaml" for name in ("staging", "dry-run", "production")
}
#: Keys that name folders, relative to the values file; those of several files add up.
FOLDERS = ("alert_folders", "dashboard_folders")


def load_values(*paths: Path, preset: str | None = None) -> Values:
    """Return the defaults, overridden by a preset of PRESETS, then by the values files in order.

    Raises ConfigError naming the file and the path of each bad key.
    """
    content = default_values()
    if preset:
        content = merge(content, yaml.safe_load(PRESETS[preset].read_text(encoding="utf-8")))
    values = _validate(content, "values.yaml")
    for path in paths:
        content = merge(content, _overrides(path, content))
        values = _validate(content, path)
    return values


def default_values() -> dict[str, Any]:
    """Return the defaults, with those of the alerts of the bundle."""
    content: dict[str, Any] = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))
    return content | {"alerts": _alerts(())}


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over`; where both have a mapping, these are merged."""
    merged = base | over
    for key in base.keys() & over.keys():
        if isinstance(base[key], dict) and isinstance(over[key], dict):
            merged[key] = merge(base[key], over[key])
    return merged


def _overrides(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a values file, with the defaults of the alerts that it adds."""
    overrides = _with_folders(read_yaml(path), path.parent.resolve(), content)
    folders = _existing(overrides.get("alert_folders"))
    return merge({"alerts": _alerts(folders) | content["alerts"]}, overrides)


def _with_folders(
    overrides: dict[str, Any], parent: Path, content: dict[str, Any]
) -> dict[str, Any]:
    """Return a values file in `parent` with absolute folders, after those of the files before it.

    Anything but a list of texts is left to the validation.
    """

    def absolute(name: object) -> object:
        return str(parent / name) if isinstance(name, str) else name

    lists = {key: overrides[key] for key in FOLDERS if isinstance(overrides.get(key), list)}
    return overrides | {key: content[key] + [*map(absolute, lists[key])] for key in lists}


def _existing(folders: object) -> tuple[Path, ...]:
    """Return the folders, or none if the validation refuses one."""
    if not isinstance(folders, list) or not all(isinstance(name, str) for name in folders):
        return ()
    paths = tuple(map(Path, folders))
    return paths if all(path.is_dir() for path in paths) else ()


def _alerts(folders: tuple[Path, ...]) -> dict[str, Any]:
    return {name: alert.defaults() for name, alert in alerts_by_name(folders).items()}


def _validate(content: dict[str, Any], source: Path | str) -> Values:
    return validate(values_model(_existing(content["alert_folders"])), content, source)
