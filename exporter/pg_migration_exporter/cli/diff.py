"""`diff`: the difference that values make to the rules."""

from __future__ import annotations

import argparse
from pathlib import Path

from pg_migration_exporter.bundle.rules_diff import diff_rules
from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.bundle.values import PRESETS, load_values

_DEFAULTS = "defaults"
_WHAT = f"a values file, `{_DEFAULTS}`, or a preset: {', '.join(PRESETS)}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Compare the alert rules of two sets of values. As with diff(1), the exit code is 1 if "
        "they differ."
    )
    parser.add_argument("old", metavar="OLD", help=_WHAT)
    parser.add_argument(
        "new", metavar="NEW", help="values to compare with, in the same forms as OLD"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the differences; return 1 if there are any. Raises UserError."""
    lines = list(diff_rules(_values(options.old), _values(options.new)))
    for line in lines:
        print(line)
    return 1 if lines else 0


def _values(source: str) -> Values:
    if source == _DEFAULTS:
        return load_values()
    if source in PRESETS:
        return load_values(preset=source)
    return load_values(Path(source))
