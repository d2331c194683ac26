"""Conventions of rules, on their syntax trees: pint's offline checks and the field's lessons.

Each returns what it finds wrong in a rule; tests ask all of them of all rules.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import promql_parser
from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    MatchOp,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    VectorSelector,
)

_COMPARISONS = {"==", "!=", ">", "<", ">=", "<="}
_RATES = {"rate", "increase", "irate", "resets"}
_CHOICES = {"topk", "bottomk", "limitk", "limit_ratio"}
#: Four scrapes of Prometheus' default interval.
_SHORTEST_RANGE = timedelta(minutes=4)
#: Functions that need one sample.
_ONE_SAMPLE = {"last_over_time", "max_over_time"}
_SMOOTHING = {"avg_over_time", "min_over_time", "sum_over_time"}


def _nodes(rule: dict[str, Any]) -> Iterator[Expr]:
    found: list[Expr] = []
    promql_parser.walk(promql_parser.parse(rule["expr"]), found.append)
    return iter(found)


def _calls(rule: dict[str, Any]) -> Iterator[Call]:
    return (node for node in _nodes(rule) if isinstance(node, Call))


def _plain(node: Expr) -> Expr:
    while isinstance(node, ParenExpr):
        node = node.expr
    return node


def _counters_only_in_rates(rule: dict[str, Any]) -> Iterator[str]:
    """pint promql/counter, promql/rate: a counter's value means nothing, its growth does."""
    for call in _calls(rule):
        for argument in call.args:
            if isinstance(argument, MatrixSelector) and call.func.name in _RATES:
                name = argument.vector_selector.name or ""
                if not re.search(r"_(total|bucket|count|sum)$", name):
                    yield f"{call.func.name}({name}) of what is no counter"


def _alerts_compare(rule: dict[str, Any]) -> Iterator[str]:
    """pint alerts/comparison: an expression without a condition fires as long as it has series."""
    if "alert" in rule and not _conditional(promql_parser.parse(rule["expr"])):
        yield "no condition: it would fire whenever there are series"


def _conditional(node: Expr) -> bool:
    node = _plain(node)
    if isinstance(node, Call):
        return node.func.name in {"absent", "vector"} or any(map(_conditional, node.args))
    if isinstance(node, AggregateExpr):
        return _conditional(node.expr)
    if isinstance(node, BinaryExpr):
        if str(node.op) in _COMPARISONS or str(node.op) == "unless":
            return True
        sides = (_conditional(node.lhs), _conditional(node.rhs))
        return all(sides) if str(node.op) == "or" else any(sides)
    return False


def _denominators_are_guarded(rule: dict[str, Any]) -> Iterator[str]:
    """A share of nothing is NaN, and one of next to nothing is noise."""
    for node in _nodes(rule):
        if isinstance(node, BinaryExpr) and str(node.op) == "/":
            divisor = _plain(node.rhs)
            guarded = isinstance(divisor, BinaryExpr) and str(divisor.op) == ">"
            if not guarded and not isinstance(divisor, NumberLiteral):
                yield f"divides by {divisor.prettify()}, which may be 0"


def _absent_waits_and_matches_exactly(rule: dict[str, Any]) -> Iterator[str]:
    for call in _calls(rule):
        if call.func.name == "absent" and "alert" in rule:
            matchers = call.args[0].matchers.matchers
            if rule["for"] == "0s":
                yield "absent() without `for` fires at every restart of Prometheus"
            if any(matcher.op != MatchOp.Equal for matcher in matchers):
                yield "absent() with a matcher that gives its result no label"


def _no_smoothing_with_for(rule: dict[str, Any]) -> Iterator[str]:
    """Unless the rule asks for the series itself as well: then this waits no longer than `for`."""
    if "alert" in rule and rule["for"] != "0s":
        ranges = [n.vector_selector.name for n in _nodes(rule) if isinstance(n, MatrixSelector)]
        names = [n.name for n in _nodes(rule) if isinstance(n, VectorSelector)]
        asked = (Counter(names) - Counter(ranges)).keys()
        for call in _calls(rule):
            if call.func.name in _SMOOTHING and not _names(call) & asked:
                yield f"{call.func.name}() and `for` both wait: one of them is enough"


