"""Each convention finds what it is for, so that its silence about our rules means something."""

from __future__ import annotations

import pytest

from tests.bundle.conventions import CONVENTIONS


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("rate(postgres_connections[5m]) > 1", "what is no counter"),
        ("postgres_connections", "no condition"),
        ("a / b > 1", "divides by b"),
        ("absent(up{job=~'a.*'})", "no label"),
        ("avg_over_time(a[5m]) > 1", "both wait"),
        ("a{b=~'c'} > 1", "write = instead of =~"),
        ("a{b=~'^c|d'} > 1", "patterns are anchored"),
        ("a > b", "without on"),
        ("rate(a_total[1m]) > 1", "too few scrapes"),
        ("topk(3, a) > 1", "chooses another series"),
    ],
)
def test_a_breach_is_found(expression: str, complaint: str) -> None:
    rule = {"alert": "Any", "expr": expression, "for": "1m"}
    assert complaint in " ".join(breach for ask in CONVENTIONS for breach in ask(rule))


def test_names_and_waiting_are_looked_at() -> None:
    record = {"record": "too_simple", "expr": "a > 1"}
    absent = {"alert": "is_gone", "expr": "absent(a)", "for": "0s"}
    found = " ".join(
        breach for ask in CONVENTIONS for rule in (record, absent) for breach in ask(rule)
    )
    assert "level:metric:operations" in found
    assert "camel case" in found
    assert "every restart" in found
