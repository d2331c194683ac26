"""The lock files: what pyproject asks for, one version of each, and nothing about where from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.conftest import ROOT

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
#: One requirement, as `uv pip compile --generate-hashes --no-header --no-annotate` writes it.
ENTRY = re.compile(r"(?P<pin>\S+==\S+(?: ; .+)?) \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+")


def pins(name: str) -> dict[str, str]:
    """Version of each distribution that `requirements/<name>.lock` pins."""
    text = (ROOT / f"requirements/{name}.lock").read_text()
    requirements = [Requirement(entry["pin"]) for entry in ENTRY.finditer(text)]
    return {
        canonicalize_name(requirement.name): str(requirement.specifier).removeprefix("==")
        for requirement in requirements
    }


def group(name: str) -> list[str]:
    """Requirements of a dependency group, those of the groups it includes as well (PEP 735)."""
    found: list[str] = []
    for entry in PYPROJECT["dependency-groups"][name]:
        found += [entry] if isinstance(entry, str) else group(entry["include-group"])
    return found


ASKED = {
    "runtime": PYPROJECT["project"]["dependencies"],
    "build": PYPROJECT["build-system"]["requires"],
    "dev": PYPROJECT["project"]["dependencies"] + group("dev"),
}


def test_each_lock_belongs_to_a_list_of_requirements() -> None:
    assert {lock.stem for lock in LOCKS} == set(ASKED)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_lock_holds_pins_and_hashes_alone(lock: Path) -> None:
    """No index, no host, no option: these belong to the user's own configuration of pip."""
    assert ENTRY.sub("", lock.read_text()) == ""


@pytest.mark.parametrize(
    ("lock", "requirement"),
    [(lock, Requirement(asked)) for lock, requirements in ASKED.items() for asked in requirements],
    ids=str,
)
def test_pin_satisfies(lock: str, requirement: Requirement) -> None:
    assert pins(lock)[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("lock", ["runtime", "build"])
def test_tests_run_with_the_pins_that_users_get(lock: str) -> None:
    assert pins(lock).items() <= pins("dev").items()
