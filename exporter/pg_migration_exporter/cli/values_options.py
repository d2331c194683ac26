"""Options of the subcommands that read values: apart from the others, which `serve` has too."""

from __future__ import annotations

import argparse
from pathlib import Path

from pg_migration_exporter.bundle.values import PRESETS


def add_values_options(parser: argparse.ArgumentParser) -> None:
    """Add --preset and --values."""
    parser.add_argument("--preset", choices=PRESETS, help="overrides for an environment")
    parser.add_argument("--values", type=Path, metavar="FILE", help="overrides of your own")
