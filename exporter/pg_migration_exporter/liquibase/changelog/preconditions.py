"""Preconditions of a whole changelog: one that fails makes Liquibase refuse all of it."""

from __future__ import annotations

from collections.abc import Iterator

from . import java
from .expressions import DATABASE, database_matches
from .model import Finding, error, warning
from .nodes import Node

_LOGIC = frozenset({"and", "or", "not"})


def changelog_findings(node: Node) -> Iterator[Finding]:
    """Say what a `preConditions` of a changelog leaves open; all but `dbms` need the database."""
    tests = [child for child in node.children if not child.is_attribute and child.children]
    verdicts = [_verdict(test) for test in tests]
    halts = (node.text("onFail") or "HALT").upper() == "HALT"
    if False in verdicts and halts:
        yield error(
            f"A precondition of the changelog excludes {DATABASE}.",
            "Correct its dbms, or read the changelog that is meant for this database.",
            node.line,
        )
    elif None in verdicts and halts:
        yield warning(
            "A precondition of the changelog needs the database and was not checked.",
            "If it fails there, Liquibase refuses the whole changelog.",
            node.line,
        )


def _verdict(test: Node) -> bool | None:
    """Return whether `test` holds for every PostgreSQL database; None: it depends."""
    if test.name == "dbms":
        return database_matches([name.lower() for name in java.split(test.text("type") or "")])
    if test.name not in _LOGIC:
        return None
    verdicts = [_verdict(child) for child in test.children]
    if None in verdicts:
        return None
    if test.name == "and":
        return all(verdicts)
    return any(verdicts) is (test.name == "or")
