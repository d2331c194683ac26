"""`run`: a Liquibase command line as it is, reported to the exporter."""

from __future__ import annotations

import argparse
from pathlib import Path

from pg_migration_exporter.cli.options import Subparsers
from pg_migration_exporter.errors import UserError
from pg_migration_exporter.liquibase.wrapper.run import run_wrapped


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "run",
        help="run Liquibase and report to the exporter what it does",
        description="Run a Liquibase command line unchanged, report it to the exporter, and end "
        "with its exit code. A report that fails never makes the run fail.",
        usage="%(prog)s [-h] [--config FILE] -- COMMAND ...",
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="configuration file (YAML): its key `reports`"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND", help="what to run")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; its exit code."""
    separator, *rest = options.command or [""]
    command = rest if separator == "--" else options.command
    if not command:
        raise UserError("run: no command is given; write: run -- liquibase update")
    return run_wrapped(command, options.config)
