"""`changelog`: what the files of a Liquibase changelog say, without a database.

Exit code of both commands: 0 when the expected changesets are known, 1 when a finding says that
they are not, 2 when the changelog cannot be opened at all.
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

from pg_migration_exporter.cli.options import Subparsers
from pg_migration_exporter.errors import UserError
from pg_migration_exporter.liquibase.changelog import (
    Changelog,
    ExpectedChangeset,
    Finding,
    locate,
    read_changelog,
)

#: What a changeset is beside its identity, for people.
_REMARKS = {
    "run_always": "runs always",
    "run_on_change": "runs when changed",
    "may_leave_no_row": "may leave no row",
}


def add(subparsers: Subparsers) -> None:
    """Add the subcommand, which has subcommands of its own."""
    parser = subparsers.add_parser(
        "changelog",
        help="read changelog files as Liquibase does",
        description="Read changelog files as Liquibase does, without Liquibase and a database.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add(commands, "list", "list the expected changesets in order of execution", _print_changesets)
    _add(commands, "check", "say what is wrong or uncertain, with file and line", _print_findings)


def _add(commands: Subparsers, name: str, summary: str, show: Callable[[Changelog], None]) -> None:
    parser = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
    parser.add_argument("file", metavar="FILE", help="root changelog, relative to the search path")
    parser.add_argument(
        "--search-path",
        action="append",
        type=Path,
        metavar="DIR",
        help="directory to find files in, as liquibase --search-path; may be repeated (default: .)",
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
        help="a changelog property that Liquibase is given with -D or by the environment",
    )
    parser.add_argument(
        "--liquibase-version", metavar="VERSION", help="of the Liquibase that runs (default: 4.28)"
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
    """Read and show; 0 or 1. Raises UserError for a changelog that cannot be opened."""
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
        "changesets": [{"identity": one.identity, **asdict(one)} for one in changelog.changesets],
        "findings": [asdict(one) for one in changelog.findings],
    }


def _print_changesets(changelog: Changelog) -> None:
    """Print the changesets; the findings go to stderr, so that a pipe has the changesets alone."""
    for changeset in changelog.changesets:
        print(_printable(f"{changeset.identity}{_remarks(changeset)}"))
    for finding in changelog.findings:
        print(_paragraph(finding), file=sys.stderr)


def _print_findings(changelog: Changelog) -> None:
    for finding in changelog.findings:
        print(_paragraph(finding))
    counts = Counter(finding.severity for finding in changelog.findings)
    found = ", ".join(_count(count, severity) for severity, count in sorted(counts.items()))
    known = f"{_count(len(changelog.changesets), 'changeset')} expected"
    print(f"{found or 'no findings'}; {known if changelog.complete else 'changesets not known'}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _remarks(changeset: ExpectedChangeset) -> str:
    remarks = [text for name, text in _REMARKS.items() if getattr(changeset, name)]
    return f" ({', '.join(remarks)})" if remarks else ""


def _paragraph(finding: Finding) -> str:
    """Return a finding as a first line to grep for, and what to do below it."""
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
        # Paths and identities must stay whole, to be copied.
        break_long_words=False,
        break_on_hyphens=False,
    )


def _printable(text: str) -> str:
    """Return `text` without anything that would move a terminal's cursor or not print at all."""
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
    encoding = sys.stdout.encoding or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)
