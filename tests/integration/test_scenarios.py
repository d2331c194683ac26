"""Each fault, made to happen in a real world, fires its own alerts and no other.

The expressions are those of the bundle; only durations and thresholds of time are scaled down.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from demo.dashboards.picture import picture
from demo.dashboards.queries import Query, Span, queries
from demo.report import Report
from demo.scenarios import FAULTS, Fault
from demo.scenarios.indexes import INDEX_BUILD_WAITS
from demo.scenarios.migration import MIGRATION_BLOCKS_TRAFFIC
from demo.scenarios.sessions import TABLE_LOCKED
from demo.scenarios.watching import GRANT_REVOKED
from demo.story import AlertWatch, good_migration, run_fault
from demo.world import QUEST, World, running_world
from pg_migration_exporter.bundle.grafana.dashboards import dashboards
from pg_migration_exporter.bundle.rule_metrics import custom_families
from pg_migration_exporter.bundle.values import load_values
from pg_migration_exporter.config.checks import read_checks
from testbed.programs import exporter_command
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.integration.panels import EMPTY, UNCERTAIN

VALUES = load_values(QUEST / "values.yaml")
#: One of each kind of drill: the drills themselves take too long for every change.
SAMPLED = (MIGRATION_BLOCKS_TRAFFIC, TABLE_LOCKED, GRANT_REVOKED)
GUIDE = {
    "DatabaseMigrationFailed",
    "DatabaseQueryLatencyHigh",
    "DatabaseConnectionPoolExhausted",
    "DatabaseIndexBuildSlow",
    "DatabaseReplicationLagHigh",
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """The world of the demo after its good migration, which fires nothing."""
    with Workspace() as workspace, running_world(workspace, Report()) as world:
        outcome = good_migration(world, Report())
        assert outcome.is_as_expected
        yield world


def await_series(world: World, query: str) -> None:
    """Await that Prometheus has an answer."""
    wait_until(lambda: world.prometheus.query(query), 60, query)


def test_every_alert_of_the_deployment_guide_has_a_fault() -> None:
    assert {alert for fault in FAULTS for alert in fault.alerts} >= GUIDE


def test_prometheus_accepts_every_rule(world: World) -> None:
    rules = world.prometheus.rules()
    assert {rule["name"] for rule in rules} >= GUIDE
    assert {rule["health"] for rule in rules} == {"ok"}


def test_prometheus_has_the_business_metrics_of_the_example(world: World) -> None:
    names = {family.name: family.type for family in custom_families(QUEST / "metrics.yaml")}
    assert set(names) >= {
        "active_quests_total",
        "quest_completion_rate",
        "average_quest_duration_seconds",
        "quest_abandonment_rate",
        "quest_validation_errors_total",
    }
    for name, kind in names.items():
        series = f"{name}_bucket" if kind == "histogram" else name
        await_series(world, f'{series}{{datname="game"}}')


def test_prometheus_has_the_checks_of_the_example(world: World) -> None:
    """All pass after the good migration."""
    names = {check.name for _, check in read_checks([QUEST / "checks.yaml"], QUEST)}
    passing = 'migration_check_status{datname="game"} == 1'
    wait_until(
        lambda: {series["metric"]["check"] for series in world.prometheus.query(passing)} == names,
        60,
        passing,
    )


def test_servers_log_what_the_pipeline_reads(world: World) -> None:
    for server in (world.primary, world.standby):
        log = world.workspace.root / f"{server.name}_log"
        done = subprocess.run(
            [exporter_command(), "logs", "check", log], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    texts = [path.read_text() for path in (world.workspace.root / "primary_log").glob("*.[cj]s*")]
    assert any("CREATE TABLE gameplay.quest_definitions" in text for text in texts)


def test_every_query_of_every_dashboard_has_an_answer(world: World, tmp_path: Path) -> None:
    """Series that came with the migration, and with a build that waits; but for what is listed.

    The cockpit, which has a panel of each kind, is drawn as in the documents.
    """
    asked = [query for board in dashboards(VALUES).values() for query in queries(board)]
    watch = AlertWatch(world, INDEX_BUILD_WAITS)
    world.database.execute("ANALYZE")
    with INDEX_BUILD_WAITS.inject(world):
        for awaited in ("migration:verdict_reason", "postgres_table_bloat_ratio"):
            await_series(world, awaited)
        now = time.time()
    span = Span(now - 600, now)  # whole steps, so that the last one is now
    found = {query: query.query_shown(world.prometheus, span) for query in asked}
    cockpit = dashboards(VALUES)["pg-migration-cockpit"]
    picture(cockpit, world.prometheus, span, tmp_path / "cockpit.png")
    watch.await_calm()
    assert (tmp_path / "cockpit.png").read_bytes().startswith(b"\x89PNG")
    without = {query for query, series in found.items() if not series}
    assert not [str(query) for query in without if not _listed(query, EMPTY | UNCERTAIN)]
    assert not [str(query) for query in found.keys() - without if _listed(query, EMPTY)]


def test_lists_of_empty_panels_name_panels() -> None:
    asked = [query for board in dashboards(VALUES).values() for query in queries(board)]
    for name in EMPTY | UNCERTAIN:
        assert any(_listed(query, {name: ""}) for query in asked), name


def _listed(query: Query, names: Mapping[str, str]) -> bool:
    return str(query) in names or f"{query.dashboard} / {query.panel}" in names


@pytest.mark.parametrize("fault", [*FAULTS, *SAMPLED], ids=lambda fault: fault.name)
def test_fault_fires_its_alerts_alone_and_they_resolve(world: World, fault: Fault) -> None:
    outcome = run_fault(fault, world, Report())
    assert fault.alerts <= outcome.detected.keys()
    assert outcome.false_alarms == set()
    assert outcome.resolved.keys() == outcome.detected.keys()
    assert outcome.messages
