"""`explain`: the state of each migration, its evidence, and what to do."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from pg_migration_exporter.cli.options import (
    add_settings_options,
    add_target_option,
    read_target,
)
from pg_migration_exporter.engine.explain_server import explain_server
from pg_migration_exporter.formatting import printable
from pg_migration_exporter.liquibase.state.explanation import Explanation
from pg_migration_exporter.liquibase.state.texts import STATES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Print the state of the migrations in a database, the evidence for it, what is not "
        "certain, what to do, and what to grant or configure to learn more. Uses what a running "
        "exporter has stored, if state_directory is configured."
    )
    add_settings_options(parser)
    add_target_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Explain; return 0 in every state. Raises UserError if the server cannot be reached."""
    explanations = asyncio.run(explain_server(read_target(options)))
    console = Console(highlight=False, soft_wrap=False)
    for explanation in explanations:
        _print(console, explanation)
    return 0


def _print(console: Console, explanation: Explanation) -> None:
    decision, text = explanation.decision, STATES[explanation.decision.status]
    blocked = ", blocked" if decision.blocked else ""
    inferred = ", inferred" if decision.inferred else ""
    console.print(
        Text.assemble(
            f"{printable(explanation.changelog) or 'no changelog'}: ",
            (decision.status.upper() + blocked + inferred, "bold"),
        )
    )
    console.print(Text(f"  {printable(decision.reason)} (source: {decision.source})"))
    _section(console, "Meaning", [text.meaning])
    _section(console, "What to do", [text.steps])
    _section(console, "Evidence", explanation.facts)
    _section(console, "Not certain", explanation.doubts)
    _section(console, "To learn more", explanation.advice)


def _section(console: Console, title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    console.print(Text(f"\n{title}:", style="bold"))
    for line in lines:
        console.print(Text(f"- {printable(line)}"), width=min(console.width, 100))
