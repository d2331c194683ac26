"""Continuous integration runs what a contributor runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.packaging.conftest import ROOT, run

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
HOOKS: dict[str, Any] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
#: Before the repository's own commands can run in a container.
PREPARATION = ("git config ", "apt-get update ")


def _jobs() -> Iterator[dict[str, Any]]:
    for path in WORKFLOWS:
        yield from yaml.safe_load(path.read_text())["jobs"].values()


COMMANDS = [step["run"] for job in _jobs() for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_each_step_is_a_command_of_the_repository(command: str) -> None:
    if not command.startswith(PREPARATION):
        assert command.startswith("make ") or (ROOT / command).is_file()
        run("make", "--dry-run", *re.findall(r"^make (\S+)", command))


def test_only_continuous_integration_runs_a_failed_test_again() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert "--reruns" not in makefile
    assert "--reruns" in (ROOT / ".ci/run").read_text()


def test_every_job_ends_and_has_no_right_to_write() -> None:
    for job in _jobs():
        assert job["timeout-minutes"] <= 40
        assert job["permissions"] == {"contents": "read"}


def test_hooks_are_programs_of_the_environment() -> None:
    [repository] = HOOKS["repos"]
    for hook in repository["hooks"]:
        assert (ROOT / hook["entry"].split()[0]).is_file()
