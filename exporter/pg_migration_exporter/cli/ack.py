"""`ack`: acknowledge a failure, so that the state no longer reports it."""

from __future__ import annotations

import argparse

from pg_migration_exporter.cli.options import (
    add_settings_options,
    add_target_option,
    read_target,
)
from pg_migration_exporter.collectors.liquibase import LIQUIBASE
from pg_migration_exporter.engine.store import Store
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.postgres.conninfo import describe_server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Acknowledge the failure of the last run. The command reaches the running exporter through "
        "its state_directory. The state is then the one without that failure."
    )
    add_settings_options(parser)
    add_target_option(parser)
    parser.add_argument(
        "--changelog",
        metavar="SCHEMA.TABLE",
        default="public.databasechangelog",
        help="as in the label `changelog`; default: public.databasechangelog",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Leave the command for the exporter. Raises ConfigError without a state directory."""
    settings = read_target(options)
    if settings.state_directory is None:
        raise ConfigError(
            "state_directory is not configured, but this command needs it to reach the exporter; "
            "use the exporter's --config"
        )
    store = Store(settings.state_directory, describe_server(settings.postgres))
    if not store.leave_command(LIQUIBASE.name, options.changelog):
        raise ConfigError(
            f"{settings.state_directory} cannot be written; run this command as the exporter's user"
        )
    print(f"acknowledged: {options.changelog}; the exporter applies it within seconds")
    return 0
