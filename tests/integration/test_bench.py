"""The benchmark measures what it says: that is asserted here, not how fast anything is."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.accounts import cpu_seconds, read_account, resident_bytes
from bench.client import Client
from bench.contenders import CONTENDERS, OURS, running
from bench.measure import Measurement, Result
from bench.plan import Plan
from bench.report import MARK, ROWS, markdown
from bench.server import create_role, running_server
from demo.markdown import rewrite
from testbed.errors import StackError
from testbed.exporter import Exporter
from testbed.ports import free_port
from testbed.postgres import Server
from testbed.programs import ROOT
from testbed.workspace import Workspace

PLAN = Plan(
    tables=5,
    sessions=4,
    warm_up=2,
    rounds=2,
    scrapes=3,
    rest=0.2,
    scrapes_under_lock=1,
    deadline=3,
)


@pytest.fixture(scope="module")
def bench_server(workspace: Workspace) -> Iterator[Server]:
    with running_server(workspace, PLAN) as server:
        yield server


@pytest.fixture(scope="module")
def results(workspace: Workspace, bench_server: Server) -> dict[str, Result]:
    with running(workspace, bench_server, CONTENDERS, PLAN.deadline) as entries:
        results = Measurement(bench_server, entries, PLAN, str).run()
    return {result.contender.role: result for result in results}


def test_everything_is_measured(results: dict[str, Result]) -> None:
    for result in results.values():
        assert result.samples > 0
        assert result.resident > 2**20
        for measured in result.rounds:
            assert len(measured.seconds) == PLAN.scrapes
            assert 0 < measured.percentile(50) <= measured.percentile(99) <= max(measured.seconds)
            assert measured.used.cpu > 0
            assert measured.used.database_time > 0


def test_cost_is_charged_to_its_cause(results: dict[str, Result]) -> None:
    """The two differ by one query, over the tables of the application and of Liquibase."""
    ours, other = results["peer"], results["peer_tables"]
    for mine, theirs in zip(ours.rounds, other.rounds, strict=True):
        assert theirs.used.statements - mine.used.statements == PLAN.scrapes
    assert other.samples - ours.samples > 20 * PLAN.tables


def test_our_scrapes_open_no_session(results: dict[str, Result]) -> None:
    assert [ours.used.sessions for ours in results[OURS.role].rounds] == [0] * PLAN.rounds


def test_locked_table_stops_only_who_waits_for_it(results: dict[str, Result]) -> None:
    ours, stuck = results[OURS.role].under_lock, results["peer_tables"].under_lock
    assert ours.answered == ours.scrapes == PLAN.scrapes_under_lock
    assert ours.connections <= 2
    assert (stuck.answered, stuck.scrapes) == (0, PLAN.scrapes_under_lock)
    assert stuck.longest >= PLAN.deadline
    assert stuck.connections > 0


def test_account_of_a_role(bench_server: Server) -> None:
    database = bench_server.database()
    visitor = create_role(database, "visitor")
    before = read_account(bench_server, database, "visitor", os.getpid())
    for _ in range(2):
        visitor.execute("SELECT pg_sleep(0.05)")
    used = read_account(bench_server, database, "visitor", os.getpid()).since(before)
    assert (used.sessions, used.statements) == (2, 2)
    assert used.database_time >= 0.1


def test_processor_time_is_that_of_the_process() -> None:
    before = time.process_time()
    measured = cpu_seconds(os.getpid())
    assert before <= measured <= time.process_time()


def test_memory_is_that_of_the_process() -> None:
    before = resident_bytes(os.getpid())
    touched = b"x" * 2**26
    assert resident_bytes(os.getpid()) - before >= 0.9 * len(touched)


def test_page_without_a_server_is_no_complete_answer(workspace: Workspace) -> None:
    nowhere = {"postgres": {"dsn": f"host=127.0.0.1 port={free_port()}"}}
    with (
        Exporter(workspace, nowhere, "nowhere") as exporter,
        Client(exporter.port, deadline=5) as client,
    ):
        answer = client.scrape()
    assert answer.status == 200
    assert not answer.is_complete(OURS.fault)


def test_nobody_answering_is_an_answer_without_a_status() -> None:
    with Client(free_port(), deadline=1) as client:
        assert client.scrape().status is None


def test_page_is_rewritten_between_its_markers(tmp_path: Path, results: dict[str, Result]) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n<!-- {MARK} -->\nold\n<!-- /{MARK} -->\nafter\n")
    table = markdown(list(results.values()), {"CPU": "fast"})
    for _ in range(2):
        rewrite(page, MARK, table)
        assert page.read_text() == f"before\n<!-- {MARK} -->\n{table}\n<!-- /{MARK} -->\nafter\n"
    assert all(f"\n| {row.title} | {row.show(results[OURS.role])} |" in table for row in ROWS)


def test_page_without_markers_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text")
    with pytest.raises(StackError, match=r"page\.md lacks"):
        rewrite(page, MARK, "table")
    assert page.read_text() == "text"


def test_the_project_keeps_a_table() -> None:
    text = (ROOT / "docs/benchmarks.md").read_text()
    assert all(f"| {row.title} | " in text for row in ROWS)
