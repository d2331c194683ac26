"""Grafana's dashboards: the strict rules of dashboard-linter, and what ties them to the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import promql_parser
import pytest

from demo.dashboards.queries import Query, Span, annotation_queries, panel_queries, panels, queries
from demo.world import QUEST
from pg_migration_exporter.bundle.alert_rules import groups
from pg_migration_exporter.bundle.grafana.dashboards import dashboards, uids
from pg_migration_exporter.bundle.grafana.layout import panel_number
from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.bundle.values import load_values, merge
from pg_migration_exporter.liquibase.state.decide import MigrationState
from tests.bundle.series_labels import labels_of
from tests.fixtures.yaml_text import load_yaml

#: Those of the bundle and those of the example.
VALUES = load_values(QUEST / "values.yaml")
DASHBOARDS = dashboards(VALUES)
PANELS = [
    pytest.param(panel, id=f"{uid}-{panel['title']}")
    for uid, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
]
QUERIES = [
    pytest.param(query, id=str(query))
    for dashboard in DASHBOARDS.values()
    for query in queries(dashboard)
]
RULES = [rule for group in groups(VALUES) for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
MARKS = [mark for dashboard in DASHBOARDS.values() for mark in annotation_queries(dashboard)]
#: Units by the names that Grafana has for them.
UNITS = {"none", "short", "s", "bytes", "Bps", "ops", "percentunit", "dateTimeFromNow"}
#: The job of the log pipeline, which has pages and instances of its own.
LOG_JOB = VALUES.logs.metrics.job
SPAN = Span(start=0, end=3600)

every_dashboard = pytest.mark.parametrize("uid", DASHBOARDS)
every_panel = pytest.mark.parametrize("panel", PANELS)
every_query = pytest.mark.parametrize("query", [*QUERIES, *MARKS], ids=str)


def _with(overrides: dict[str, object]) -> dict[str, Any]:
    values = merge(VALUES.model_dump(by_alias=True), overrides)
    return dashboards(Values.model_validate(values))


def _nodes(query: Query) -> Iterator[promql_parser.Expr]:
    found: list[promql_parser.Expr] = []
    promql_parser.walk(promql_parser.parse(SPAN.fill(query.expression)), found.append)
    yield from found


def _selectors(query: Query) -> Iterator[promql_parser.VectorSelector]:
    for node in _nodes(query):
        if isinstance(node, promql_parser.MatrixSelector):
            yield node.vector_selector
        elif isinstance(node, promql_parser.VectorSelector):
            yield node


def _name(selector: promql_parser.VectorSelector) -> str:
    assert selector.name is not None
    return selector.name


# --- the dashboard ----------------------------------------------------------------------------


def test_the_bundle_has_four_and_the_example_adds_one() -> None:
    bundle = {
        "pg-migration-cockpit": "Migration cockpit",
        "pg-migration-exporter": "Exporter",
        "pg-migration-fleet": "Fleet",
        "pg-migration-postgresql": "PostgreSQL",
    }
    titles = {uid: dashboard["title"] for uid, dashboard in DASHBOARDS.items()}
    assert uids(load_values()) == [*bundle]
    assert titles == bundle | {"pg-migration-quest": "Quest service"}


@every_dashboard
def test_dashboard_is_described_and_edited_elsewhere(uid: str) -> None:
    dashboard = DASHBOARDS[uid]
    assert dashboard["uid"] == uid
    assert len(uid) <= 40, "Grafana refuses a longer one"
    assert dashboard["editable"] is False
    assert dashboard["description"]
    assert dashboard["schemaVersion"] == 41


@every_dashboard
def test_variables_choose_the_data_source_and_targets(uid: str) -> None:
    source, *choices = DASHBOARDS[uid]["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )
    names = ["cluster", "job", "instance", "datname", "host", "log"]
    assert [choice["name"] for choice in choices] == names
    for choice in choices:
        assert choice["multi"]
        assert choice["includeAll"]
        everything = {"cluster": ".*", "host": None, "log": None}.get(choice["name"], ".+")
        assert choice.get("allValue") == everything
        assert choice["refresh"] == 2, "again whenever the range of time changes"
        assert choice["datasource"]["uid"] == "${datasource}"
        series = re.fullmatch(r"label_values\((.+), \w+\)", choice["query"])
        assert series
        promql_parser.parse(SPAN.fill(series[1]))


@every_dashboard
def test_panels_lie_on_the_grid_and_none_on_another(uid: str) -> None:
    for opened in _layouts(DASHBOARDS[uid]):
        _lie_apart([panel["gridPos"] for panel in opened])


def _layouts(dashboard: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Yield the panels as they are first shown, and those of each folded row."""
    yield dashboard["panels"]
    for panel in dashboard["panels"]:
        if panel["type"] == "row" and panel["collapsed"]:
            yield [panel, *panel["panels"]]


