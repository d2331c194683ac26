"""The table of commands, and the parser that is built from it.

The module of a command is imported when the command is used: `--help` needs none of them, and
`serve`, which runs for months, does not keep the modules of `render` in memory.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from pg_migration_exporter import __version__

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Subparsers = argparse._SubParsersAction

_Namespace = TypeVar("_Namespace")


@dataclass(frozen=True, slots=True)
class Command:
    """One command. Its module, in this package, has `add_arguments(parser)`, which sets `run`."""

    name: str
    help: str
    module: str


#: In the order of `--help`.
COMMANDS = (
    Command("serve", "serve the metrics and the status page", "serve"),
    Command("health", "check that an exporter answers on this machine", "health"),
    Command("watch", "show the status in this terminal", "watch"),
    Command("run", "run Liquibase and report the run to the exporter", "run"),
    Command("reports", "create the table for reports of Liquibase runs", "reports"),
    Command("changelog", "read changelog files as Liquibase does", "changelog"),
    Command("config", "print an example configuration or its reference", "config"),
    Command("collectors", "list the collectors, their cost and their requirements", "collectors"),
    Command("explain", "explain the state of the migrations in a database", "explain"),
    Command("gate", "say go, hold or abort, before, during and after a migration", "gate"),
    Command("wait", "wait until migrations have succeeded, or the verdict is go", "wait"),
    Command("ack", "acknowledge a failed migration", "ack"),
    Command("render", "write alert rules, dashboards and the log pipeline", "render"),
    Command("diff", "compare the alert rules of two values files", "diff"),
    Command("verify", "check that an exporter publishes what the rules read", "verify"),
    Command("logs", "check how the log pipeline reads a log", "logs"),
    Command("completion", "print a completion script for your shell", "completion"),
)


class CommandParser(argparse.ArgumentParser):
    """A parser that gets its arguments from the command's module when it is first used."""

    module: str | None = None

    def load(self) -> None:
        """Import the module and let it add its arguments; a second call does nothing."""
        module, self.module = self.module, None
        if module is not None:
            import_module(f"{__package__}.{module}").add_arguments(self)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: _Namespace | None = None
    ) -> tuple[_Namespace | argparse.Namespace, list[str]]:
        """Load the command, then parse."""
        self.load()
        return super().parse_known_args(args, namespace)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, with no command loaded."""
    parser = CommandParser(
        prog="pg-migration-exporter",
        description="Prometheus exporter for PostgreSQL that understands Liquibase migrations.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        subparsers.add_parser(command.name, help=command.help).module = command.module
    return parser


def build_whole_parser() -> argparse.ArgumentParser:
    """Return the parser with every command loaded, for shell completion."""
    parser = build_parser()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                command.load()
    return parser
