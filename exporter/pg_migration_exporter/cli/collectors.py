"""`collectors`: what can be collected, what it costs, which metric families it gives."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.table import Table

from pg_migration_exporter.cli.options import Subparsers
from pg_migration_exporter.collectors import COLLECTORS


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "collectors", help="list the collectors, what they cost and what they need"
    )
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print a table of all collectors."""
    table = Table("name", "default", "cost", "what", "metric families")
    for one in COLLECTORS:
        families = "\n".join(family.name for family in one.families)
        table.add_row(one.name, "on" if one.default_on else "off", one.cost, one.help, families)
    Console().print(table)
    return 0
