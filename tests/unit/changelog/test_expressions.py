"""Contexts, labels and databases; the verdicts are those of real Liquibase 4.28."""

from __future__ import annotations

import pytest

from pg_migration_exporter.liquibase.changelog.expressions import (
    context_matches,
    database_matches,
    items,
    label_matches,
    matches,
)
from pg_migration_exporter.liquibase.changelog.findings import RefusalError
from pg_migration_exporter.liquibase.changelog.version_rules import VersionRules

OLD, NEW = VersionRules.of((4, 28, 0)), VersionRules.of((5, 0, 4))


@pytest.mark.parametrize(
    ("expression", "names", "verdict"),
    [
        ("a", "a", True),
        ("A", "a", True),
        ("a", "b", False),
        ("a", "", True),
        ("!a", "", True),
        ("@a", "", False),
        ("@!a", "", True),
        ("@ not a", "a", False),
        ("not a", "a", False),
        ("!a", "b", True),
        ("a and b", "a,b", True),
        ("a and b", "a", False),
        ("a or b", "b", True),
        ("a and b or c", "c", True),
        ("(a or b) and !c", "b", True),
        ("(a or b) and !c", "b,c", False),
        ("!(a and b)", "a", True),
        ("((a))", "a", True),
        ("", "", True),
        ("", "a", False),
        ("a b", "a b", True),
    ],
)
def test_expression(expression: str, names: str, verdict: bool) -> None:
    assert matches(expression, items(names), OLD) is verdict


@pytest.mark.parametrize("expression", ["(a", "a)(", "()", "a and (b"])
def test_unbalanced_parentheses_are_refused(expression: str) -> None:
    with pytest.raises(RefusalError, match=r"cannot evaluate|parentheses"):
        matches(expression, ("a",), OLD)


def test_an_endless_expression_is_refused() -> None:
    with pytest.raises(RefusalError, match="too long"):
        matches("(" * 10_000, ("a",), OLD)


@pytest.mark.parametrize(
    ("own", "around", "runtime", "verdict"),
    [
        ("prod, dev", (), "dev", True),
        ("prod", ("dev",), "prod", False),
        ("prod", ("dev",), "prod,dev", True),
        (None, ("dev",), "prod", False),
        (None, (), "prod", True),
        ("@prod", (), "", False),
    ],
)
def test_contexts_around_must_hold_too(
    own: str | None, around: tuple[str, ...], runtime: str, verdict: bool
) -> None:
    assert context_matches(own, around, items(runtime), OLD) is verdict


@pytest.mark.parametrize(
    ("own", "around", "label_filter", "old", "new"),
    [
        ("v1", (), "v1", True, True),
        ("v1, v2", (), "v2", True, True),
        (None, (), "v1", True, True),
        ("v1", (), "!v1", False, False),
        ("v1", (), "v2, v1", True, True),
        # Each set of labels has to pass on its own before 4.29.2, all of them together since.
        ("v1", ("inc",), "v1", False, True),
        (None, ("inc",), "v1", False, False),
        ("v1", ("inc",), "v1 and inc", False, True),
    ],
)
def test_labels(
    own: str | None, around: tuple[str, ...], label_filter: str, old: bool, new: bool
) -> None:
    assert label_matches(own, around, items(label_filter), OLD) is old
    assert label_matches(own, around, items(label_filter), NEW) is new


@pytest.mark.parametrize(
    ("own", "runtime", "old", "new"),
    [
        # Since 4.30 runtime contexts may be expressions, and a required one is required.
        ("a", "a and b", False, False),
        ("a", "a or b", False, True),
        (None, "@a", True, False),
        ("b and @a", "", False, True),
        # Since 5.0.4.
        ("!nocontexts", "", True, False),
        ("(a, b)", "a", None, True),
    ],
)
def test_contexts_differ_between_versions(
    own: str | None, runtime: str, old: bool | None, new: bool
) -> None:
    assert context_matches(own, (), items(runtime, NEW), NEW) is new
    if old is None:
        with pytest.raises(RefusalError):
            context_matches(own, (), items(runtime, OLD), OLD)
    else:
        assert context_matches(own, (), items(runtime, OLD), OLD) is old


@pytest.mark.parametrize(
    ("dbms", "verdict"),
    [
        (None, True),
        (" ", True),
        ("postgresql", True),
        ("PostgreSQL, h2", True),
        ("h2", False),
        ("!h2", True),
        ("!h2, oracle", False),
        ("!postgresql", False),
        ("all", True),
        ("none", False),
        ("all, !postgresql", True),
    ],
)
def test_dbms(dbms: str | None, verdict: bool) -> None:
    assert database_matches(items(dbms)) is verdict
