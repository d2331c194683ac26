"""docs/security.md names tests that exist."""

from __future__ import annotations

import ast
import re

import pytest

from tests.packaging.conftest import ROOT

PAGE = (ROOT / "docs/security.md").read_text()
NAMED = re.findall(r"`(tests/[\w/.]+)::(\w+)`", PAGE)
ATTACKS = [
    line
    for line in PAGE[PAGE.index("## Attacks and their tests") :].splitlines()
    if line.startswith("| ") and not line.startswith("| attack ")
]


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("line", ATTACKS, ids=lambda line: line[2:40])
def test_every_attack_names_its_test(line: str) -> None:
    attack, result, tests = (cell.strip() for cell in line.strip("| ").split(" | "))
    assert attack
    assert result
    assert all(re.fullmatch(r"`tests/[\w/.]+::test_\w+`", test) for test in tests.split(", "))


def test_the_links_of_the_page_lead_to_files() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert target.startswith("https://") or (ROOT / "docs" / target).exists(), target
