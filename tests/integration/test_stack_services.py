"""Each kind of server of the stack really runs, and says what the modules promise."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from testbed.alertmanager import Alertmanager, webhook_config
from testbed.database import Database
from testbed.liquibase import Liquibase
from testbed.pgbouncer import PgBouncer
from testbed.postgres import Server
from testbed.prometheus import Prometheus, Scraping
from testbed.receiver import Receiver
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.servers import Pair

RULES = """
groups:
  - name: test
    rules:
      - {alert: TargetDown, expr: up == 0, annotations: {summary: Down.}}
"""


def test_standby_replays_what_the_primary_commits(standby_pair: Pair) -> None:
    primary, standby = standby_pair
    primary.database().execute("CREATE TABLE copied AS SELECT 7 AS n")
    primary.wait_for_replay(standby)
    assert standby.database().value("SELECT n FROM copied") == 7
    name = "SELECT application_name FROM pg_stat_replication"
    assert primary.database().value(name) == standby.name


def test_promoted_standby_accepts_writes(workspace: Workspace) -> None:
    with Server(workspace, "left") as left, left.standby("right") as right:
        right.promote()
        right.database().execute("CREATE TABLE written ()")
        assert right.database().value("SELECT pg_is_in_recovery()") is False


def test_pgbouncer_pools_sessions(workspace: Workspace, server: Server, database: Database) -> None:
    with PgBouncer(workspace, server, {"default_pool_size": "1"}) as pooler:
        pooled = pooler.database(database.name)
        backend = "SELECT pg_backend_pid()"
        assert pooled.value(backend) == pooled.value(backend)
        assert database.value(backend) != database.value(backend)


def test_alert_travels_from_prometheus_to_the_receiver(workspace: Workspace) -> None:
    rules = workspace.root / "rules.yml"
    rules.write_text(RULES)
    with Receiver() as receiver, ExitStack() as services:
        webhook = webhook_config(receiver.url)
        target = services.enter_context(Alertmanager(workspace, webhook, "target"))
        alertmanager = services.enter_context(Alertmanager(workspace, webhook))
        scraping = Scraping(
            {"target": [target.address]}, [rules], alertmanager=alertmanager.address
        )
        prometheus = services.enter_context(Prometheus(workspace, scraping))

        series = wait_until(lambda: prometheus.query("up == 1"), 60, "the target is up")
        assert series[0]["metric"]["instance"] == target.address
        assert [rule["name"] for rule in prometheus.rules()] == ["TargetDown"]
        assert prometheus.firing() == set()

        target.stop()
        assert receiver.wait_for("TargetDown").annotations == {"summary": "Down."}
        assert prometheus.firing() == {"TargetDown"}
        assert [alert["labels"]["job"] for alert in alertmanager.alerts()] == ["target"]
        assert [target["health"] for target in prometheus.targets()] == ["down"]

        target.start()
        receiver.wait_for("TargetDown", "resolved")


def test_liquibase_applies_the_changelog(
    database: Database, liquibase: Callable[..., Liquibase]
) -> None:
    done = liquibase().run("update")
    assert done.returncode == 0, done.stderr
    assert "UPDATE SUMMARY" in done.stdout
    assert database.value("SELECT count(*) FROM databasechangelog") == 11
    assert database.value("SELECT count(*) FROM gameplay.quest_definitions") == 200_500


def test_failing_changeset_keeps_the_ones_before_it(
    database: Database, liquibase: Callable[..., Liquibase]
) -> None:
    database.execute("CREATE SCHEMA gameplay")
    done = liquibase("t/fail_sql.sql").run("update")
    assert done.returncode == 1
    assert "Migration failed for changeset t/fail_sql.sql::bad::alice" in done.stderr
    assert database.execute("SELECT id FROM databasechangelog") == [("ok1",)]


def test_liquibase_in_the_background_names_its_session(
    workspace: Workspace, database: Database, liquibase: Callable[..., Liquibase]
) -> None:
    run = liquibase("t/slow.sql").start("update", log=workspace.log("background"))
    try:
        sessions = (
            "SELECT query FROM pg_stat_activity"
            " WHERE application_name = 'liquibase' AND datname = current_database()"
        )
        asleep = [("SELECT pg_sleep(8)",)]
        run.wait_until(lambda: database.execute(sessions) == asleep, 30, "sleeps")
    finally:
        run.kill()
    assert run.returncode == -9
    assert database.value("SELECT locked FROM databasechangeloglock") is True


def test_secrets_are_not_on_a_command_line(
    workspace: Workspace, server: Server, database: Database, liquibase: Callable[..., Liquibase]
) -> None:
    assert workspace.password not in " ".join(map(str, liquibase().command("update")))
    assert workspace.password not in " ".join(map(str, server.command()))
    assert workspace.password not in repr(database)
