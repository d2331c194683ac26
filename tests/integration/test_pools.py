"""Pools of connections: the limits of server, databases, roles, and budgets of applications."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from testbed.database import Database
from testbed.postgres import Server
from tests.fixtures.exporters import Page, StartExporter, scrape

_ROLE = 'quest "service"'


@pytest.fixture
def role(server: Server) -> Iterator[str]:
    server.create_role(_ROLE)
    yield _ROLE
    server.database().execute(f"DROP ROLE {quoted(_ROLE)}")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def pool(page: Page, pool_type: str, name: str) -> tuple[list[float], ...]:
    """Connections, limit and utilization of one pool."""
    return tuple(
        page.values(f"postgres_connection_pool_{what}", pool_type=pool_type, pool=name)
        for what in ("connections", "limit", "utilization")
    )


def test_each_limit_is_a_pool(database: Database, role: str, start_exporter: StartExporter) -> None:
    database.execute(f"ALTER DATABASE {database.name} CONNECTION LIMIT 8")
    database.execute(f"ALTER ROLE {quoted(role)} CONNECTION LIMIT 4")
    budget = {"name": "service", "max_connections": 6, "application_names": ["quest-service"]}
    elsewhere = {**budget, "name": "elsewhere", "databases": ["postgres"]}
    by_role = {"name": "by role", "max_connections": 2, "roles": [role]}
    exporter = start_exporter(
        database, watch={"enabled": False}, pools=[budget, elsewhere, by_role]
    )
    with ExitStack() as stack:
        for number in range(3):
            name = "quest-service" if number else "other"
            client = database.as_user(role).connect(application_name=name)
            stack.enter_context(closing(client))
        page = scrape(exporter)
    # The exporter is the fourth session of the database.
    assert pool(page, "database", database.name) == ([4], [8], [0.5])
    assert pool(page, "role", role) == ([3], [4], [0.75])
    *counted, [share] = pool(page, "application", "service")
    assert counted == [[2], [6]]
    assert share == pytest.approx(1 / 3)
    assert pool(page, "application", "elsewhere") == ([0], [6], [0])
    assert pool(page, "application", "by role") == ([3], [2], [1.5])
    [[used], [limit], [use]] = pool(page, "server", "max_connections")
    assert used >= 4
    most = page.value("postgres_connections_max") - page.value("postgres_connections_reserved")
    assert limit == most
    assert use == pytest.approx(used / limit)


def test_what_has_no_limit_is_no_pool(
    database: Database, role: str, start_exporter: StartExporter
) -> None:
    """Nor is a superuser's: it does not bind."""
    database.execute(f"ALTER ROLE {quoted(role)} SUPERUSER CONNECTION LIMIT 3")
    page = scrape(start_exporter(database))
    pools = {
        sample.labels["pool"]
        for sample in page.samples
        if sample.name == "postgres_connection_pool_utilization"
    }
    assert "max_connections" in pools
    assert not pools & {role, database.name}


def test_a_limit_of_zero_has_no_utilization(
    database: Database, role: str, start_exporter: StartExporter
) -> None:
    database.execute(f"ALTER ROLE {quoted(role)} CONNECTION LIMIT 0")
    page = scrape(start_exporter(database))
    assert pool(page, "role", role) == ([0], [0], [])
