"""From templates and values to the files of the bundle.

The templates use `<< >>` and `<% %>`, because `{{ }}` belongs to the templates of Prometheus inside
them. A template `templates/<folder>/<file>.j2` becomes `<folder>/<file>`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from pg_migration_exporter.bundle import alertmanager, fluent_bit, operator
from pg_migration_exporter.bundle.schema import Values

#: What can be rendered -> its folder, below templates/ and below the output alike.
KINDS = {
    "alerts": "alerts",
    "alertmanager": "deploy/alertmanager",
    "fluent-bit": "fluent-bit",
    "kubernetes": "deploy/kubernetes",
    "opensearch": "opensearch",
}

_SUFFIX = ".j2"


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """One file of the bundle; `path` begins with its kind's folder, relative to the output."""

    path: str
    text: str


def render(kinds: Iterable[str], values: Values) -> list[RenderedFile]:
    """Return the files of these kinds, in the order of their paths."""
    environment = _environment()
    context = _context(values)
    folders = {KINDS[kind] for kind in kinds}
    return [
        RenderedFile(
            path=name.removesuffix(_SUFFIX),
            text=environment.get_template(name).render(context, template=name),
        )
        for name in sorted(environment.list_templates(extensions=["j2"]))
        if str(PurePosixPath(name).parent) in folders
    ]


def write(
    rendered: Sequence[RenderedFile], out: Path, accept: Callable[[list[Path]], bool]
) -> list[Path]:
    """Put the files below `out`, each at once or not at all, if `accept` agrees to them.

    `accept` sees complete copies in a folder beside their destination. Returns the paths written,
    none when it declined. Raises OSError.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".render-", dir=out) as staging:
        targets = {Path(staging, file.path): out / file.path for file in rendered}
        for staged, file in zip(targets, rendered, strict=True):
            staged.parent.mkdir(parents=True, exist_ok=True)
            staged.write_text(file.text, encoding="utf-8")
        if not accept(list(targets)):
            return []
        for staged, target in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            staged.replace(target)
    return list(targets.values())


def _context(values: Values) -> dict[str, Any]:
    """Return what templates see: the values, each alert with its name among them."""
    context = values.model_dump(by_alias=True)
    alerts = context["alerts"].items()
    named = {name: alert | {"name": name} for name, alert in alerts}
    smtp = alertmanager.global_settings(values.alertmanager.smtp)
    return (
        context | fluent_bit.context(values.logs) | {"alerts": named, "alertmanager_global": smtp}
    )


def _environment() -> Environment:
    environment = Environment(
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
    environment.filters |= {
        "yaml": _yaml,
        "json": _json,
        "classic": fluent_bit.classic,
        "alertmanager_config": operator.alertmanager_config,
    }
    return environment


def _plain_number(value: object) -> object:
    """Write 300.0 as 300, as a person would."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _yaml(value: dict[str, Any] | list[Any]) -> str:
    """Return a mapping or a list in YAML's block style, a line for each item, quoted as needed."""
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=float("inf"))
    return text.rstrip("\n")


def _json(value: object) -> str:
    """Return a value in JSON; a text on one line is a string of Lua as well."""
    return json.dumps(value, ensure_ascii=False)
