"""The command line: builds the parser, nothing else. Each subcommand is a module beside it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from pg_migration_exporter import __version__
from pg_migration_exporter.cli import collectors, config, render, serve, verify
from pg_migration_exporter.errors import UserError

#: In the order that `--help` lists them.
SUBCOMMANDS = (serve, config, collectors, render, verify)


def build_parser() -> argparse.ArgumentParser:
    """The parser; each module of `SUBCOMMANDS` adds itself and sets `run`."""
    parser = argparse.ArgumentParser(
        prog="pg-migration-exporter",
        description="Prometheus exporter for PostgreSQL that understands Liquibase migrations.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in SUBCOMMANDS:
        module.add(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code. What the user can mend is one clear line and a 2."""
    options = build_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except UserError as error:
        print(f"pg-migration-exporter: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
