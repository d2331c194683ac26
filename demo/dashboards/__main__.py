"""`python -m demo.dashboards FOLDER`: run the demo's migration, then draw every dashboard.

An index build waits for a transaction while they are drawn. Exit code 0, or 2 if a server
cannot be started.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from demo.command import run
from demo.dashboards.picture import picture
from demo.dashboards.queries import Span
from demo.report import Report
from demo.scenarios.indexes import INDEX_BUILD_WAITS
from demo.story import good_migration
from demo.world import QUEST, World, running_world
from pg_migration_exporter.bundle.grafana.dashboards import dashboards
from pg_migration_exporter.bundle.values import load_values
from testbed.prometheus import Prometheus
from testbed.waiting import wait_until
from testbed.workspace import Workspace

#: Seconds of a calm server that the pictures show before the migration and after it.
_CALM = 30
_BASELINE = "datname:postgres_query_duration_seconds:p95_baseline"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.dashboards", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write dashboard-*.png")
    options = parser.parse_args()
    report = Report()
    return run(lambda: _run(report, options.folder), report)


def _run(report: Report, folder: Path) -> None:
    with (
        Workspace() as workspace,
        running_world(workspace, report) as world,
    ):
        _show(world, report, folder)


def _show(world: World, report: Report, folder: Path) -> None:
    began = time.time()
    wait_until(lambda: world.prometheus.query(_BASELINE), 60, "there is a baseline")
    time.sleep(_CALM)
    good_migration(world, report)
    world.database.execute("ANALYZE")
    time.sleep(_CALM)
    with INDEX_BUILD_WAITS.inject(world):
        wait_until(
            lambda: "DatabaseIndexBuildSlow" in world.prometheus.firing(), 60, "the build is slow"
        )
        draw_all(world.prometheus, Span(began, time.time()), folder)


def draw_all(prometheus: Prometheus, span: Span, folder: Path) -> list[Path]:
    """Draw every dashboard, also the quest example's; return the files. Raises StackError."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for uid, dashboard in dashboards(load_values(QUEST / "values.yaml")).items():
        path = folder / f"dashboard-{uid.removeprefix('pg-migration-')}.png"
        picture(dashboard, prometheus, span, path)
        drawn.append(path)
    return drawn


if __name__ == "__main__":
    raise SystemExit(main())
