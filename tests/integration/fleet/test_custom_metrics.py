"""Metrics of a user's own SQL, from a real server."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.load import SCHEMA
from testbed.database import Database
from testbed.programs import ROOT, exporter_command
from tests.fixtures.exporters import StartExporter, scrape, scrape_until
from tests.fixtures.servers import Pair

_SUCCESS = "migration_exporter_collector_success"
_SKIPPED = "migration_exporter_collector_skipped"

GAUGE = {"type": "gauge", "help": "A gauge."}


def statement(sql: str, name: str = "quests", **more: Any) -> dict[str, Any]:
    return {"name": name, "sql": sql, "metrics": {"quests": GAUGE}} | more


def test_every_kind(database: Database, start_exporter: StartExporter) -> None:
    values = "(values ('forest', 2, 0.5), ('harbor', 3, 7), (null, null, 30)) as t (zone, n, s)"
    families = {
        "quests": GAUGE | {"labels": ["zone"]},
        "quest_starts_total": {"type": "counter", "help": "Starts.", "labels": ["zone"]},
        "quest_mean_seconds": {"type": "gauge", "help": "Interval.", "labels": ["zone"]},
    }
    sql = (
        "select zone, n as quests, n * 10::numeric as quest_starts_total,"
        f" s * interval '1 s' as quest_mean_seconds from {values}"
    )
    observed = {"quest_seconds": {"type": "histogram", "help": "Rows.", "buckets": [1, 10]}}
    counted = {"quest_size": {"type": "histogram", "help": "Buckets."}}
    exporter = start_exporter(
        database,
        custom_metrics=[
            statement(sql, "kinds", metrics=families),
            statement(f"select s as quest_seconds from {values}", "rows", metrics=observed),
            statement(
                "select * from (values (1.0::float8, 4, 9.5), ('Infinity', 6, 9.5))"
                " as t (le, quest_size, quest_size_sum)",
                "buckets",
                metrics=counted,
            ),
        ],
    )
    page = scrape(exporter)
    here = {"datname": database.name}
    assert page.value("quests", zone="forest", **here) == 2
    assert page.values("quests", zone="", **here) == []
    assert page.value("quest_starts_total", zone="harbor", **here) == 30
    assert page.value("quest_mean_seconds", zone="", **here) == 30
    assert [page.value("quest_seconds_bucket", le=le) for le in ("1.0", "10.0", "+Inf")] == [
        1,
        2,
        3,
    ]
    assert page.value("quest_seconds_sum") == 37.5
    assert [page.value("quest_size_bucket", le=le) for le in ("1.0", "+Inf")] == [4, 6]
    assert (page.value("quest_size_sum"), page.value("quest_size_count")) == (9.5, 6)
    assert page.value(_SUCCESS, collector="custom_buckets") == 1


FAILING: dict[str, tuple[dict[str, Any], str]] = {
    "column": ({"sql": "select 1 as other"}, "needs one column {}; the statement has other"),
    "text": ({"sql": "select 'x' as {}"}, "{} holds str, not a number"),
    "rows": ({"sql": "select 1 as {} union all select 2"}, "two rows have the labels ()"),
    "table": ({"sql": "select * from nowhere"}, '42P01: relation "nowhere" does not exist'),
    "several": ({"sql": "select 1 as {}; select 2"}, "42601: "),
    "writes": (
        {"sql": "with a as (delete from public.kept returning 1) select 1 as {}"},
        "25006: cannot execute ",
    ),
    "slow": (
        {"sql": "select pg_sleep(60)::text as {}", "timeout": "100ms"},
        "57014: canceling statement due to statement timeout",
    ),
    "buckets": (
        {"sql": "select 5 as le, 1 as {0}, 1 as {0}_sum"},
        "must not fall as le grows, and end with le = 'Infinity'",
    ),
}


def test_a_statement_that_fails_costs_itself_alone_and_is_named(
    database: Database, start_exporter: StartExporter
) -> None:
    database.execute("CREATE TABLE kept AS SELECT 1 AS n")
    bad = []
    for name, (change, _) in FAILING.items():
        family = {"type": "histogram", "help": "Buckets."} if name == "buckets" else GAUGE
        sql = change["sql"].format(f"bad_{name}")
        bad.append({"name": name, "metrics": {f"bad_{name}": family}} | change | {"sql": sql})
    good = statement("select 7 as quests", "good", timeout="5s")
    exporter = start_exporter(database, custom_metrics=[*bad, good])
    page = scrape(exporter)

    output = exporter.process.output()
    for name, (_, complaint) in FAILING.items():
        assert page.values(_SUCCESS, collector=f"custom_{name}") == [0]
        assert f"custom_{name} failed: " in output
        assert complaint.format(f"bad_{name}") in output
    assert "Traceback" not in output
    assert page.value("quests") == 7
    assert set(page.values(_SUCCESS)) == {0, 1}
    assert sum(page.values(_SUCCESS)) == len(page.values(_SUCCESS)) - len(bad)
    assert database.value("SELECT count(*) FROM kept") == 1


def test_a_timeout_is_over_with_its_statement(
    database: Database, start_exporter: StartExporter
) -> None:
    """The next statement on the connection has the session's own again."""
    setting = "select setting::int as {} from pg_settings where name = 'statement_timeout'"
    exporter = start_exporter(
        database,
        custom_metrics=[
            statement(setting.format("quests"), "own", timeout="1500ms"),
            statement(setting.format("after"), "after", metrics={"after": GAUGE}),
        ],
    )
    page = scrape(exporter)
    assert (page.value("quests"), page.value("after")) == (1500, 3000)


