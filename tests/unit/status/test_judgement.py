"""The verdict from samples that were made by hand, and its dwell time."""

from __future__ import annotations

from typing import Any

import pytest

from pg_migration_exporter.bundle.alert_files import alerts_by_name
from pg_migration_exporter.collectors.checks import INFO
from pg_migration_exporter.collectors.checks import STATUS as CHECK
from pg_migration_exporter.collectors.index_builds import index_build_families as builds
from pg_migration_exporter.collectors.liquibase import liquibase_families as liquibase
from pg_migration_exporter.collectors.locks import lock_families as locks
from pg_migration_exporter.collectors.pools import POOL_UTILIZATION
from pg_migration_exporter.collectors.replication import LAG_SECONDS
from pg_migration_exporter.collectors.replication.senders import REQUIRED, SYNCHRONOUS
from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.verdict import ThresholdsSection, VerdictSection
from pg_migration_exporter.metrics.families import Family, FamilySamples
from pg_migration_exporter.status.judgement import Reason
from pg_migration_exporter.status.judgement.judge import judge, reasons
from pg_migration_exporter.status.judgement.memory import ReasonMemory, Standing
from pg_migration_exporter.status.judgement.situation import Situation
from pg_migration_exporter.status.samples import Samples

_CHANGELOG = ("game", "public.databasechangelog")
_LIMITED = 'connection failed: FATAL:  too many connections for role "exporter"'
_POOL = Reason("abort", "DatabaseConnectionPoolExhausted", "full", is_measured=True)
_FAILED = Reason("abort", "DatabaseMigrationFailed", "failed", "game")
_INTERVAL = 15.0

Row = tuple[Family, float, tuple[str, ...]]


def situation(*rows: Row, **traits: Any) -> Situation:
    found: dict[str, FamilySamples] = {}
    for family, value, labels in rows:
        found.setdefault(family.name, FamilySamples(family)).add(value, *labels)
    known = {"settings": Settings(), "samples": Samples(found.values()), "databases": _BOTH}
    return Situation(**{**known, **traits})


_BOTH = {"game": True, "reports": True}


def state(name: str) -> Row:
    return liquibase.STATUS, 1, (*_CHANGELOG, name)


def check(phase: str, severity: str = "critical") -> Row:
    return CHECK, 0, ("game", "size", phase, severity)


def info(phase: str) -> Row:
    return INFO, 1, ("size", phase, "critical", "check_size")


