"""From a file, options and the environment to frozen settings."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from pg_migration_exporter.config.checks import read_checks
from pg_migration_exporter.config.custom_metrics import read_custom_metrics, refuse_taken_names
from pg_migration_exporter.config.problems import Place, read_yaml, validate
from pg_migration_exporter.config.schema import DEFAULT_TARGET, Settings, TargetSection
from pg_migration_exporter.config.user_statement import (
    OneStatement,
    UserStatement,
    refuse_repeated_names,
)
from pg_migration_exporter.errors import ConfigError

#: Either names a server to libpq without a connection string.
LIBPQ_SERVER_VARIABLES = ("PGHOST", "PGHOSTADDR", "PGSERVICE")


def load_settings(
    file: Path | None = None,
    *,
    dsn: str | None = None,
    overrides: dict[str, Any] | None = None,
    taken: Collection[str] = (),
) -> Settings:
    """Read `file`; `dsn` and the top-level `overrides` (from options) win over it.

    `taken` are the names that custom metrics may not have. Raises ConfigError naming the file, the
    line and the path of the key, or the option.
    """
    content = read_yaml(file) if file else {}
    content |= {key: value for key, value in (overrides or {}).items() if value is not None}
    if dsn is not None:
        content["postgres"] = {**(content.get("postgres") or {}), "dsn": dsn}
    settings = validate(Settings, content, file or "options")
    _check_servers(settings, file, "--dsn" if dsn is not None else None)
    if file is not None:
        settings = settings.model_copy(update={"web": settings.web.beside(file.parent)})
    root = Place(file or "options")
    targets = tuple(
        _with_files(target, root.of("targets", number), taken)
        for number, target in enumerate(settings.targets)
    )
    return _with_files(settings, root, taken).model_copy(update={"targets": targets})


_HasStatements = TypeVar("_HasStatements", Settings, TargetSection)


def _with_files(section: _HasStatements, place: Place, taken: Collection[str]) -> _HasStatements:
    """The same with the custom metrics and checks of its files, all names checked."""
    beside = place.source.parent if isinstance(place.source, Path) else Path()
    metrics = _placed(section.custom_metrics or (), place.of("custom_metrics"))
    metrics += read_custom_metrics(section.custom_metrics_files or (), beside)
    refuse_taken_names(metrics, taken)
    checks = _placed(section.checks or (), place.of("checks"))
    checks += read_checks(section.checks_files or (), beside)
    refuse_repeated_names(checks)
    found: dict[str, Sequence[tuple[Place, UserStatement]]] = {
        "custom_metrics": metrics,
        "checks": checks,
    }
    return section.model_copy(
        update={key: tuple(one for _, one in listed) for key, listed in found.items() if listed}
    )


def _placed(given: Iterable[OneStatement], place: Place) -> list[tuple[Place, OneStatement]]:
    return [(place.of(number), one) for number, one in enumerate(given)]


def _check_servers(settings: Settings, file: Path | None, option: str | None) -> None:
    root = Place(file or "options")
    names: set[str] = {DEFAULT_TARGET}
    for number, target in enumerate(settings.targets):
        place = root.of("targets", number)
        if target.name in names:
            raise ConfigError(f"{place.of('name')}: {target.name!r} is taken; rename this target")
        names.add(target.name)
        if target.postgres.dsn is None:
            raise ConfigError(f"{place.of('postgres')}: a target needs a dsn of its own")
        _check_dsn(target.postgres.dsn, str(place.of("postgres", "dsn")))
        if target.pgbouncer is not None and target.pgbouncer.dsn is not None:
            _check_dsn(target.pgbouncer.dsn, str(place.of("pgbouncer", "dsn")))
    if settings.pgbouncer.dsn is not None:
        _check_dsn(settings.pgbouncer.dsn, str(root.of("pgbouncer", "dsn")))
    if settings.postgres.dsn is not None:
        _check_dsn(settings.postgres.dsn, option or str(root.of("postgres", "dsn")))
    elif not settings.targets and not any(map(os.environ.get, LIBPQ_SERVER_VARIABLES)):
        raise ConfigError(
            "no server is named: use --dsn, or postgres.dsn in the configuration file, "
            f"or one of {', '.join(LIBPQ_SERVER_VARIABLES)} in the environment"
        )


def _check_dsn(dsn: SecretStr, source: str) -> None:
    try:
        conninfo_to_dict(dsn.get_secret_value())
    except ProgrammingError:
        # libpq's own message quotes the string, which may hold the password.
        raise ConfigError(
            f"{source}: not a connection string that libpq can read; write "
            "postgresql://USER@HOST:PORT/DATABASE (special characters percent-encoded) or "
            "host=HOST port=PORT dbname=DATABASE user=USER"
        ) from None
