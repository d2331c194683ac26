"""`make fuzz`: fuzz every target for minutes."""

from __future__ import annotations

import argparse
import random

from hypothesis import settings

from tests.fuzz.run import fuzz
from tests.fuzz.targets import TARGETS


def main() -> None:
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target")
    parser.add_argument("--only", choices=TARGETS)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    settings.register_profile("fuzz", deadline=None)
    settings.load_profile("fuzz")
    for name, target in TARGETS.items():
        if options.only in (None, name):
            print(f"{name}: seed {options.seed}", flush=True)
            tried = fuzz(target, options.minutes * 60, options.seed)
            print(f"{name}: {tried} inputs, nothing found", flush=True)


main()
