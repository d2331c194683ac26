"""`logs check`: what the log pipeline would lose or misread."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pg_migration_exporter.bundle.values import load_values
from pg_migration_exporter.cli.values_options import add_values_option
from pg_migration_exporter.errors import UserError
from pg_migration_exporter.logs.formats import FormatName, formats
from pg_migration_exporter.logs.log_check import Report, check_file, log_files
from pg_migration_exporter.logs.prefix import check_prefix

_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
#: The most line numbers printed for a problem.
_MAX_LINES = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser(
        "check",
        help="report what would be lost or misread",
        description="Read log files with the rules of the pipeline and report what would be lost "
        "or misread, with line numbers. Exit code 1 if there is a problem.",
    )
    check.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="log file or directory")
    add_values_option(check)
    check.add_argument("--format", choices=get_args(FormatName), help="default: detected")
    check.add_argument(
        "--prefix",
        help="log_line_prefix of the text format, without the quotes of postgresql.conf; "
        "default: the one in the values",
    )
    check.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check; return 1 if there is a problem, else 0. Raises UserError."""
    logs = load_values(*options.values).logs
    known = formats(_prefix(options.prefix) or logs.postgresql.log_line_prefix)
    if options.format:
        known = {options.format: known[options.format]}
    files = [file for path in options.paths for file in log_files(path, known.values())]
    reports = [check_file(file, known, _bytes(logs.limits.entry)) for file in files]
    print("\n".join(line for report in reports for line in _lines(report)))
    return 1 if any(report.found for report in reports) else 0


def _prefix(given: str | None) -> str | None:
    try:
        return given and check_prefix(given)
    except ValueError as error:
        raise UserError(f"--prefix: {error}") from None


def _bytes(size: str) -> int:
    return int(size[:-1]) * _UNITS[size[-1]]


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.path}: {report.format}, {report.entries} entries"
    for problem, numbers in report.problems:
        yield f"  {problem.name}: {_numbers(numbers)}"
        yield f"    the entry {problem.effect}; {problem.remedy}"
    if not report.found:
        yield "  nothing would be lost or misread"


def _numbers(numbers: list[int]) -> str:
    named = ", ".join(map(str, numbers[:_MAX_LINES]))
    more = f" and {len(numbers) - _MAX_LINES} more" if len(numbers) > _MAX_LINES else ""
    return f"line {named}{more}"
