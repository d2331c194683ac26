"""`changelog`: read the files of a Liquibase changelog, without a database.

Exit codes: 0 if the expected changesets are known, 1 if they are not because of a finding, 2 if the
changelog cannot be opened.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pg_migration_exporter.cli.commands import Subparsers
from pg_migration_exporter.errors import UserError
from pg_migration_exporter.formatting import count, printable
from pg_migration_exporter.liquibase.changelog import (
    Changelog,
    ExpectedChangeset,
    Finding,
    locate,
    read_changelog,
)

#: Remarks behind the identity of a changeset.
_REMARKS = {
    "run_always": "runs always",
    "run_on_change": "runs when changed",
    "may_leave_no_row": "may leave no row",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Read changelog files as Liquibase does, without Liquibase and without a database."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add(commands, "list", "list the expected changesets in order of execution", _print_changesets)
    _add(
        commands, "check", "report what is wrong or uncertain, with file and line", _print_findings
    )


def _add(commands: Subparsers, name: str, summary: str, show: Callable[[Changelog], None]) -> None:
    parser = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
    parser.add_argument("file", metavar="FILE", help="root changelog, relative to the search path")
    parser.add_argument(
        "--search-path",
        action="append",
        type=Path,
        metavar="DIR",
        help="directory with files, as liquibase --search-path; repeatable (default: .)",
    )
    parser.add_argument("--contexts", metavar="LIST", help="as liquibase --contexts")
    parser.add_argument(
        "--labels", "--label-filter", metavar="EXPRESSION", help="as liquibase --label-filter"
    )
    parser.add_argument(
        "--property",
        action="append",
        default=[],
        type=_property,
        metavar="NAME=VALUE",
        help="changelog property, as Liquibase gets it from -D or the environment; repeatable",
    )
    parser.add_argument(
        "--liquibase-version", metavar="VERSION", help="version of Liquibase (default: 4.28)"
    )
    parser.add_argument(
        "--encoding", default="utf-8", metavar="NAME", help="as liquibase --file-encoding"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run, show=show)


def _property(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def run(options: argparse.Namespace) -> int:
    """Read and print; return 0 or 1. Raises UserError if the changelog cannot be opened."""
    search_path = options.search_path or [Path()]
    if missing := locate(options.file, search_path):
        raise UserError(f"{missing.summary} {missing.advice}")
    changelog = read_changelog(
        options.file,
        search_path,
        contexts=options.contexts,
        labels=options.labels,
        properties=dict(options.property),
        version=options.liquibase_version,
        encoding=options.encoding,
    )
    if options.json:
        print(json.dumps(_document(changelog), indent=2))
    else:
        options.show(changelog)
    return 0 if changelog.complete else 1


def _document(changelog: Changelog) -> dict[str, Any]:
    return {
        "file": changelog.file,
        "complete": changelog.complete,
        "changesets": [
            {"identity": changeset.identity, **asdict(changeset)}
            for changeset in changelog.changesets
        ],
        "findings": [asdict(finding) for finding in changelog.findings],
    }


def _print_changesets(changelog: Changelog) -> None:
    """Print the changesets; findings go to stderr, so that a pipe gets only changesets."""
    for changeset in changelog.changesets:
        print(_printable(f"{changeset.identity}{_remarks(changeset)}"))
    for finding in changelog.findings:
        print(_paragraph(finding), file=sys.stderr)


def _print_findings(changelog: Changelog) -> None:
    for finding in changelog.findings:
        print(_paragraph(finding))
    counts = Counter(finding.severity for finding in changelog.findings)
    found = ", ".join(count(number, severity) for severity, number in sorted(counts.items()))
    known = f"{count(len(changelog.changesets), 'changeset')} expected"
    print(f"{found or 'no findings'}; {known if changelog.complete else 'changesets not known'}")


def _remarks(changeset: ExpectedChangeset) -> str:
    remarks = [text for name, text in _REMARKS.items() if getattr(changeset, name)]
    return f" ({', '.join(remarks)})" if remarks else ""


def _paragraph(finding: Finding) -> str:
    """Return a finding: a first line to grep for, and the advice below it."""
    place = f"{finding.file}:{finding.line}: " if finding.line else f"{finding.file}: "
    first = f"{finding.severity}: {place if finding.file else ''}{finding.summary}"
    return "\n".join((*_wrapped(first, ""), *_wrapped(finding.advice, "    ")))


def _wrapped(text: str, indent: str) -> Iterator[str]:
    width = min(shutil.get_terminal_size().columns, 100)
    yield from textwrap.wrap(
        _printable(text),
        max(width, 20),
        initial_indent=indent,
        subsequent_indent="    ",
        # Paths and identities stay whole, so that they can be copied.
        break_long_words=False,
        break_on_hyphens=False,
    )


def _printable(text: str) -> str:
    """Return the text with characters escaped that are unprintable, or unknown to the terminal."""
    encoding = sys.stdout.encoding or "utf-8"
    return printable(text).encode(encoding, "backslashreplace").decode(encoding)
