"""Options of the commands that read values; not in `options`, which `serve` imports."""

from __future__ import annotations

import argparse
from pathlib import Path

from pg_migration_exporter.bundle.values import PRESETS


def add_values_options(parser: argparse.ArgumentParser) -> None:
    """Add --preset and --values."""
    parser.add_argument("--preset", choices=PRESETS, help="the preset of an environment")
    parser.add_argument("--values", type=Path, metavar="FILE", help="your values file")
