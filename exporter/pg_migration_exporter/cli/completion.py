"""`completion`: a completion script for bash, zsh or tcsh."""

from __future__ import annotations

import argparse

import shtab

from pg_migration_exporter.cli.commands import build_whole_parser


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Print a completion script. For bash: put its output into "
        "/usr/share/bash-completion/completions/pg-migration-exporter, or source it in ~/.bashrc. "
        "For zsh: put it into a file _pg-migration-exporter in a directory of $fpath."
    )
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="the shell to complete in")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    print(shtab.complete(build_whole_parser(), options.shell))
    return 0
