"""`ack`: a failure is known; the state need not say so any longer."""

from __future__ import annotations

import argparse

from pg_migration_exporter.cli.options import (
    Subparsers,
    add_settings_options,
    add_target_option,
    read_target,
)
from pg_migration_exporter.collectors.liquibase import LIQUIBASE
from pg_migration_exporter.engine.store import Store
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.postgres.conninfo import describe_server


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "ack",
        help="acknowledge a failed migration",
        description="Tell the running exporter, through its state_directory, that the failure of "
        "the last run is known. The state is then what it would be without that failure.",
    )
    add_settings_options(parser)
    add_target_option(parser)
    parser.add_argument(
        "--changelog",
        metavar="SCHEMA.TABLE",
        default="public.databasechangelog",
        help="as in the label of the metrics; default: public.databasechangelog",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Leave the order for the exporter. Raises ConfigError without a state directory."""
    settings = read_target(options)
    if settings.state_directory is None:
        raise ConfigError(
            "state_directory is not configured: it is how this command reaches the exporter; use "
            "the exporter's own --config"
        )
    store = Store(settings.state_directory, describe_server(settings.postgres))
    if not store.leave_command(LIQUIBASE.name, options.changelog):
        raise ConfigError(f"{settings.state_directory} cannot be written: use the exporter's user")
    print(f"acknowledged: {options.changelog}; the exporter takes it up within seconds")
    return 0