def test_an_interval_spares_the_database(database: Database, start_exporter: StartExporter) -> None:
    database.execute("CREATE TABLE asked AS SELECT 1 AS n")
    sql = "select n as quests from public.asked"
    exporter = start_exporter(
        database,
        custom_metrics=[
            statement(sql, interval="1h"),
            statement("select n as now from public.asked", "now", metrics={"now": GAUGE}),
        ],
    )
    assert scrape(exporter).value("quests") == 1
    database.execute("UPDATE asked SET n = 2")
    page = scrape(exporter)
    assert (page.value("quests"), page.value("now")) == (1, 2)


def test_where_it_runs(
    database: Database, standby_pair: Pair, start_exporter: StartExporter
) -> None:
    places: dict[str, dict[str, Any]] = {
        "everywhere": {},
        "primaries": {"only_on": "primary"},
        "standbys": {"only_on": "standby"},
        "new_servers": {"minimum_version": 99},
        "elsewhere": {"databases": ["nowhere_*"]},
    }
    metrics = [
        statement(f"select 1 as {name}", name, metrics={name: GAUGE}, **limits)
        for name, limits in places.items()
    ]
    primary, standby = (
        scrape(start_exporter(server.database(), custom_metrics=metrics)) for server in standby_pair
    )
    assert [primary.values(name) for name in ("everywhere", "primaries", "standbys")] == [
        [1],
        [1],
        [],
    ]
    assert [standby.values(name) for name in ("everywhere", "primaries", "standbys")] == [
        [1],
        [],
        [1],
    ]
    for page in (primary, standby):
        assert page.value(_SKIPPED, collector="custom_new_servers", reason="server_version") == 1
        assert page.values("elsewhere") == []
        assert page.values(_SUCCESS, collector="custom_elsewhere") == []
    assert primary.value(_SKIPPED, collector="custom_standbys", reason="server_role") == 1


def test_check_config_runs_the_statements(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"

    def check(*metrics: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        postgres = {"dsn": database.conninfo(), "allow_superuser": True}
        config = {"postgres": postgres, "custom_metrics": list(metrics)}
        file.write_text(yaml.safe_dump(config))
        command = (exporter_command(), "serve", "--check-config", "--config", file)
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    good = check(statement("select 1 as quests"))
    assert (good.returncode, good.stderr) == (0, "")
    assert "custom_quests" in good.stdout
    bad = check(statement("select 1 as quest"))
    assert bad.returncode == 2
    assert "custom_quests: quests: needs one column quests" in bad.stderr


def test_a_changed_file_is_taken_up_at_a_reload(
    database: Database, start_exporter: StartExporter, tmp_path: Path
) -> None:
    file = tmp_path / "metrics.yaml"
    file.write_text(yaml.safe_dump({"custom_metrics": [statement("select 1 as quests")]}))
    exporter = start_exporter(database, custom_metrics_files=[str(tmp_path / "*.yaml")])
    assert scrape(exporter).value("quests") == 1
    file.write_text(yaml.safe_dump({"custom_metrics": [statement("select 2 as quests")]}))
    subprocess.run(["kill", "-HUP", str(exporter.process.pid)], check=True)
    scrape_until(exporter, lambda page: page.values("quests") == [2], "the file is read again")


def test_the_quest_example(database: Database, start_exporter: StartExporter) -> None:
    """The guide's business metrics, from the tables of the demo."""
    database.execute(SCHEMA)
    content = yaml.safe_load((ROOT / "examples/quest/metrics.yaml").read_text())
    for metric in content["custom_metrics"]:
        metric["databases"] = [database.name]
    page = scrape(start_exporter(database, **content))

    active = "SELECT count(*) FROM quest_attempt WHERE ended_at IS NULL"
    assert sum(page.values("active_quests_total")) == database.value(active)
    rates = page.value("quest_completion_rate"), page.value("quest_abandonment_rate")
    assert sum(rates) == pytest.approx(1)
    assert min(rates) > 0
    assert page.value("average_quest_duration_seconds") > 0
    completed = "SELECT count(*) FROM quest_attempt WHERE outcome = 'completed'"
    assert page.value("quest_duration_seconds_count") == database.value(completed)
    refused = "SELECT count(*) FROM quest_validation_error WHERE reason = 'level range'"
    assert page.value("quest_validation_errors_total", reason="level range") == database.value(
        refused
    )


def test_no_active_quest_is_zero_in_the_example(
    database: Database, start_exporter: StartExporter
) -> None:
    """A sum of no series is no series, and QuestsMissing would never fire."""
    database.execute(SCHEMA)
    content = yaml.safe_load((ROOT / "examples/quest/metrics.yaml").read_text())
    [active] = [
        section for section in content["custom_metrics"] if section["name"] == "quests_active"
    ]
    for end in ("UPDATE quest_attempt SET ended_at = now()", "TRUNCATE quest_attempt"):
        database.execute(end)
        query = active | {"databases": [database.name]}
        exporter = start_exporter(database, custom_metrics=[query])
        assert scrape(exporter).values("active_quests_total") == [0]
