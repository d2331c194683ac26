"""Checks of rendered files by the tools that will load them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class ExternalCheck:
    """A tool that judges files of one kind, which ones, and the Debian package that has it."""

    tool: str
    arguments: tuple[str, ...]
    package: str
    pattern: str

    def __str__(self) -> str:
        return " ".join((self.tool, *self.arguments))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a check; `passed` is None when it was not run."""

    check: ExternalCheck
    passed: bool | None
    detail: str


#: kind of file -> its checks
CHECKS = {
    "alerts": (
        ExternalCheck(
            "promtool", ("check", "rules", "--lint=all", "--lint-fatal"), "prometheus", "*.yaml"
        ),
    ),
    # It reads the templates that the configuration names as well.
    "alertmanager": (
        ExternalCheck("amtool", ("check-config",), "prometheus-alertmanager", "*.yml"),
    ),
}


def run(check: ExternalCheck, files: Sequence[Path]) -> Outcome:
    """Give the files to the tool; its exit code decides."""
    if shutil.which(check.tool) is None:
        hint = f"{check.tool} is not installed (Debian: apt-get install {check.package})"
        return Outcome(check, None, hint)
    command = [check.tool, *check.arguments, *map(str, files)]
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT_SECONDS,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return Outcome(check, False, f"no answer within {_TIMEOUT_SECONDS} seconds")
    return Outcome(check, done.returncode == 0, done.stdout.strip())
