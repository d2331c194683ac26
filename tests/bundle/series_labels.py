"""Which labels an expression's result can have, from what is declared."""

from __future__ import annotations

from functools import singledispatch

from promql_parser import (
    AggModifierType,
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    LabelModifierType,
    MatchOp,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    SubqueryExpr,
    VectorSelector,
    parse,
)

from pg_migration_exporter.bundle.rule_metrics import SYNTHETIC, custom_families
from pg_migration_exporter.bundle.third_party_metrics import PGBOUNCER
from pg_migration_exporter.logs import log_metrics as metrics
from pg_migration_exporter.metrics.families import BUCKET_LABEL, Family
from pg_migration_exporter.reference.catalogue import FAMILIES
from tests.bundle.all_alerts import QUEST, RECORDS, VALUES

#: Of the quest service itself.
QUEST_SERVICE = (
    Family("quest_query_duration_seconds", "histogram", "Duration of a query of the service."),
    Family("quest_cache_hit_ratio", "gauge", "Share of lookups that the cache answers, 0 to 1."),
    Family("quest_import_success_rate", "gauge", "Share of imports that succeed, 0 to 1."),
)

#: Of node_exporter.
FILE_SYSTEMS = tuple(
    Family(f"node_filesystem_{name}_bytes", "gauge", text, ("device", "fstype", "mountpoint"))
    for name, text in {"avail": "Filesystem space available.", "size": "Filesystem size."}.items()
)

#: What Prometheus adds to every series that it scrapes, or may be told to add.
TARGET_LABELS = frozenset(VALUES.prometheus.identity)

#: Functions whose result has the labels of their argument.
_KEEPING = {
    "changes",
    "increase",
    "last_over_time",
    "max_over_time",
    "avg_over_time",
    "quantile_over_time",
    "rate",
    "round",
}


def series_of(family: Family) -> dict[str, frozenset[str]]:
    """Return the series that a family has, each with its labels."""
    labels = TARGET_LABELS | set(family.labels)
    buckets = {f"{family.name}_bucket"}
    return {name: labels | {BUCKET_LABEL} if name in buckets else labels for name in family.series}


#: Every series that can exist, the exporter's, the log pipeline's and others' -> its labels; those
#: that rules record are added below.
DECLARED = dict.fromkeys(SYNTHETIC, TARGET_LABELS) | {
    name: labels
    for family in (
        *PGBOUNCER,
        *QUEST_SERVICE,
        *FILE_SYSTEMS,
        *metrics.FAMILIES,
        *FAMILIES,
        *custom_families(QUEST.with_name("metrics.yaml")),
    )
    for name, labels in series_of(family).items()
}


@singledispatch
def labels_of(node: Expr) -> frozenset[str]:
    """Return the labels that an element of the node's result can have.

    Fails with AssertionError for a series or a label that nothing declares.
    """
    raise NotImplementedError(f"teach labels_of() what {type(node).__name__} keeps")


@labels_of.register
def _(node: VectorSelector) -> frozenset[str]:
    assert node.name in DECLARED, f"no family is declared for {node.name}"
    matched = {matcher.name for matcher in node.matchers.matchers}
    assert matched <= DECLARED[node.name], f"{node.name} has no {matched - DECLARED[node.name]}"
    return DECLARED[node.name]


@labels_of.register
def _(node: MatrixSelector) -> frozenset[str]:
    return labels_of(node.vector_selector)


@labels_of.register
def _(node: SubqueryExpr) -> frozenset[str]:
    return labels_of(node.expr)


@labels_of.register
def _(node: ParenExpr) -> frozenset[str]:
    return labels_of(node.expr)


@labels_of.register
def _(_: NumberLiteral) -> frozenset[str]:
    return frozenset()


@labels_of.register
def _(node: Call) -> frozenset[str]:
    match node.func.name:
        case name if name in _KEEPING:
            return labels_of(node.args[-1])
        case "histogram_quantile":
            return labels_of(node.args[1]) - {BUCKET_LABEL}
        case "label_replace":
            return labels_of(node.args[0]) | {node.args[1].val}
        case "absent":
            labels_of(node.args[0])
            matchers = node.args[0].matchers.matchers
            return frozenset(matcher.name for matcher in matchers if matcher.op == MatchOp.Equal)
        case "vector" | "time":
            return frozenset()
        case name:
            raise NotImplementedError(f"teach labels_of() what {name}() keeps")


@labels_of.register
def _(node: AggregateExpr) -> frozenset[str]:
    """An aggregation says what it keeps; a label that its argument lacks would be a mistake.

    The verdict keeps the database of any condition that has one: group by (..., datname).
    """
    inner = labels_of(node.expr) | ({"datname"} if str(node.op) == "group" else set())
    assert node.modifier, "write by (...)"
    assert node.modifier.type == AggModifierType.By, "write by (...)"
    assert set(node.modifier.labels) <= inner, f"{set(node.modifier.labels) - inner} is not there"
    return frozenset(node.modifier.labels)


@labels_of.register
def _(node: BinaryExpr) -> frozenset[str]:
    left, right = labels_of(node.lhs), labels_of(node.rhs)
    matching = node.modifier.matching if node.modifier else None
    if matching and matching.type == LabelModifierType.Include:
        assert set(matching.labels) <= left & right, f"{matching.labels} not on both sides"
    if isinstance(node.lhs, NumberLiteral) or node.lhs.prettify() == "time()":
        return right
    return left | right if str(node.op) == "or" else left


for _rule in RECORDS:
    # A rule may go on with its own last value, so that its name comes before its labels.
    DECLARED.setdefault(_rule["record"], frozenset())
    DECLARED[_rule["record"]] |= labels_of(parse(_rule["expr"])) | set(_rule.get("labels", {}))

#: What Prometheus writes for each alert has the labels of whatever the alert is about.
DECLARED["ALERTS"] = frozenset({"alertname", "alertstate", "severity"}).union(*DECLARED.values())
