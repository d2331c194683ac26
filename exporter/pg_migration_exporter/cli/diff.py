"""`diff`: what a change of values means for the rules."""

from __future__ import annotations

import argparse
from pathlib import Path

from pg_migration_exporter.bundle.difference import difference
from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.bundle.values import PRESETS, load_values
from pg_migration_exporter.cli.options import Subparsers

_DEFAULTS = "defaults"
_WHAT = f"a values file, `{_DEFAULTS}`, or a preset: {', '.join(PRESETS)}"


def add(subparsers: Subparsers) -> None:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "diff",
        help="show which rules two values files make different",
        description="Compare the alert rules of two sets of values. The exit code is 1 where they "
        "differ, as that of diff(1).",
    )
    parser.add_argument("old", metavar="OLD", help=_WHAT)
    parser.add_argument("new", metavar="NEW", help="the same, to compare with it")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the differences; 0 when there are none, 1 when there are. Raises UserError."""
    lines = list(difference(_values(options.old), _values(options.new)))
    for line in lines:
        print(line)
    return 1 if lines else 0


def _values(source: str) -> Values:
    if source == _DEFAULTS:
        return load_values()
    if source in PRESETS:
        return load_values(preset=source)
    return load_values(Path(source))
