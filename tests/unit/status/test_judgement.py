"""The verdict from samples that were made by hand, and its dwell time."""

from __future__ import annotations

import pytest

from pg_migration_exporter.bundle.alert_files import alerts_by_name
from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.verdict import ThresholdsSection, VerdictSection
from pg_migration_exporter.status.judgement import Reason
from pg_migration_exporter.status.judgement.judge import judge, reasons
from pg_migration_exporter.status.judgement.memory import ReasonMemory, Standing
from tests.unit.status.situations import CASES, situation, state

_POOL = Reason("abort", "DatabaseConnectionPoolExhausted", "full", is_measured=True)
_FAILED = Reason("abort", "DatabaseMigrationFailed", "failed", "game")
_INTERVAL = 15.0


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


def test_a_limit_that_is_over_does_not_count_while_the_server_is_down() -> None:
    """The alert on the server is silent while the exporter says that its role has no connection."""
    memory, settings = ReasonMemory(VerdictSection()), VerdictSection()
    limit = Reason("hold", "ExporterConnectionLimit", "", needs_answer=False)
    down = Reason("hold", "PostgresDown", "", needs_answer=False)
    memory.update([limit], 0.0, is_blind=True)
    for now in (15.0, settings.quiet):
        names = {item.reason.name for item in memory.update([down], now, is_blind=True)}
    assert names == {"PostgresDown"}


def test_a_restart_neither_forgets_nor_weakens() -> None:
    before, after = ReasonMemory(VerdictSection()), ReasonMemory(VerdictSection())
    for now in (1000.0, 1015.0):
        before.update([_POOL], now)
    after.restore(before.dump(5e8), -5e8 - 1000.0)
    assert [item.verdict for item in after.update([], 30.0)] == ["abort"]
    assert after.update([], 20.0 + VerdictSection().quiet) == []


def test_a_reason_that_is_ignored_since_is_not_restored() -> None:
    before = ReasonMemory(VerdictSection())
    before.update([_POOL], 0.0)
    after = ReasonMemory(VerdictSection(ignore=(_POOL.name,)))
    after.restore(before.dump(0.0), 0.0)
    assert after.update([], 1.0) == []


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"reason": {"verdict": "maybe", "name": "a", "text": ""}, "since": 0, "last": 0},
        {"reason": {"verdict": "hold", "name": "a"}, "since": 0, "last": 0, "is_confirmed": True},
    ],
)
def test_what_is_no_memory_is_refused(row: dict[str, object]) -> None:
    memory = ReasonMemory(VerdictSection())
    with pytest.raises((LookupError, TypeError, ValueError)):
        memory.restore([row], 0.0)
    assert memory.update([], 0.0) == []
