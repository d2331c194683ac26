"""Checks of a user's own SQL, on real servers: passed, failed, and no answer."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from pg_migration_exporter.status.model import STATUS_PATH, CheckStatus, Status
from testbed.database import Database
from testbed.exporter import Exporter
from testbed.programs import ROOT, exporter_command
from testbed.waiting import wait_until
from tests.fixtures.exporters import StartExporter, scrape
from tests.fixtures.servers import Pair

_STATUS, _INFO = "migration_check_status", "migration_check_info"
_SUCCESS = "migration_exporter_collector_success"
_SKIPPED = "migration_exporter_collector_skipped"


def check(name: str, sql: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "help": f"What {name} asks for.",
        "phase": "pre",
        "severity": "critical",
        "sql": sql,
    } | more


def shown(exporter: Exporter) -> dict[str, CheckStatus]:
    """The checks of the status API by name."""
    status = Status.model_validate(exporter.api(STATUS_PATH))
    return {check.name: check for check in status.targets[0].checks}


def shown_as(exporter: Exporter, name: str, reason: str | None) -> dict[str, CheckStatus]:
    """The same once `name` has this reason; viewers share a look for two seconds."""

    def look() -> dict[str, CheckStatus] | None:
        found = shown(exporter)
        return found if found[name].reason == reason else None

    found = wait_until(look, 60, f"{name} says {reason}")
    assert found is not None
    return found


def test_passed_and_failed(database: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(
        database,
        checks=[
            check("passes", "select count(*) > 0 from pg_stat_activity"),
            check("fails", "select false, 'found ' || 7", severity="warning", phase="during"),
        ],
    )
    page = scrape(exporter)
    here = {"datname": database.name}
    assert page.value(_STATUS, check="passes", phase="pre", severity="critical", **here) == 1
    assert page.value(_STATUS, check="fails", phase="during", severity="warning", **here) == 0
    assert page.values(_SUCCESS, collector="check_fails") == [1]
    assert page.values(_INFO, check="fails", collector="check_fails") == [1]
    assert "found 7" not in page.text

    found = shown(exporter)
    assert (found["passes"].passes, found["passes"].reason) == (True, None)
    assert (found["fails"].passes, found["fails"].reason) == (False, "found 7")
    assert (found["passes"].matters, found["fails"].matters) == (True, False)


NO_ANSWER: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({"sql": "select true where false"}, "one row; the statement returned 0"),
    "several": ({"sql": "values (true), (true)"}, "one row; the statement returned 2"),
    "null": ({"sql": "select null::bool"}, "must be true or false; it holds null"),
    "number": ({"sql": "select 1"}, "must be true or false; it holds int"),
    "reason": ({"sql": "select true, 1"}, "second column must be text; it holds int"),
    "table": ({"sql": "select true from nowhere"}, '42P01: relation "nowhere" does not exist'),
    "writes": (
        {"sql": "with a as (delete from public.kept returning true) select * from a"},
        "25006: cannot execute ",
    ),
    "locked": ({"sql": "select count(*) > 0 from public.locked"}, "55P03: canceling statement"),
    "slow": (
        {"sql": "select pg_sleep(60) is null", "timeout": "100ms"},
        "57014: canceling statement due to statement timeout",
    ),
}


def test_no_answer_is_no_status_and_costs_that_check_alone(
    database: Database, start_exporter: StartExporter
) -> None:
    database.execute("CREATE TABLE kept AS SELECT 1 AS n; CREATE TABLE locked (n int)")
    silent = [check(name, **change) for name, (change, _) in NO_ANSWER.items()]
    exporter = start_exporter(database, checks=[*silent, check("last", "select true")])
    with database.connect() as migration:
        migration.execute("BEGIN")
        migration.execute("LOCK TABLE public.locked")
        page = scrape(exporter)
        migration.execute("ROLLBACK")

    assert page.values(_STATUS) == page.values(_STATUS, check="last") == [1]
    assert len(page.values(_INFO)) == len(silent) + 1
    output = exporter.process.output()
    for name, (_, complaint) in NO_ANSWER.items():
        assert page.values(_SUCCESS, collector=f"check_{name}") == [0]
        assert f"check_{name} failed: " in output
        assert complaint in output
    assert "Traceback" not in output
    assert sum(page.values(_SUCCESS)) == len(page.values(_SUCCESS)) - len(silent)
    assert database.value("SELECT count(*) FROM kept") == 1

    found = shown(exporter)
    assert found["null"].passes is None
    assert found["null"].level == "unknown"
    assert found["null"].reason is not None
    assert "it holds null" in found["null"].reason


def test_where_it_runs(
    database: Database, standby_pair: Pair, start_exporter: StartExporter
) -> None:
    limits: dict[str, dict[str, Any]] = {
        "everywhere": {},
        "primaries": {"only_on": "primary"},
        "standbys": {"only_on": "standby"},
        "new_servers": {"minimum_version": 99},
        "elsewhere": {"databases": ["nowhere_*"]},
        "switched_off": {},
    }
    checks = [check(name, "select true", **more) for name, more in limits.items()]
    off = {"disabled": ["check_switched_off"]}
    for server, side in zip(standby_pair, ("primaries", "standbys"), strict=True):
        exporter = start_exporter(server.database(), checks=checks, collectors=off)
        page = scrape(exporter)
        assert {sample.labels["check"] for sample in page.samples if sample.name == _STATUS} == {
            "everywhere",
            side,
        }
        assert {sample.labels["check"] for sample in page.samples if sample.name == _INFO} == {
            "everywhere",
            side,
            "elsewhere",
        }
        assert page.values(_SKIPPED, collector="check_new_servers") == [1]
        found = shown(exporter)
        assert found.keys() == {"everywhere", side, "elsewhere"}
        assert found["elsewhere"].passes is None
        assert "does not run" in (found["elsewhere"].reason or "")


def test_an_interval_spares_the_database(database: Database, start_exporter: StartExporter) -> None:
    database.execute("CREATE TABLE ready AS SELECT false AS yes")
    exporter = start_exporter(
        database,
        checks=[
            check("seldom", "select yes from public.ready", interval="1h"),
            check("always", "select yes from public.ready"),
        ],
    )
    assert scrape(exporter).values(_STATUS) == [0, 0]
    database.execute("UPDATE ready SET yes = true")
    page = scrape(exporter)
    assert (page.value(_STATUS, check="seldom"), page.value(_STATUS, check="always")) == (0, 1)


def test_check_config_asks_them(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"

    def asked(sql: str) -> subprocess.CompletedProcess[str]:
        postgres = {"dsn": database.conninfo(), "allow_superuser": True}
        config = {"postgres": postgres, "checks": [check("rows", sql)]}
        file.write_text(yaml.safe_dump(config))
        command = (exporter_command(), "serve", "--check-config", "--config", file)
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    failing = asked("select false")
    assert (failing.returncode, failing.stderr) == (0, "")
    assert "check_rows" in failing.stdout
    silent = asked("select 1")
    assert silent.returncode == 2
    assert "check_rows: the first column must be true" in silent.stderr


QUEST_TABLE = """
CREATE SCHEMA gameplay;
CREATE TABLE gameplay.quest_definitions (
    id int PRIMARY KEY, status text, level_min int, level_max int, created_at timestamptz,
    objectives jsonb, metadata jsonb);
