"""Options of the commands that read values; not in `options`, which `serve` imports."""

from __future__ import annotations

import argparse
from pathlib import Path

from pg_migration_exporter.bundle.values import PRESETS


def add_values_options(parser: argparse.ArgumentParser) -> None:
    """Add --preset and --values."""
    parser.add_argument("--preset", choices=PRESETS, help="the preset of an environment")
    add_values_option(parser)


def add_values_option(parser: argparse.ArgumentParser) -> None:
    """Add --values."""
    parser.add_argument(
        "--values",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="your values file; may be repeated, later files override earlier ones",
    )
