"""Options that several subcommands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pg_migration_exporter.config import Settings, load_settings
from pg_migration_exporter.config.schema import DEFAULT_TARGET
from pg_migration_exporter.config.targets import settings_by_target
from pg_migration_exporter.errors import ConfigError, UserError
from pg_migration_exporter.reference.catalogue import TAKEN_NAMES

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Subparsers = argparse._SubParsersAction


def add_settings_options(parser: argparse.ArgumentParser) -> None:
    """Add --config and --dsn."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration file (YAML)")
    parser.add_argument(
        "--dsn",
        metavar="DSN",
        help="libpq connection string or URL of the database; without it postgres.dsn of the "
        "configuration, or libpq's environment variables. A password here is visible to other "
        "users of the machine: prefer PGPASSFILE or postgres.password_file",
    )


def add_target_option(parser: argparse.ArgumentParser) -> None:
    """Add --target, for commands that are about one server."""
    parser.add_argument(
        "--target",
        metavar="NAME",
        default=DEFAULT_TARGET,
        help="one of the targets of the configuration; default: the server of postgres:",
    )


def read_target(options: argparse.Namespace) -> Settings:
    """The settings of the target that the options name. Raises ConfigError."""
    found = settings_by_target(read_settings(options))
    if options.target not in found:
        known = ", ".join(found)
        raise ConfigError(f"--target: there is no target {options.target!r}; known are {known}")
    return found[options.target]


def read_url(options: argparse.Namespace) -> str:
    """The address of an exporter that --url gives.

    Raises UserError; a URL with a password is refused without being repeated.
    """
    try:
        parts = urlsplit(options.url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.username is None
    except ValueError:
        usable = False
    if not usable:
        raise UserError("--url: give an http or https address without user name and password")
    return str(options.url)


def read_settings(options: argparse.Namespace, **overrides: object) -> Settings:
    """The settings that the options ask for. Raises ConfigError."""
    return load_settings(options.config, dsn=options.dsn, overrides=overrides, taken=TAKEN_NAMES)
