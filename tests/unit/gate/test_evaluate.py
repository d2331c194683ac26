"""From what was read to the report: severities, waivers, what counts, and what is not asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pg_migration_exporter.config.checks import Phase
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.gate.checks import CHECKS
from pg_migration_exporter.gate.evaluate import Read, evaluate
from pg_migration_exporter.gate.model import Check
from pg_migration_exporter.gate.profile import Profile, WaiverSection, read_profile
from pg_migration_exporter.gate.question import Question, check_names
from pg_migration_exporter.status.judgement.reason import worst
from pg_migration_exporter.status.model import CheckStatus, TargetStatus, VerdictReason
from tests.fixtures.gate import silent_status, status_with
from tests.packaging.conftest import ROOT

NOW = datetime(2026, 1, 6, 12, tzinfo=UTC)
_NO_LOG = {"ddl_is_logged": [{"setting": "none", "pgaudit": "", "turned_off": []}]}


def ask(
    status: TargetStatus, profile: Profile | None = None, *, phase: Phase = "pre", fail_on: str = ""
) -> dict[str, Check]:
    """The checks by name."""
    question = Question(phase, profile or Profile(), "warning" if fail_on else "critical")
    return {check.name: check for check in evaluate(question, Read(status, _NO_LOG, None, NOW))}


def test_without_any_answer_nothing_passes() -> None:
    """What was not read is unknown; only what is judged by the clock passes."""
    profile = Profile(
        connections=1, standbys=1, migrators=("a",), applications=("b",), tag="t", window_ends=NOW
    )
    for phase in ("pre", "during", "post"):
        question = Question(phase, profile)
        dead = Read(silent_status(), dict.fromkeys(_queries(), "dead"), None, NOW)
        found = evaluate(question, dead)
        assert len(found) == len(question.asked()) > 8
        assert {check.name for check in found if check.result == "pass"} <= {"verdict"}
        assert worst(check.verdict for check in found) == "hold"


def _queries() -> list[str]:
    return [check.name for check in CHECKS if check.query]


def test_a_warning_counts_if_it_shall() -> None:
    status = status_with()
    assert ask(status)["ddl_is_logged"].result == "fail"
    assert ask(status)["ddl_is_logged"].verdict == "go"
    assert ask(status, fail_on="warning")["ddl_is_logged"].verdict == "hold"
    critical = Profile(severities={"ddl_is_logged": "critical"})
    assert ask(status, critical)["ddl_is_logged"].verdict == "hold"


@pytest.mark.parametrize(("days", "result", "verdict"), [(0, "waived", "go"), (-1, "fail", "hold")])
def test_a_waiver_counts_until_its_day_is_over(days: int, result: str, verdict: str) -> None:
    until = NOW.date() + timedelta(days)
    waiver = WaiverSection(check="ddl_is_logged", reason="pgaudit comes", until=until)
    found = ask(status_with(), Profile(waivers=(waiver,)), fail_on="warning")["ddl_is_logged"]
    assert (found.result, found.verdict) == (result, verdict)
    assert str(until) in found.evidence


def test_a_check_of_the_configuration_that_fails_afterwards_means_abort() -> None:
    def failing(phase: Phase) -> CheckStatus:
        return CheckStatus(
            name="indexes",
            help="All are there.",
            phase=phase,
            severity="critical",
            datname="game",
            passes=False,
            reason="missing: a",
            matters=True,
            level="critical",
        )

    meanings: dict[Phase, str] = {"pre": "hold", "during": "hold", "post": "abort"}
    for phase, verdict in meanings.items():
        found = ask(status_with(checks=[failing(phase)]), phase=phase)["indexes"]
        assert (found.result, found.verdict, found.evidence) == ("fail", verdict, "missing: a")
        assert found.datname == "game"
        assert "indexes" not in ask(status_with(checks=[failing("pre")]), phase="post")


def test_each_reason_of_the_verdict_is_told_once() -> None:
    """Also by `verdict`, where the check that would tell it is skipped."""
    reason = VerdictReason(
        name="MigrationDrifted", verdict="hold", datname="game", text="edited", ago_seconds=None
    )
    status = status_with(reasons=[reason])
    found = ask(status)
    assert found["no_changeset_drifted"].evidence == "edited in game (MigrationDrifted)"
    assert found["verdict"].result == "pass"
    found = ask(status, Profile(skip={"no_changeset_drifted": "known"}))
    assert "no_changeset_drifted" not in found
    assert (found["verdict"].result, found["verdict"].verdict) == ("fail", "hold")


def test_a_reason_that_does_not_count_for_the_server_is_go() -> None:
    """`verdict.databases` leaves out its database: the verdict on the server is go."""
    reason = VerdictReason(
        name="DatabaseQueryLatencyHigh", verdict="abort", datname="dwh", text="slow", ago_seconds=1
    )
    status = status_with(reasons=[reason], verdict="go")
    assert ask(status)["latency_is_low"].verdict == "go"


def test_what_the_profile_lacks_is_not_asked_and_said() -> None:
    said = Question("pre", Profile()).not_asked()
    assert said["standbys_stream"] == "the profile has no standbys"
    assert "standbys_stream" not in Question("pre", Profile(standbys=0)).not_asked()
    over_http = Question("pre", Profile(tag="v1"), has_sql=False)
    assert {check.name for check in over_http.asked()}.isdisjoint({*_queries(), "tag_is_set"})


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        (Profile(skip={"server_versio": "x"}), "skip: .* did you mean server_version?"),
        (Profile(severities={"zzz": "info"}), "docs/gate.md lists them"),
        (
            Profile(waivers=(WaiverSection(check="mine", reason="x", until=date.max),)),
            "there is no check 'mine'",
        ),
    ],
)
def test_a_check_that_does_not_exist_is_refused(profile: Profile, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_names(profile, set())
    if profile.waivers:
        check_names(profile, {"mine"})


def test_an_unknown_key_of_the_profile_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "gate.yaml"
    file.write_text("standbys: 1\nlimits: {transaction_agee: 1s}\n")
    with pytest.raises(ConfigError, match=r"gate.yaml:2: limits.transaction_agee: unknown key"):
        read_profile(file)


def test_every_runbook_of_a_check_exists() -> None:
    named = {check.runbook for check in CHECKS if check.runbook}
    assert len(named) > 10
    assert {name for name in named if not (ROOT / f"docs/runbooks/{name}.md").exists()} == set()
    assert len({check.name for check in CHECKS}) == len(CHECKS)
