"""`verify`: check that an exporter publishes every metric that the rules read."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from pg_migration_exporter.bundle.rule_metrics import records, rules
from pg_migration_exporter.bundle.third_party_metrics import third_party_names
from pg_migration_exporter.bundle.values import load_values
from pg_migration_exporter.bundle.verify import Finding, fetch, verify
from pg_migration_exporter.cli.options import read_url
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Compare the metrics that the alert rules read with those of a running exporter."
    )
    parser.add_argument(
        "--url", required=True, help="URL of the metrics, such as http://localhost:9886/metrics"
    )
    add_values_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the metrics; return 1 if one is missing. Raises UserError."""
    values = load_values(*options.values, preset=options.preset)
    recorded = list(records(values))
    names = {rule.name for rule in recorded}
    findings = verify(
        [*rules(values), *recorded], fetch(read_url(options)), names, third_party_names(values)
    )
    print("\n".join(_lines(findings)))
    return 1 if any(finding.status == "missing" for finding in findings) else 0


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield the lines of a table; names are never cut, even in a narrow terminal."""
    rows = [("RULE", "METRIC", "STATUS", "SERIES")]
    rows += [
        (finding.rule, finding.metric, _WORDS[finding.status], str(finding.series))
        for finding in findings
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