CASES: dict[str, tuple[Situation, list[tuple[str, str, str]]]] = {
    "nothing is wrong": (situation(state("succeeded")), []),
    "a migration runs": (situation(state("running")), []),
    "it has failed": (situation(state("failed")), [("abort", "DatabaseMigrationFailed", "game")]),
    "it waits": (
        situation(state("running"), (liquibase.BLOCKED, 1, _CHANGELOG)),
        [("hold", "MigrationBlocked", "game")],
    ),
    "files cannot be read": (
        situation((liquibase.READABLE, 0, _CHANGELOG)),
        [("hold", "MigrationChangelogUnreadable", "game")],
    ),
    "exactly at a threshold": (situation((POOL_UTILIZATION, 0.8, ("server", "all"))), []),
    "a pool is nearly full": (
        situation((POOL_UTILIZATION, 0.85, ("server", "all"))),
        [("hold", "PostgresConnectionPoolHigh", "")],
    ),
    "the pool of a database is full": (
        situation((POOL_UTILIZATION, 0.95, ("database", "game"))),
        [
            ("abort", "DatabaseConnectionPoolExhausted", "game"),
            ("hold", "PostgresConnectionPoolHigh", "game"),
        ],
    ),
    "others wait behind it": (
        situation((locks.MIGRATION_BLOCKED, 6, ("game",))),
        [("abort", "MigrationBlocksTraffic", "game")],
    ),
    "a standby is behind": (
        situation((LAG_SECONDS, 31, ("standby1",))),
        [("hold", "PostgresReplicationLagElevated", "")],
    ),
    "commits wait": (
        situation((SYNCHRONOUS, 0, ()), (REQUIRED, 1, ())),
        [("abort", "PostgresSynchronousStandbyMissing", "")],
    ),
    "a build waits": (
        situation((builds.BLOCKED, 61, ("game", "public", "quests", "i", "CREATE INDEX"))),
        [("hold", "IndexBuildBlocked", "game")],
    ),
    "statements are slow": (
        situation(latencies={"game": 0.11, "reports": 0.1}),
        [("abort", "DatabaseQueryLatencyHigh", "game")],
    ),
    "a check fails before": (
        situation(state("pending"), check("pre"), check("during")),
        [("hold", "MigrationPrecheckFailed", "game")],
    ),
    "a check fails meanwhile": (
        situation(state("running"), check("pre"), check("during")),
        [("hold", "MigrationCheckFailed", "game")],
    ),
    "a check that only warns": (situation(state("pending"), check("pre", "warning")), []),
    "a check has no result": (
        situation(state("pending"), info("pre"), silent={"check_size": "timeout"}),
        [("hold", "MigrationCheckUnknown", "")],
    ),
    "before the first scrape": (situation(reached=None), [("hold", "NoAnswerYet", "")]),
    "the server is down": (situation(reached=False), [("hold", "PostgresDown", "")]),
    "the exporter's role has no connection left": (
        situation(reached=False, failures=[_LIMITED]),
        [("hold", "ExporterConnectionLimit", "")],
    ),
    "a database does not answer": (
        situation(databases={"game": False}),
        [("hold", "MigrationDatabaseUnreachable", "game")],
    ),
    "a database is left out": (situation(left_out=1), [("hold", "MigrationDatabaseLeftOut", "")]),
    "a collector gives no answer": (
        situation(silent={"locks": "timeout"}),
        [("hold", "MigrationExporterBlind", "")],
    ),
    "a metric of the user gives no answer": (situation(silent={"custom_a": "timeout"}), []),
    "the watcher is about to start": (
        situation(watch_age=None, age=1),
        [("hold", "NoAnswerYet", "")],
    ),
    "the watcher does not start": (
        situation(watch_age=None, age=31),
        [("hold", "MigrationExporterWatcherStale", "")],
    ),
    "the watcher hangs": (
        situation(watch_age=61.0),
        [("hold", "MigrationExporterWatcherStale", "")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_reasons(case: str) -> None:
    now, expected = CASES[case]
    found, _ = reasons(now)
    assert [(item.verdict, item.name, item.datname) for item in found] == expected


def test_an_ignored_reason_does_not_count() -> None:
    settings = Settings.model_validate({"verdict": {"ignore": ["DatabaseMigrationFailed"]}})
    assert reasons(situation(state("failed"), settings=settings)) == ([], False)


def test_thresholds_are_those_of_the_alerts() -> None:
    alerts, thresholds = alerts_by_name(), ThresholdsSection().model_dump()
    assert {name: alerts[name].values["threshold"].default for name in thresholds} == thresholds


def test_the_collectors_are_those_of_the_alert() -> None:
    default = alerts_by_name()["MigrationExporterBlind"].values["collectors"].default
    assert [*VerdictSection().collectors] == default


def standing(*found: Reason) -> list[Standing]:
    return [Standing(reason, reason.verdict) for reason in found]


def test_a_database_has_its_own_reasons_and_those_of_its_server() -> None:
    lag = Reason("hold", "PostgresReplicationLagElevated", "")
    found = judge(situation(), standing(_FAILED, lag))
    assert found.verdict == "abort"
    assert found.databases == {"game": "abort", "reports": "hold"}


def test_a_database_that_does_not_count_leaves_its_server_alone() -> None:
    settings = Settings.model_validate({"verdict": {"databases": ["gam*"]}})
    slow = Reason("abort", "DatabaseQueryLatencyHigh", "", "reports", is_measured=True)
    found = judge(situation(settings=settings), standing(slow))
    assert (found.verdict, found.databases) == ("go", {"game": "go", "reports": "abort"})


def play(*updates: tuple[Reason, ...] | None) -> list[str]:
    """Return the verdict after each update, one each 15 s; None is one without an answer."""
    memory = ReasonMemory(VerdictSection())
    verdicts: list[str] = []
    for number, found in enumerate(updates):
        blind = (Reason("hold", "PostgresDown", ""),)
        standing = memory.update(
            blind if found is None else found, number * _INTERVAL, is_blind=found is None
        )
        verdicts.append(judge(situation(), standing).verdict)
    return verdicts


def test_a_state_is_known_at_once() -> None:
    assert play((_FAILED,)) == ["abort"]


def test_a_measurement_must_persist() -> None:
    assert play((_POOL,), (_POOL,), (_POOL,)) == ["hold", "abort", "abort"]


def test_one_scrape_of_ten_neither_aborts_nor_flips() -> None:
    one_of_ten = [(_POOL,), *[()] * 9] * 4
    assert set(play(*one_of_ten)) == {"hold"}


def test_one_scrape_of_ten_does_not_end_an_abort() -> None:
    nine_of_ten = [*[(_POOL,)] * 9, ()] * 4
    assert set(play(*nine_of_ten)[1:]) == {"abort"}


def test_go_comes_back_after_a_quiet_time() -> None:
    quiet = int(VerdictSection().quiet / _INTERVAL)
    verdicts = play((_POOL,), (_POOL,), *[()] * (quiet + 1))
    assert verdicts[1:] == [*["abort"] * quiet, "go", "go"]


def test_a_state_that_has_ended_no_longer_aborts() -> None:
    """The next run may have begun."""
    assert play((_FAILED,), ()) == ["abort", "hold"]


def test_no_answer_neither_ends_nor_weakens_what_was_found() -> None:
    long = int(VerdictSection().quiet / _INTERVAL) + 5
    assert set(play((_FAILED,), *[None] * long)) == {"abort"}


def test_no_answer_is_hold() -> None:
    assert play(None, ()) == ["hold", "hold"]
