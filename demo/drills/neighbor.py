"""A second server next to the demo's, in which nothing happens: no alert may fire for it.

It has an idle database, and a standby that is delayed on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from demo.report import Report
from demo.world import EXPORTER_ROLE, JOB, SERVER_SETTINGS, World
from testbed.exporter import Exporter
from testbed.postgres import Server
from testbed.programs import ROOT
from testbed.waiting import wait_until

_IDLE = "idle"
_DELAY = {"recovery_min_apply_delay": "1h"}


@contextmanager
def neighbor(world: World, report: Report) -> Iterator[None]:
    """Run the server and its standby while the body runs, with an exporter for each."""
    with report.step("a second server, its delayed standby, and their exporters") as details:
        primary = Server(world.workspace, "second", SERVER_SETTINGS)
        with primary, primary.standby("delayed", SERVER_SETTINGS) as bare:
            _prepare(primary)
            primary.wait_for_replay(bare)
            bare.configure(_DELAY)
            bare.restart()
            with _exporter(world, primary) as one, _exporter(world, bare) as other:
                addresses = [world.exporter.address, one.address, other.address]
                details.append(f"ports {primary.port} and {bare.port}")
                with world.prometheus.scraping_also({JOB: addresses}):
                    wait_until(
                        lambda: len(world.prometheus.query("postgres_up == 1")) == len(addresses),
                        30,
                        "all three exporters are scraped",
                    )
                    yield


def _prepare(primary: Server) -> None:
    primary.create_database(_IDLE)
    primary.database(_IDLE).execute("CREATE EXTENSION pg_stat_statements")
    primary.run_script(ROOT / "sql/grants.sql", _IDLE, exporter=EXPORTER_ROLE)
    primary.set_password(EXPORTER_ROLE)


def _exporter(world: World, server: Server) -> Exporter:
    dsn = server.database(_IDLE).as_user(EXPORTER_ROLE).conninfo()
    return Exporter(world.workspace, {"postgres": {"dsn": dsn}}, f"exporter-{server.name}")
