"""Preconditions of a whole changelog: if one fails, Liquibase refuses the changelog."""

from __future__ import annotations

from collections.abc import Iterator

from . import java
from .expressions import DATABASE, database_matches
from .findings import Finding, error, warning
from .nodes import Node

_OPERATORS = frozenset({"and", "or", "not"})


def changelog_findings(node: Node) -> Iterator[Finding]:
    """Yield findings about a `preConditions` node; all tests except `dbms` need the database."""
    tests = [child for child in node.children if not child.is_attribute and child.children]
    outcomes = [_outcome(test) for test in tests]
    halts = (node.text("onFail") or "HALT").upper() == "HALT"
    if False in outcomes and halts:
        yield error(
            f"A precondition of the changelog excludes {DATABASE}.",
            "Correct its dbms, or read the changelog that is meant for this database.",
            node.line,
        )
    elif None in outcomes and halts:
        yield warning(
            "A precondition of the changelog needs the database and was not checked.",
            "If it fails there, Liquibase refuses the whole changelog.",
            node.line,
        )


def _outcome(test: Node) -> bool | None:
    """Return whether `test` holds for every PostgreSQL database; None if it depends."""
    if test.name == "dbms":
        return database_matches([name.lower() for name in java.split(test.text("type") or "")])
    if test.name not in _OPERATORS:
        return None
    outcomes = [_outcome(child) for child in test.children]
    if None in outcomes:
        return None
    if test.name == "and":
        return all(outcomes)
    return any(outcomes) is (test.name == "or")
