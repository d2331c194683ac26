"""`verify`: prove that an exporter publishes every metric that the rules read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pg_migration_exporter.bundle.errors import BundleError
from pg_migration_exporter.bundle.metrics import rules
from pg_migration_exporter.bundle.values import load_values
from pg_migration_exporter.bundle.verify import Finding, fetch, verify

#: status -> (its words, style)
_STATUS = {
    "found": ("found", "green"),
    "declared": ("declared, no series now", "yellow"),
    "prometheus": ("written by Prometheus", "dim"),
    "missing": ("MISSING", "bold red"),
}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "verify",
        help="prove that an exporter publishes what the rules read",
        description="Compare the metrics of the alert rules with the page of a running exporter.",
    )
    parser.add_argument("--url", required=True, help="for example http://localhost:9886/metrics")
    parser.add_argument("--values", type=Path, metavar="FILE", help="overrides of the defaults")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Verify; 0 when nothing is missing, 1 when something is, 2 when it could not be found out."""
    try:
        values = load_values(args.values)
        findings = verify(rules(values), fetch(args.url))
    except BundleError as error:
        print(error, file=sys.stderr)
        return 2
    Console().print(_table(findings))
    return 1 if any(finding.status == "missing" for finding in findings) else 0


def _table(findings: Iterable[Finding]) -> Table:
    table = Table("rule", "metric", "status", "series")
    for finding in findings:
        words, style = _STATUS[finding.status]
        series = str(finding.series) if finding.status == "found" else ""
        table.add_row(finding.rule, finding.metric, Text(words, style), series)
    return table
