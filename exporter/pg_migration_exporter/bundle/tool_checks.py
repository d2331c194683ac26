"""Checks of rendered files by the tools that will load them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class ToolCheck:
    """A command that checks the files of a pattern, and the Debian package that has the tool."""

    tool: str
    arguments: tuple[str, ...]
    package: str
    pattern: str

    def __str__(self) -> str:
        return " ".join((self.tool, *self.arguments))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a check; `passed` is None when it was not run."""

    check: ToolCheck
    passed: bool | None
    detail: str


#: Whether Prometheus would load the rules.
RULES = ToolCheck("promtool", ("check", "rules", "--lint=none"), "prometheus", "*.yaml")

#: Kind of file -> its checks.
CHECKS = {
    "alerts": (
        ToolCheck(
            "promtool", ("check", "rules", "--lint=all", "--lint-fatal"), "prometheus", "*.yaml"
        ),
    ),
    # amtool also reads the templates that the configuration names.
    "alertmanager": (ToolCheck("amtool", ("check-config",), "prometheus-alertmanager", "*.yml"),),
}


def run(check: ToolCheck, files: Sequence[Path]) -> Outcome:
    """Run the tool on the files; the check passes when the exit code is 0."""
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