INSERT INTO gameplay.quest_definitions (id) SELECT generate_series(1, 1000);
ALTER TABLE gameplay.quest_definitions
    ADD CONSTRAINT levels CHECK (level_min <= level_max) NOT VALID;
"""
QUEST_INDEXES = """
CREATE INDEX idx_quest_status ON gameplay.quest_definitions (status);
CREATE INDEX idx_quest_level ON gameplay.quest_definitions (level_min, level_max);
CREATE INDEX idx_quest_created ON gameplay.quest_definitions (created_at);
CREATE INDEX idx_quest_active ON gameplay.quest_definitions (level_min) WHERE status = 'active';
CREATE INDEX idx_quest_objectives_gin ON gameplay.quest_definitions USING gin (objectives);
CREATE INDEX idx_quest_metadata_gin ON gameplay.quest_definitions USING gin (metadata);
ALTER TABLE gameplay.quest_definitions VALIDATE CONSTRAINT levels;
ANALYZE gameplay.quest_definitions;
"""


def test_the_quest_example(database: Database, start_exporter: StartExporter) -> None:
    """It has an answer before the migration, amid it and after it, with pg_monitor alone."""
    content = yaml.safe_load((ROOT / "examples/quest/checks.yaml").read_text())
    for check in content["checks"]:
        check["databases"] = [database.name]
        check.pop("interval", None)
    exporter = start_exporter(database, **content)
    post = {check["name"] for check in content["checks"] if check["phase"] == "post"}
    before = shown(exporter)
    assert {name for name, check in before.items() if check.passes is None} == set()
    assert {name for name in post if before[name].passes} == set()
    assert before["connections"].passes
    assert before["replicas_close"].passes
    assert not before["recovery_to_a_point_in_time"].passes
    assert before["recovery_to_a_point_in_time"].reason == "archive_mode is off"

    database.execute(QUEST_TABLE)
    amid = shown_as(exporter, "constraints_validated", "not validated: levels")
    assert (amid["indexes_valid"].reason or "").startswith("missing or invalid: idx_quest_status, ")

    database.execute(QUEST_INDEXES)
    after = shown_as(exporter, "constraints_validated", None)
    assert {name for name in post if not after[name].passes} == set()
