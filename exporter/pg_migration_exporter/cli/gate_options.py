"""Options of `gate` and `wait`: whom they ask, and for how long."""

from __future__ import annotations

import argparse
from contextlib import AbstractAsyncContextManager

from pg_migration_exporter.cli.options import (
    add_settings_options,
    read_settings,
    read_target,
    read_url,
)
from pg_migration_exporter.config.schema import DEFAULT_TARGET
from pg_migration_exporter.config.value_types import is_url, parse_duration
from pg_migration_exporter.errors import UserError
from pg_migration_exporter.gate.subject import Subject, open_exporter, open_server


def add_subject_options(parser: argparse.ArgumentParser) -> None:
    """Add --config, --dsn, --url and --target."""
    add_settings_options(parser)
    parser.add_argument(
        "--url", metavar="URL", help="ask a running exporter, such as http://localhost:9886"
    )
    parser.add_argument("--target", metavar="NAME", help="a target of the configuration or URL")


def open_subject(options: argparse.Namespace) -> AbstractAsyncContextManager[Subject]:
    """Return the exporter or the server of the options. Raises UserError."""
    if options.url and (options.config or options.dsn):
        raise UserError("--url: not together with --config or --dsn; name one of them")
    if options.url:
        return open_exporter(read_url(options), options.target)
    return open_server(read_settings(options), target_name(options))


def prometheus_url(options: argparse.Namespace) -> str | None:
    """Return the URL of --prometheus, if it is given. Raises UserError."""
    if options.prometheus and not is_url(options.prometheus):
        raise UserError("--prometheus: not an http or https URL; write http://HOST:PORT")
    return options.prometheus or None


def target_name(options: argparse.Namespace) -> str:
    """Return the name of a target of the configuration. Raises ConfigError if there is none."""
    options.target = options.target or DEFAULT_TARGET
    read_target(options)
    return str(options.target)


def seconds(text: str) -> float:
    """Read a duration such as 30s or 15m. Raises ArgumentTypeError."""
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    assert isinstance(found, float)
    return found