def _lie_apart(places: list[dict[str, int]]) -> None:
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for place, other in combinations(places, 2):
        apart = (
            place["x"] + place["w"] <= other["x"]
            or other["x"] + other["w"] <= place["x"]
            or place["y"] + place["h"] <= other["y"]
            or other["y"] + other["h"] <= place["y"]
        )
        assert apart, f"{place} lies on {other}"


@every_dashboard
def test_lines_of_panels_leave_no_gap(uid: str) -> None:
    for opened in _layouts(DASHBOARDS[uid]):
        places = [panel["gridPos"] for panel in opened]
        covered = sum(place["w"] * place["h"] for place in places)
        top = min(place["y"] for place in places)
        assert covered == 24 * (max(place["y"] + place["h"] for place in places) - top)


def test_the_first_screen_of_the_cockpit_says_what_matters() -> None:
    """Grafana's grid: 38 pixels for each line, of which 1920 x 1080 shows 24."""
    first = [
        panel for panel in DASHBOARDS["pg-migration-cockpit"]["panels"] if panel["type"] != "row"
    ]
    assert max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in first) <= 24
    assert [panel["title"] for panel in first][:3] == ["Verdict", "Why", "State"]


@every_dashboard
def test_no_panel_merges_clusters(uid: str) -> None:
    """A heatmap shows the buckets of all servers that are chosen."""
    merged = [
        str(query)
        for panel in panels(DASHBOARDS[uid])
        if panel["type"] != "heatmap"
        for query in panel_queries(DASHBOARDS[uid]["title"], panel)
        for kept in _aggregations(query.expression)
        if "cluster" not in kept
    ]
    assert merged == []


def _aggregations(expression: str) -> Iterator[set[str]]:
    """Yield the labels that each aggregation keeps."""
    found: list[set[str]] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.AggregateExpr):
            found.append(set(node.modifier.labels) if node.modifier else set())

    promql_parser.walk(promql_parser.parse(SPAN.fill(expression)), visit)
    yield from found


@every_dashboard
def test_panels_have_numbers_and_names_of_their_own(uid: str) -> None:
    numbers = [panel["id"] for opened in _layouts(DASHBOARDS[uid]) for panel in opened[1:]]
    assert len(set(numbers)) == len(numbers)
    rows = [panel["title"] for panel in DASHBOARDS[uid]["panels"] if panel["type"] == "row"]
    assert len(set(rows)) == len(rows)


# --- the panel --------------------------------------------------------------------------------


