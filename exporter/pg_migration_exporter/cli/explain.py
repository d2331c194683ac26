"""`explain`: the state of each migration, what speaks for and against it, what to do."""

from __future__ import annotations

import argparse
import asyncio

from rich.console import Console
from rich.text import Text

from pg_migration_exporter.cli.options import (
    Subparsers,
    add_settings_options,
    add_target_option,
    read_target,
)
from pg_migration_exporter.engine.explain_server import explain_server
from pg_migration_exporter.liquibase.state.explanation import Explanation
from pg_migration_exporter.liquibase.state.texts import STATES


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "explain",
        help="explain the state of the migrations in a database",
        description="Look at a database, print the state of its migrations with what speaks for "
        "and against it, what to do, and what to grant or configure to know more. What a running "
        "exporter remembers is used where state_directory is configured.",
    )
    add_settings_options(parser)
    add_target_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Explain; 0 whatever the state is. Raises UserError where the server cannot be asked."""
    explanations = asyncio.run(explain_server(read_target(options)))
    console = Console(highlight=False, soft_wrap=False)
    for explanation in explanations:
        _print(console, explanation)
    return 0


def _print(console: Console, one: Explanation) -> None:
    decision, text = one.decision, STATES[one.decision.status]
    blocked = ", blocked" if decision.blocked else ""
    inferred = ", inferred" if decision.inferred else ""
    console.print(
        Text.assemble(
            f"{one.changelog or 'no changelog'}: ",
            (decision.status.upper() + blocked + inferred, "bold"),
        )
    )
    console.print(Text(f"  {decision.reason} (source: {decision.source})"))
    _section(console, "It means", [text.meaning])
    _section(console, "What to do", [text.steps])
    _section(console, "What is seen", one.facts)
    _section(console, "What is in doubt", one.doubts)
    _section(console, "To know more", one.advice)


def _section(console: Console, title: str, lines: object) -> None:
    assert isinstance(lines, list)
    if not lines:
        return
    console.print(Text(f"\n{title}:", style="bold"))
    for line in lines:
        console.print(Text(f"- {line}"), width=min(console.width, 100))
