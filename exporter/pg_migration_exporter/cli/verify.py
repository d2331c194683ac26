"""`verify`: prove that an exporter publishes every metric that the rules read."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from pg_migration_exporter.bundle.rule_metrics import records, rules
from pg_migration_exporter.bundle.values import load_values
from pg_migration_exporter.bundle.verify import Finding, fetch, verify
from pg_migration_exporter.cli.options import Subparsers, read_url
from pg_migration_exporter.cli.values_options import add_values_options

_WORDS = {
    "found": "found",
    "declared": "declared, no series now",
    "prometheus": "written by Prometheus",
    "recorded": "recorded by another rule",
    "logs": "counted by the log pipeline",
    "elsewhere": "published elsewhere",
    "missing": "MISSING",
}


def add(subparsers: Subparsers) -> None:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "verify",
        help="prove that an exporter publishes what the rules read",
        description="Compare the metrics of the alert rules with the page of a running exporter.",
    )
    parser.add_argument("--url", required=True, help="for example http://localhost:9886/metrics")
    add_values_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Verify; 0 when nothing is missing, 1 when something is. Raises UserError."""
    values = load_values(options.values, options.preset)
    recorded = list(records(values))
    names = {rule.name for rule in recorded}
    findings = verify([*rules(values), *recorded], fetch(read_url(options)), names)
    print("\n".join(_lines(findings)))
    return 1 if any(finding.status == "missing" for finding in findings) else 0


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield a table whose names are never cut, however narrow the terminal is."""
    rows = [("RULE", "METRIC", "STATUS", "SERIES")]
    rows += [(each.rule, each.metric, _WORDS[each.status], str(each.series)) for each in findings]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
