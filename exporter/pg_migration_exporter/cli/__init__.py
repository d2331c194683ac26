"""The command line: one module for each command, listed in `commands`."""

from pg_migration_exporter.cli.commands import COMMANDS, build_parser
from pg_migration_exporter.cli.entry_point import main

__all__ = ["COMMANDS", "build_parser", "main"]