def _matchers_are_anchored_already(rule: dict[str, Any]) -> Iterator[str]:
    """pint promql/regexp: a pattern without a meta character is an equality."""
    for node in _nodes(rule):
        selector = node.vector_selector if isinstance(node, MatrixSelector) else node
        if isinstance(selector, VectorSelector):
            for matcher in selector.matchers.matchers:
                if matcher.op in (MatchOp.Re, MatchOp.NotRe):
                    if re.match(r"\^|.*\$$", matcher.value):
                        yield f"{matcher.name}: patterns are anchored"
                    if not re.search(r"[|.*+?\[(]", matcher.value):
                        yield f"{matcher.name}: write = instead of =~"


def _joins_say_on_what(rule: dict[str, Any]) -> Iterator[str]:
    """Series of two families have other labels in each installation: name those to join by.

    Two selections of one series, and numbers, match as they are.
    """
    for node in _nodes(rule):
        if isinstance(node, BinaryExpr) and str(node.op) != "or":
            names = [_names(node.lhs), _names(node.rhs)]
            explicit = bool(node.modifier and node.modifier.matching)
            if all(names) and not explicit and not _of_one_shape(rule, *names):
                yield f"{node.op} of {names[0]} and {names[1]} without on (...)"


def _names(node: Expr) -> set[str]:
    found: set[str] = set()

    def visit(inner: Expr) -> None:
        if isinstance(inner, VectorSelector) and inner.name:
            found.add(inner.name)

    promql_parser.walk(node, visit)
    return found


def _of_one_shape(rule: dict[str, Any], left: set[str], right: set[str]) -> bool:
    """Whether both sides are of one family, recorded alike, or aggregated by the same labels."""
    recorded = all(":" in name for name in left | right)
    aggregated = "sum by (" in rule["expr"]
    return bool(left & right) or recorded or aggregated


def _names_are_camel_case_or_level_metric_operation(rule: dict[str, Any]) -> Iterator[str]:
    """Prometheus, "Recording rules"; the verdict has no level and no operation."""
    if "alert" in rule and not re.fullmatch(r"[A-Z][A-Za-z0-9]+", rule["alert"]):
        yield "write alerts in camel case"
    if "record" in rule and not re.fullmatch(r"[a-z_]+(:[a-z0-9_]+){1,2}", rule["record"]):
        yield "write level:metric:operations"


def _ranges_hold_some_scrapes(rule: dict[str, Any]) -> Iterator[str]:
    """pint promql/rate: a rate needs two samples, and a scrape may fail."""
    for call in _calls(rule):
        for node in call.args:
            is_short = isinstance(node, MatrixSelector) and node.range < _SHORTEST_RANGE
            if is_short and call.func.name not in _ONE_SAMPLE:
                yield f"a range of {node.range} holds too few scrapes"


def _no_choice_of_series(rule: dict[str, Any]) -> Iterator[str]:
    """pint promql/fragile: which series come out changes from one evaluation to the next."""
    for node in _nodes(rule):
        if isinstance(node, AggregateExpr) and str(node.op) in _CHOICES:
            yield f"{node.op}() starts `for` anew whenever it chooses another series"


#: A rule -> a sentence for each breach.
CONVENTIONS: tuple[Callable[[dict[str, Any]], Iterator[str]], ...] = (
    _counters_only_in_rates,
    _alerts_compare,
    _denominators_are_guarded,
    _absent_waits_and_matches_exactly,
    _no_smoothing_with_for,
    _matchers_are_anchored_already,
    _joins_say_on_what,
    _ranges_hold_some_scrapes,
    _no_choice_of_series,
    _names_are_camel_case_or_level_metric_operation,
)
