"""From templates and values to the files of the bundle.

A template `templates/<folder>/<file>.j2` becomes `<folder>/<file>`, a group of alerts
`alerts/<group>/` becomes `alerts/<group>.yaml`, a dashboard `dashboards/<uid>.yaml` becomes
`dashboards/<uid>.json`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pg_migration_exporter.bundle import (
    alert_rules,
    alertmanager,
    fluent_bit,
    prometheus_operator,
)
from pg_migration_exporter.bundle.alert_files import alert_groups
from pg_migration_exporter.bundle.grafana import dashboards
from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.bundle.templating import environment
from pg_migration_exporter.bundle.values_document import values_document
from pg_migration_exporter.bundle.values_schema import values_schema

#: What can be rendered -> its folder of the output, and below templates/.
KINDS = {
    "alerts": "alerts",
    "alertmanager": "deploy/alertmanager",
    "dashboards": "dashboards",
    "fluent-bit": "fluent-bit",
    "kubernetes": "deploy/kubernetes",
    "schema": "schema",
    "opensearch": "opensearch",
}

_SUFFIX = ".j2"


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """One file of the bundle; `path` begins with the folder of its kind, relative to the output."""

    path: str
    text: str


def render(kinds: Iterable[str], values: Values) -> list[RenderedFile]:
    """Return the files of these kinds, in the order of their paths."""
    chosen = frozenset(kinds)
    rendered = [*_templates({KINDS[kind] for kind in chosen}, values)]
    if "alerts" in chosen:
        rendered += _rules(values)
    if "dashboards" in chosen:
        rendered += _dashboards(values)
    if "schema" in chosen:
        rendered += _schema(values)
    return sorted(rendered, key=lambda file: file.path)


def write(
    rendered: Sequence[RenderedFile], out: Path, accept: Callable[[list[Path]], bool]
) -> list[Path]:
    """Write the files below `out`, each atomically, if `accept` returns true.

    `accept` gets complete copies in a folder next to their destination. Returns the paths written,
    none when it refused. Raises OSError.
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


def _templates(folders: set[str], values: Values) -> Iterator[RenderedFile]:
    made = environment()
    made.filters |= {
        "classic": fluent_bit.classic,
        "alertmanager_config": prometheus_operator.alertmanager_config,
        "of_namespace": prometheus_operator.of_namespace,
        "rules": alert_rules.to_yaml,
    }
    context = _context(values)
    for name in made.list_templates(extensions=["j2"]):
        if str(PurePosixPath(name).parent) in folders:
            text = made.get_template(name).render(context, template=f"templates/{name}")
            yield RenderedFile(name.removesuffix(_SUFFIX), text)


def _context(values: Values) -> dict[str, Any]:
    return {
        **values.model_dump(by_alias=True),
        **fluent_bit.context(values.logs),
        "dashboards": dashboards.uids(values),
        "alertmanager_global": alertmanager.global_settings(values.alertmanager.smtp),
        "alertmanager_links": alertmanager.links(values.urls),
        "rule_groups": alert_rules.groups(values),
    }


def _rules(values: Values) -> Iterator[RenderedFile]:
    made = environment()
    made.filters["rules"] = alert_rules.to_yaml
    template = made.get_template("group.jinja")
    files = alert_groups(values.alert_folders)
    for file, group in zip(files, alert_rules.groups(values), strict=True):
        text = template.render(group=group, folder=file.source)
        yield RenderedFile(f"alerts/{file.name}.yaml", text)


def _schema(values: Values) -> Iterator[RenderedFile]:
    folders = values.alert_folders
    yield RenderedFile("schema/values.schema.json", values_schema(folders))
    yield RenderedFile("schema/values.yaml", values_document(folders))


def _dashboards(values: Values) -> Iterator[RenderedFile]:
    for uid, dashboard in dashboards.dashboards(values).items():
        yield RenderedFile(f"dashboards/{uid}.json", dashboards.to_json(dashboard))
