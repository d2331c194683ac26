"""The command line: builds the parser, nothing else. Each subcommand is a module beside it.

Only the module of the subcommand that was asked for is imported: `serve` runs for months and must
not carry what `render` needs.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from pg_migration_exporter import __version__
from pg_migration_exporter.errors import UserError

#: In the order that `--help` lists them; each is a module with `add(subparsers)`.
SUBCOMMANDS = (
    "serve",
    "health",
    "watch",
    "run",
    "reports",
    "changelog",
    "config",
    "collectors",
    "explain",
    "ack",
    "render",
    "diff",
    "verify",
    "logs",
)


def build_parser(subcommands: Sequence[str] = SUBCOMMANDS) -> argparse.ArgumentParser:
    """The parser; each module of `subcommands` adds itself and sets `run`."""
    parser = argparse.ArgumentParser(
        prog="pg-migration-exporter",
        description="Prometheus exporter for PostgreSQL that understands Liquibase migrations.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in subcommands:
        import_module(f"{__name__}.{name}").add(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code. What the user can mend is one clear line and a 2."""
    given = sys.argv[1:] if arguments is None else arguments
    asked = [name for name in SUBCOMMANDS if name in given[:1]]
    options = build_parser(asked or SUBCOMMANDS).parse_args(given)
    try:
        code = int(options.run(options))
        print(end="", flush=True)
        return code
    except UserError as error:
        print(f"pg-migration-exporter: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:  # whoever read has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