@every_panel
def test_panel_says_what_it_shows_and_why_it_may_show_nothing(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["noValue"]
    assert defaults["unit"] in UNITS
    assert panel["datasource"]["uid"] == "${datasource}"
    assert panel["targets"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@every_panel
def test_panel_of_the_log_says_how_to_have_one(panel: dict[str, Any], root: Path) -> None:
    if any(f'job="{LOG_JOB}"' in target["expr"] for target in panel["targets"]):
        assert "docs/logs.md" in panel["fieldConfig"]["defaults"]["noValue"]
    for page in re.findall(r"docs/[\w-]+\.md", panel["fieldConfig"]["defaults"]["noValue"]):
        assert (root / page).is_file()


@every_panel
def test_numbers_of_a_stat_have_a_unit_or_words(panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    if panel["type"] in {"timeseries", "heatmap"}:
        assert defaults["unit"] != "none"
    elif panel["type"] == "stat" and panel["options"]["textMode"] != "name":
        assert defaults["unit"] != "none" or defaults["mappings"]


@every_panel
def test_steps_rise_from_everything(panel: dict[str, Any]) -> None:
    first, *others = (
        step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    )
    assert first is None
    assert others == sorted(others)


@every_panel
def test_columns_of_a_table_are_the_labels_of_its_queries(panel: dict[str, Any]) -> None:
    if panel["type"] != "table":
        return
    organized = panel["transformations"][-1]["options"]["renameByName"]
    columns = {name for name in organized if not name.startswith("Value")}
    found = [
        labels_of(promql_parser.parse(SPAN.fill(query.expression)))
        for query in panel_queries("", panel)
    ]
    assert frozenset.union(*found) == columns
    # Grafana joins lines by the labels that all queries have; one alone may know more of a line.
    shared = frozenset.intersection(*found)
    assert sum(labels != shared for labels in found) <= 1
    for override in panel["fieldConfig"]["overrides"]:
        assert override["matcher"]["options"] in organized.values()


def test_the_fleet_shows_the_worst_state_of_a_server() -> None:
    """Of several numbers the highest counts."""
    table = next(
        panel
        for panel in panels(DASHBOARDS["pg-migration-fleet"])
        if panel["title"] == "Servers and their migrations"
    )
    [words] = (
        override["properties"][0]["value"][0]["options"]
        for override in table["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == "state"
    )
    from_best_to_worst = [words[number]["text"].replace(" ", "_") for number in sorted(words)]
    assert set(from_best_to_worst) == set(MigrationState)
    assert from_best_to_worst[-3:] == [
        MigrationState.UNKNOWN,
        MigrationState.STALE_LOCK,
        MigrationState.FAILED,
    ]
    [query] = (query for query in panel_queries("", table) if query.legend == "state")
    for number, status in enumerate(from_best_to_worst):
        assert re.search(rf'{{status="{status}", .*}} \* {number}$', query.expression, re.MULTILINE)


# --- the query --------------------------------------------------------------------------------


@every_query
def test_query_reads_what_is_declared(query: Query) -> None:
    for selector in _selectors(query):
        labels_of(selector)


@every_query
def test_legend_names_labels_that_are_left(query: Query) -> None:
    if named := set(re.findall(r"{{(\w+)}}", query.legend)):
        assert named <= labels_of(promql_parser.parse(SPAN.fill(query.expression)))


@every_query
def test_query_is_for_the_targets_that_are_chosen(query: Query) -> None:
    for selector in _selectors(query):
        matched = {matcher.name: matcher.value for matcher in selector.matchers.matchers}
        assert {"cluster", "job", "instance"} <= matched.keys(), selector.name
        if matched["job"] == LOG_JOB:
            assert "$log" in query.expression, "the log panels follow the chosen server"


def test_alerts_that_fire_are_ours_also_those_of_a_missing_server() -> None:
    """absent() has no instance, and alerts of the log pipeline have another one."""
    cockpit = DASHBOARDS["pg-migration-cockpit"]
    [panel] = [panel for panel in panels(cockpit) if panel["title"] == "Alerts that fire"]
    [query] = panel_queries("", panel)
    chosen = {"$job": "(exporter)", "$instance": "(db1:9886|db2:9886)", "$log": "(db1:9887)"}
    expression = reduce(_replaced, chosen.items(), query.expression)
    for selector in _selectors(replace(query, expression=expression)):
        matched = {matcher.name: matcher.value for matcher in selector.matchers.matchers}
        assert all(re.fullmatch(matched["job"], job) for job in ("exporter", LOG_JOB, ""))
        instances = ("db1:9886", "db2:9886", "db1:9887", "")
        assert all(re.fullmatch(matched["instance"], instance) for instance in instances)
        assert not re.fullmatch(matched["instance"], "db3:9886")
        assert set(matched["alertname"].split("|")) == {rule["alert"] for rule in ALERTS}
    assert panel["options"]["sortBy"] == [{"displayName": "severity", "desc": True}]


def _replaced(text: str, pair: tuple[str, str]) -> str:
    return text.replace(*pair)


@every_query
def test_windows_follow_the_range_of_time(query: Query) -> None:
    windows = set(re.findall(r"\[(.*?)\]", query.expression))
    assert windows <= {"$__rate_interval", "$__range"}


@every_query
def test_counters_are_read_as_rates(query: Query) -> None:
    rated = {
        node.args[0].vector_selector.name
        for node in _nodes(query)
        if isinstance(node, promql_parser.Call) and node.func.name in {"rate", "increase"}
    }
    names = map(_name, _selectors(query))
    counters = {name for name in names if name.endswith(("_total", "_bucket"))}
    # A gauge of the deployment guide is named like a counter.
    assert counters - {"active_quests_total"} <= rated


# --- ties -------------------------------------------------------------------------------------


#: In expressions of many alerts, as a condition; a panel that shows only these says little.
COMMON = {
    "up",
    "postgres_up",
    "migration_exporter_collector_success",
    "migration_verdict_reason",
}
#: Alerts without a metric of their own, or on one of another program.
WITHOUT_PANEL = {"DatabaseLatencyUncounted", "PostgresDiskFilling", "Watchdog"}
RECORDED = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}


def _metrics(expression: str) -> set[str]:
    """The metrics that an expression reads, and those that recorded series were made from."""
    found: set[str] = set()
    ahead = [expression]
    while ahead:
        parsed: list[promql_parser.Expr] = []
        promql_parser.walk(promql_parser.parse(SPAN.fill(ahead.pop())), parsed.append)
        names = {selector.name for selector in map(_selector, parsed) if selector and selector.name}
        ahead += [RECORDED[name] for name in names - found if name in RECORDED]
        found |= names
    return found


def _selector(node: promql_parser.Expr) -> promql_parser.VectorSelector | None:
    if isinstance(node, promql_parser.MatrixSelector):
        return node.vector_selector
    return node if isinstance(node, promql_parser.VectorSelector) else None


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_alert_leads_to_a_panel_with_a_metric_of_its_own(rule: dict[str, Any]) -> None:
    """Name the alert in `alerts` of such a panel (bundle/dashboards), or add one."""
    address, _, variables = rule["annotations"]["dashboard_url"].partition("{{")
    uid = address.partition("/d/")[2].partition("?")[0]
    number = re.search(r"[?&]viewPanel=(\d+)", address)
    if number is None:
        assert rule["alert"] in WITHOUT_PANEL
        return
    [panel] = [panel for panel in panels(DASHBOARDS[uid]) if panel["id"] == int(number[1])]
    shown = set().union(*(_metrics(target["expr"]) for target in panel["targets"]))
    own = _metrics(rule["expr"])
    assert shown & (own - COMMON or own), panel["title"]
    known = {variable["name"] for variable in DASHBOARDS[uid]["templating"]["list"]}
    assert set(re.findall(r"&var-(\w+)=", variables)) - {"cluster"} <= known
    of_the_log = any("$log" in target["expr"] for target in panel["targets"])
    assert ("&var-log=" in variables) is of_the_log


def test_the_number_of_a_panel_is_that_of_its_titles() -> None:
    """A link in an old notification stays right when panels are added before it."""
    postgresql = DASHBOARDS["pg-migration-postgresql"]["panels"]
    [archiver] = [panel["id"] for panel in postgresql if panel["title"] == "Archiver"]
    assert archiver == panel_number("Can it be restored?", "Archiver") == 20955021


def test_panels_lead_to_runbooks_that_exist(root: Path) -> None:
    web = _with({"urls": {"runbooks": "https://example.com/runbooks"}})
    links = {
        link["url"]
        for dashboard in web.values()
        for panel in panels(dashboard)
        for link in panel["links"]
    }
    assert links
    for link in links:
        name = link.removeprefix("https://example.com/runbooks/")
        assert (root / "docs/runbooks" / name).is_file(), name


def test_runbooks_that_have_no_address_are_no_links() -> None:
    assert not any(
        panel["links"] for dashboard in DASHBOARDS.values() for panel in panels(dashboard)
    )


def matchers_of_the_form(query: str) -> dict[str, str]:
    """The matchers that Alertmanager's form for a new silence reads from its address.

    Its page takes a parameter with a second `=` for none (elm/url, Url.Parser.Query), and does
    without what it cannot read (ui/app/src/Views/SilenceForm/Parsing.elm).
    """
    [(name, _, value)] = [parameter.partition("=") for parameter in query.split("&")]
    assert name == "filter"
    assert "=" not in value
    selector = promql_parser.parse(unquote(value))
    assert isinstance(selector, promql_parser.VectorSelector)
    return {matcher.name: matcher.value for matcher in selector.matchers.matchers}


def test_alert_that_fires_leads_to_a_silence_of_it_on_its_server() -> None:
    web = _with({"urls": {"alertmanager": "https://example.com/alertmanager"}})
    table = next(panel for panel in panels(web["pg-migration-cockpit"]) if "fire" in panel["title"])
    (silence,) = (
        link
        for override in table["fieldConfig"]["overrides"]
        for change in override["properties"]
        if change["id"] == "links"
        for link in change["value"]
        if link["title"] == "Silence"
    )
    line = {"alert": "PostgresDown", "server": "db-1:9886"}
    filled = re.sub(r"\$\{__data\.fields\.(\w+)}", lambda field: line[field[1]], silence["url"])
    form, _, query = filled.partition("?")
    assert form == "https://example.com/alertmanager/#/silences/new"
    assert matchers_of_the_form(query) == {"alertname": "PostgresDown", "instance": "db-1:9886"}
    assert line.keys() <= set(table["transformations"][-1]["options"]["renameByName"].values())


def test_alertmanager_without_an_address_on_the_web_is_no_link() -> None:
    without = _with({"urls": {"alertmanager": "alertmanager"}})
    assert "silences" not in str(without)


def test_limits_are_those_of_the_alerts() -> None:
    raised = _with({"alerts": {"DatabaseReplicationLagHigh": {"threshold": 77}}})
    steps = next(
        panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        for panel in panels(raised["pg-migration-cockpit"])
        if panel["title"] == "Lag of each replica"
    )
    assert steps[-1] == {"color": "red", "value": 77.0}


def test_names_of_the_values_are_followed() -> None:
    other = _with({"prometheus": {"identity": ["job", "instance"]}, "slo": {"objective": 0.9}})
    budget = next(q for q in queries(other["pg-migration-cockpit"]) if "budget" in q.panel)
    assert budget.expression.endswith("/ 0.1")
    assert "by (job, instance, datname)" in budget.expression


# --- how Grafana gets them --------------------------------------------------------------------


def test_sidecar_gets_every_dashboard(root: Path) -> None:
    kustomization = load_yaml((root / "dashboards/kustomization.yaml").read_text())
    assert kustomization["generatorOptions"]["labels"] == {"grafana_dashboard": "1"}
    generated = {
        config_map["name"]: config_map["files"]
        for config_map in kustomization["configMapGenerator"]
    }
    assert generated == {uid: [f"{uid}.json"] for uid in uids(load_values())}


def test_provisioning_has_one_provider_of_files_and_a_prometheus(root: Path) -> None:
    folder = root / "deploy/grafana"
    (provider,) = load_yaml((folder / "dashboards.yaml").read_text())["providers"]
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)
    (source,) = load_yaml((folder / "datasource.yaml").read_text())["datasources"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
