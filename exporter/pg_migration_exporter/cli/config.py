"""`config`: print an example configuration, or the reference of its keys."""

from __future__ import annotations

import argparse
from importlib.resources import files

from pg_migration_exporter.reference import configuration_page


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    example = commands.add_parser(
        "example", help="print a configuration file with every key, its default and its meaning"
    )
    example.set_defaults(run=print_example)
    reference = commands.add_parser(
        "reference", help="print docs/configuration.md: every key, its type and its default"
    )
    reference.set_defaults(run=print_reference)


def print_example(_: argparse.Namespace) -> int:
    """Print the example file."""
    example = files("pg_migration_exporter.config").joinpath("example.yaml")
    print(example.read_text(encoding="utf-8"), end="")
    return 0


def print_reference(_: argparse.Namespace) -> int:
    """Print docs/configuration.md."""
    print(configuration_page.render(), end="")
    return 0
