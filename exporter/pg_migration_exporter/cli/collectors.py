"""`collectors`: list the collectors, their cost and their metric families."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from typing import Any

from pg_migration_exporter.collectors import COLLECTORS, Collector
from pg_migration_exporter.reference import metrics_page

_MAX_WIDTH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--markdown", action="store_true", help="print docs/metrics.md: tables of every metric"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a paragraph for each collector; names are never cut, even in a narrow terminal."""
    if options.markdown:
        print(metrics_page.render(), end="")
        return 0
    width = min(shutil.get_terminal_size().columns, _MAX_WIDTH)
    print("\n\n".join(_paragraph(collector, width) for collector in COLLECTORS))
    return 0


def _paragraph(collector: Collector[Any], width: int) -> str:
    default = "on" if collector.default_on else "off"
    needs = "".join(f", needs {requirement.need}" for requirement in collector.requires)
    families = "\n".join(f"  - {family.name}" for family in collector.families)
    what = textwrap.fill(collector.description, width, initial_indent="  ", subsequent_indent="  ")
    return f"{collector.name} ({collector.cost}, {default} by default{needs})\n{what}\n{families}"
