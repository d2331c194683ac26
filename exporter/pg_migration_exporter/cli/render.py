"""`render`: write the files of the bundle."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pg_migration_exporter.bundle import tool_checks as check
from pg_migration_exporter.bundle.alertmanager import dead_links
from pg_migration_exporter.bundle.render import KINDS, render, write
from pg_migration_exporter.bundle.values import load_values
from pg_migration_exporter.cli.values_options import add_values_options
from pg_migration_exporter.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = "Render the files of the bundle with your values and write them below DIR."
    parser.add_argument(
        "kind", nargs="?", choices=(*KINDS, "all"), default="all", help="what to render"
    )
    add_values_options(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="output directory")
    parser.add_argument(
        "--check",
        action="store_true",
        help="check also the style of the rules, and Alertmanager's configuration with amtool, and "
        "tell what was checked; write nothing if a check fails",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Render; return 1 if a check failed, else 0. Raises UserError."""
    kinds = KINDS if options.kind == "all" else (options.kind,)
    accept = _passes_checks if options.check else _has_valid_rules
    values = load_values(*options.values, preset=options.preset)
    rendered = render(kinds, values)
    if options.check and {"alerts", "alertmanager", "kubernetes"} & {*kinds}:
        for warning in dead_links(values.urls):
            print(f"warning: {warning}", file=sys.stderr)
    try:
        written = write(rendered, options.out, accept)
    except OSError as error:
        raise UserError(
            f"--out {options.out}: cannot be written: {error.strerror}; use a writable directory"
        ) from error
    for path in written:
        print(f"wrote {path}")
    return 0 if written else 1


def _has_valid_rules(files: Sequence[Path]) -> bool:
    """Return whether Prometheus would load the rules; unknown without promtool."""
    rules = [file for file in files if file.match(f"{KINDS['alerts']}/{check.RULES.pattern}")]
    if not rules:
        return True
    outcome = check.run(check.RULES, rules)
    if outcome.passed is False:
        _report(outcome)
    return outcome.passed is not False


def _passes_checks(files: Sequence[Path]) -> bool:
    """Run the checks of each kind and print the outcomes; return whether none failed."""
    outcomes = [
        check.run(each, selected)
        for kind, checks in check.CHECKS.items()
        for each in checks
        if (selected := [file for file in files if file.match(f"{KINDS[kind]}/{each.pattern}")])
    ]
    for outcome in outcomes:
        _report(outcome)
    return all(outcome.passed is not False for outcome in outcomes)


def _report(outcome: check.Outcome) -> None:
    if outcome.passed is None:
        print(f"not checked by {outcome.check}: {outcome.detail}")
    elif outcome.passed:
        print(f"passed {outcome.check}")
    else:
        print(f"failed {outcome.check}; nothing written\n{outcome.detail}", file=sys.stderr)
