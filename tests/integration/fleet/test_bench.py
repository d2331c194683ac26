"""The fleet benchmark measures what it says: that is asserted here, not how fast anything is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

import bench.report
from bench.fleet.curves import Curve, measure_curves
from bench.fleet.plan import FleetPlan
from bench.fleet.plot import Line, Panel, draw
from bench.fleet.report import MARK, fleet_rows, markdown, plot
from bench.fleet.scraped import FleetResult, measure_fleet
from bench.fleet.server import running_fleet, running_server
from demo.markdown import rewrite
from testbed.postgres import Server
from testbed.programs import ROOT
from testbed.workspace import Workspace

PLAN = FleetPlan(
    targets=3,
    servers=2,
    interval=2,
    intervals=3,
    tables=(3, 10),
    statements=(3, 10),
    few=3,
    scrapes=3,
)


@pytest.fixture(scope="module")
def curve_server(workspace: Workspace) -> Iterator[Server]:
    with running_server(workspace, PLAN) as server:
        yield server


@pytest.fixture(scope="module")
def fleet(workspace: Workspace) -> FleetResult:
    with running_fleet(workspace, PLAN) as servers:
        return measure_fleet(workspace, servers, PLAN, str)


@pytest.fixture(scope="module")
def curves(workspace: Workspace, curve_server: Server) -> tuple[Curve, Curve]:
    return measure_curves(workspace, curve_server, PLAN, str)


def test_every_target_is_scraped_by_prometheus(fleet: FleetResult) -> None:
    assert fleet.targets == PLAN.targets
    assert fleet.expected == PLAN.targets * PLAN.intervals
    assert fleet.answered
    assert 0 < fleet.percentile(50) <= fleet.percentile(99) <= max(fleet.answered)
    assert min(fleet.cpu, fleet.cpu_of_servers) > 0
    assert fleet.servers == PLAN.servers
    assert fleet.connections == 2 * PLAN.targets
    assert fleet.resident >= fleet.resident_before > 2**20


def test_a_curve_has_a_point_for_each_size(curves: tuple[Curve, Curve]) -> None:
    tables, statements = curves
    assert [point.size for point in tables.points] == [*PLAN.tables]
    assert [point.size for point in statements.points] == [*PLAN.statements]
    few, many = tables.points
    assert many.samples > few.samples
    for point in (*tables.points, *statements.points):
        assert min(point.first, point.p50, point.cpu, point.database_time) > 0


def test_the_page_holds_every_figure(fleet: FleetResult, curves: tuple[Curve, Curve]) -> None:
    text = markdown(fleet, curves, {"CPU": "fast"}, "picture.svg")
    assert all(f"| {name} | {value} |" in text for name, value in fleet_rows(fleet))
    assert "(picture.svg)" in text
    ElementTree.fromstring(plot(curves))


def test_its_figures_take_the_place_of_its_own_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    others = f"<!-- {bench.report.MARK} -->\na\n<!-- /{bench.report.MARK} -->"
    page.write_text(f"{others}\n<!-- {MARK} -->\nb\n<!-- /{MARK} -->\n")
    for _ in range(2):
        rewrite(page, MARK, "new")
    assert page.read_text() == f"{others}\n<!-- {MARK} -->\nnew\n<!-- /{MARK} -->\n"


def test_the_plot_places_points_by_their_logarithm() -> None:
    lines = [Line("a < b", [(10, 1), (100, 10), (1000, 100)])]
    picture = ElementTree.fromstring(draw([Panel("title", "x & y", "ms", lines)]))
    circles = picture.findall(".//{http://www.w3.org/2000/svg}circle")
    across, up = ([float(circle.attrib[key]) for circle in circles] for key in ("cx", "cy"))
    assert across[1] - across[0] == pytest.approx(across[2] - across[1], abs=0.2)
    assert up[0] - up[1] == pytest.approx(up[1] - up[2], abs=0.2)
    assert up[0] > up[2]


def test_the_project_keeps_the_figures() -> None:
    text = (ROOT / "docs/benchmarks.md").read_text().partition(MARK)[2]
    assert "| scrapes lost |" in text
    assert "| memory for each target |" in text
    ElementTree.parse(ROOT / "docs/benchmarks-fleet.svg")
