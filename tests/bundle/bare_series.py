"""Which series reach the result of a rule, or a match, without being aggregated.

Two pods behind one instance, or a federated copy, have each series twice. A match of such series
is an error that takes all alerts of its rule, and an alert that keeps their labels begins anew
with each pod.
"""

from __future__ import annotations

from functools import singledispatch

from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    MatrixSelector,
    ParenExpr,
    SubqueryExpr,
    VectorSelector,
    parse,
)

from tests.bundle.all_alerts import VALUES

#: The labels that must survive; a site of several targets has no instance.
_IDENTITY = set(VALUES.prometheus.identity) - {"instance"}
#: They match as many series as there are, and keep those of the left side alone.
_MANY = {"and", "unless"}


def bare_series(expression: str) -> set[str]:
    """Return the names of series that are not aggregated; a recorded series is."""
    return _bare(parse(expression))


@singledispatch
def _bare(node: Expr) -> set[str]:
    return set()


@_bare.register
def _(node: VectorSelector) -> set[str]:
    name = node.name or ""
    return set() if ":" in name else {name}


@_bare.register
def _(node: MatrixSelector) -> set[str]:
    return _bare(node.vector_selector)


@_bare.register(ParenExpr)
@_bare.register(SubqueryExpr)
def _(node: ParenExpr | SubqueryExpr) -> set[str]:
    return _bare(node.expr)


@_bare.register
def _(node: Call) -> set[str]:
    if node.func.name == "absent":
        return set()
    return set().union(*map(_bare, node.args))


@_bare.register
def _(node: AggregateExpr) -> set[str]:
    kept = set(node.modifier.labels) if node.modifier else set()
    return set() if kept >= _IDENTITY else _bare(node.expr)


@_bare.register
def _(node: BinaryExpr) -> set[str]:
    left = _bare(node.lhs)
    return left if str(node.op) in _MANY and node.modifier else left | _bare(node.rhs)
