"""`collectors`: what can be collected, what it costs, which metric families it gives."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from typing import Any

from pg_migration_exporter.cli.options import Subparsers
from pg_migration_exporter.collectors import COLLECTORS, Collector
from pg_migration_exporter.reference import metrics_page as metrics

_WIDEST = 100


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "collectors", help="list the collectors, what they cost and what they need"
    )
    parser.add_argument(
        "--markdown", action="store_true", help="print docs/metrics.md: every metric, in tables"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a paragraph for each collector; names are never cut, however narrow the terminal."""
    if options.markdown:
        print(metrics.render(), end="")
        return 0
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    print("\n\n".join(_paragraph(one, width) for one in COLLECTORS))
    return 0


def _paragraph(one: Collector[Any], width: int) -> str:
    default = "on" if one.default_on else "off"
    needs = "".join(f", needs {requirement.need}" for requirement in one.requires)
    families = "\n".join(f"  - {family.name}" for family in one.families)
    what = textwrap.fill(one.description, width, initial_indent="  ", subsequent_indent="  ")
    return f"{one.name} ({one.cost}, {default} by default{needs})\n{what}\n{families}"
