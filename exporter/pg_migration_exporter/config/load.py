"""Reads the settings from a file, options and the environment."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pg_migration_exporter.config.checks import read_checks
from pg_migration_exporter.config.custom_metrics import read_custom_metrics, refuse_taken_names
from pg_migration_exporter.config.dsn import check_dsn
from pg_migration_exporter.config.schema import DEFAULT_TARGET, Settings, TargetSection
from pg_migration_exporter.config.user_statement import (
    StatementT,
    UserStatement,
    refuse_repeated_names,
)
from pg_migration_exporter.config.yaml_file import Location, read_yaml, validate
from pg_migration_exporter.errors import ConfigError

#: Each of them names a server to libpq without a connection string.
LIBPQ_SERVER_VARIABLES = ("PGHOST", "PGHOSTADDR", "PGSERVICE")


def load_settings(
    file: Path | None = None,
    *,
    dsn: str | None = None,
    overrides: dict[str, Any] | None = None,
    taken: Collection[str] = (),
) -> Settings:
    """Read `file`; `dsn` and the top-level `overrides`, from options, replace its values.

    `taken` are names that custom metrics must not use. Raises ConfigError with the file, line and
    key, or the option.
    """
    content = read_yaml(file) if file else {}
    content |= {key: value for key, value in (overrides or {}).items() if value is not None}
    if dsn is not None:
        section = content.get("postgres") or {}
        if isinstance(section, dict):  # else it is refused below
            content["postgres"] = section | {"dsn": dsn}
    settings = validate(Settings, content, file or "options")
    _check_servers(settings, file, "--dsn" if dsn is not None else None)
    if file is not None:
        settings = settings.model_copy(update={"web": settings.web.with_directory(file.parent)})
    root = Location(file or "options")
    targets = tuple(
        _with_files(target, root.child("targets", number), taken)
        for number, target in enumerate(settings.targets)
    )
    return _with_files(settings, root, taken).model_copy(update={"targets": targets})


_HasStatements = TypeVar("_HasStatements", Settings, TargetSection)


def _with_files(
    section: _HasStatements, location: Location, taken: Collection[str]
) -> _HasStatements:
    """Return the section with the custom metrics and checks of its files, all names checked."""
    directory = location.source.parent if isinstance(location.source, Path) else Path()
    metrics = _located(section.custom_metrics or (), location.child("custom_metrics"))
    metrics += read_custom_metrics(section.custom_metrics_files or (), directory)
    refuse_taken_names(metrics, taken)
    checks = _located(section.checks or (), location.child("checks"))
    checks += read_checks(section.checks_files or (), directory)
    refuse_repeated_names(checks)
    found: dict[str, Sequence[tuple[Location, UserStatement]]] = {
        "custom_metrics": metrics,
        "checks": checks,
    }
    return section.model_copy(
        update={
            key: tuple(statement for _, statement in listed)
            for key, listed in found.items()
            if listed
        }
    )


def _located(
    statements: Iterable[StatementT], location: Location
) -> list[tuple[Location, StatementT]]:
    return [(location.child(number), statement) for number, statement in enumerate(statements)]


def _check_servers(settings: Settings, file: Path | None, option: str | None) -> None:
    root = Location(file or "options")
    names: set[str] = {DEFAULT_TARGET}
    for number, target in enumerate(settings.targets):
        location = root.child("targets", number)
        if target.name in names:
            raise ConfigError(
                f"{location.child('name')}: {target.name!r} is taken; rename this target"
            )
        names.add(target.name)
        if target.postgres.dsn is None:
            raise ConfigError(f"{location.child('postgres')}: a target needs its own dsn")
        check_dsn(target.postgres.dsn, str(location.child("postgres", "dsn")))
        if target.pgbouncer is not None:
            check_dsn(target.pgbouncer.dsn, str(location.child("pgbouncer", "dsn")))
    check_dsn(settings.pgbouncer.dsn, str(root.child("pgbouncer", "dsn")))
    check_dsn(settings.reports.dsn, str(root.child("reports", "dsn")))
    check_dsn(settings.postgres.dsn, option or str(root.child("postgres", "dsn")))
    names_a_server = settings.targets or any(map(os.environ.get, LIBPQ_SERVER_VARIABLES))
    if settings.postgres.dsn is None and not names_a_server:
        raise ConfigError(
            "no server is configured: use --dsn, or postgres.dsn in the configuration file, "
            f"or one of {', '.join(LIBPQ_SERVER_VARIABLES)} in the environment"
        )
