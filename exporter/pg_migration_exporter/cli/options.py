"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from pg_migration_exporter.config import Settings, load_settings
from pg_migration_exporter.config.schema import DEFAULT_TARGET
from pg_migration_exporter.config.targets import settings_by_target
from pg_migration_exporter.config.value_types import is_url
from pg_migration_exporter.errors import ConfigError, UserError
from pg_migration_exporter.reference.catalogue import TAKEN_NAMES


def add_settings_options(parser: argparse.ArgumentParser) -> None:
    """Add --config and --dsn."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration file (YAML)")
    parser.add_argument(
        "--dsn",
        metavar="DSN",
        help="libpq connection string or URL; default: postgres.dsn of the configuration, or "
        "libpq's environment variables. Other users of the machine can see a password here: use "
        "PGPASSFILE or postgres.password_file instead",
    )


def add_target_option(parser: argparse.ArgumentParser) -> None:
    """Add --target, for commands for one server."""
    parser.add_argument(
        "--target",
        metavar="NAME",
        default=DEFAULT_TARGET,
        help="a target of the configuration; default: the server of `postgres`",
    )


def read_target(options: argparse.Namespace) -> Settings:
    """Return the settings of the target in the options. Raises ConfigError."""
    targets = settings_by_target(read_settings(options))
    if options.target not in targets:
        known = ", ".join(targets)
        raise ConfigError(
            f"--target: there is no target {options.target!r}; the targets are {known}"
        )
    return targets[options.target]


def read_url(options: argparse.Namespace) -> str:
    """Return the URL of --url. Raises UserError, which never quotes a password."""
    if not is_url(options.url):
        raise UserError(
            "--url: not an http or https URL, or one with a user name; write http://HOST:PORT"
        )
    return str(options.url)


def read_settings(options: argparse.Namespace, **overrides: object) -> Settings:
    """Return the settings of the options and their configuration file. Raises ConfigError."""
    return load_settings(options.config, dsn=options.dsn, overrides=overrides, taken=TAKEN_NAMES)
