"""`run`: run a Liquibase command line and report the run to the exporter."""

from __future__ import annotations

import argparse
from pathlib import Path

from pg_migration_exporter.errors import UserError
from pg_migration_exporter.liquibase.wrapper.run import run_wrapped


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Run a Liquibase command line unchanged, report the run to the exporter, and exit with its "
        "exit code. A failed report never fails the run."
    )
    parser.usage = "%(prog)s [-h] [--config FILE] -- COMMAND ..."
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="configuration file (YAML); its section `reports` is used",
    )
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="COMMAND", help="command to run"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    separator, *rest = options.command or [""]
    command = rest if separator == "--" else options.command
    if not command:
        raise UserError("run: the command is missing; write run -- liquibase update")
    return run_wrapped(command, options.config)
