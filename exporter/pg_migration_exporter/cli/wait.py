"""`wait`: until the migrations have succeeded, nothing is pending, or the verdict is go."""

from __future__ import annotations

import argparse
import asyncio
import logging

from pg_migration_exporter.cli.gate_options import add_subject_options, open_subject, seconds
from pg_migration_exporter.formatting import printable
from pg_migration_exporter.gate.awaited import CONDITIONS, wait_for
from pg_migration_exporter.gate.check import Finding
from pg_migration_exporter.gate.model import EXIT_CODES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Wait, such as in an init container. Exit code 0: it is so; 1: a migration failed; 2: "
        "cannot be used as given; 3: not in time, or no answer."
    )
    add_subject_options(parser)
    parser.add_argument("--for", dest="condition", choices=tuple(CONDITIONS), required=True)
    parser.add_argument(
        "--timeout", type=seconds, default=900.0, metavar="TIME", help="default: 15m"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Wait; print what was found. Raises UserError for what cannot be used."""
    # Failures are part of what is printed; on the screen they would be in the way.
    logging.getLogger("pg_migration_exporter").addHandler(logging.NullHandler())
    found = asyncio.run(_wait(options))
    print(printable(found.evidence))
    return 0 if found.result == "pass" else EXIT_CODES[found.verdict or "hold"]


async def _wait(options: argparse.Namespace) -> Finding:
    async with open_subject(options) as subject:
        return await wait_for(subject, options.condition, options.timeout)
