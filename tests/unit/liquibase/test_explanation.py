"""`explain` shows the evidence, and does not advise to set what is set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pg_migration_exporter.liquibase.locks.lock import Lock
from pg_migration_exporter.liquibase.state.decide import decide
from pg_migration_exporter.liquibase.state.evidence import (
    ChangelogComparison,
    Evidence,
    InferredFailure,
    OtherPaths,
    ReportedRun,
    TableAccess,
)
from pg_migration_exporter.liquibase.state.explanation import Explanation, Setup, explain
from pg_migration_exporter.liquibase.state.tracked import ChangelogSnapshot

READ = Evidence(TableAccess.COMPLETE, reported_run=ReportedRun(False, 1000.0))
ALL_SET = Setup(
    commit_timestamps=True, checks_connections=True, remembers=True, configures_changelogs=True
)
FAILURE = InferredFailure("it failed", "a.sql::1::me", "it was a preview")


def explained(evidence: Evidence, setup: Setup = ALL_SET) -> Explanation:
    return explain(ChangelogSnapshot("deploy.history", evidence, decide(evidence)), setup)


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(TableAccess.NOT_GRANTED, reported_run=READ.reported_run),
        replace(READ, files=ChangelogComparison()),
        replace(READ, files=ChangelogComparison(unreadable="a.xml is missing")),
        replace(READ, files=ChangelogComparison(), reported_run=None, reported_elsewhere=("b:1",)),
    ],
)
def test_what_is_set_is_not_advised(evidence: Evidence) -> None:
    assert explained(evidence).advice == []


def test_what_is_not_set_is_advised() -> None:
    nothing_set = Setup(
        commit_timestamps=False,
        checks_connections=False,
        remembers=False,
        configures_changelogs=False,
    )
    assert len(explained(replace(READ, reported_run=None), nothing_set).advice) == 5


def test_files_that_belong_to_another_history() -> None:
    [advice] = explained(READ).advice
    assert "set `table`" in advice
    assert "deploy.history" in advice


def test_an_inferred_failure_and_its_doubt() -> None:
    failed = replace(READ, reported_run=None, inferred_failure=FAILURE, files=ChangelogComparison())
    shown = explained(replace(failed, files=ChangelogComparison(pending=("a.sql::1::me",))))
    assert "the run may not have failed: it was a preview" in shown.doubts

    running = explained(replace(failed, lock=Lock(locked=True, has_holder=True, waiters=2)))
    assert "a failure was inferred that no later run has repaired: it failed" in running.facts
    assert "2 sessions seem to wait for it" in running.facts
    assert "which sessions wait for the lock is inferred from their last statements" in (
        running.doubts
    )


def test_an_unknown_outcome() -> None:
    unknown = replace(READ, reported_run=None, unknown_outcome="it is not clear")
    assert explained(unknown).decision.reason == "it is not clear"
    assert "the outcome of a run is not known: it is not clear" in (
        explained(replace(unknown, acknowledged=True)).facts
    )


def test_paths_that_differ_and_checksums_that_are_not_known() -> None:
    paths = OtherPaths(frozenset({"a.sql::1::me"}), "app/", "")
    files = ChangelogComparison(("a.sql::1::me",), ("app/a.sql::1::me",), other_paths=paths)
    shown = explained(replace(READ, files=replace(files, unchecked=3)))

    assert "with the prefix app/ they would match" in shown.decision.reason
    assert any(
        "start with 'app/' where those of the files start with" in fact for fact in shown.facts
    )
    assert any(fact.startswith("3 have run, but only Liquibase") for fact in shown.facts)
    assert "the same search path" in shown.advice[0]
