"""The faults as they are declared, and the page of the drills; `make drills` runs them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from demo.drills import page
from demo.drills.__main__ import chosen
from demo.drills.undrilled import UNDRILLED
from demo.report import Outcome, Report
from demo.scenarios import DRILLED, FAULTS, LOGGED, Fault
from demo.world import QUEST
from pg_migration_exporter.bundle.alert_rules import groups
from pg_migration_exporter.bundle.values import load_values

ALL = (*FAULTS, *LOGGED, *DRILLED)
ROOT = Path(__file__).parents[2]
ALERTS = {
    rule["alert"]
    for group in groups(load_values(QUEST / "values.yaml"))
    for rule in group["rules"]
    if "alert" in rule
}


_TOLD = {"A": 2.0, "B": 5.4}
_OUTCOME = Outcome(
    name="it breaks",
    expected=frozenset(_TOLD),
    tolerated=frozenset({"C"}),
    detected=_TOLD,
    resolved=_TOLD,
    messages=3,
)


def test_there_are_twenty_faults_with_names_of_their_own() -> None:
    assert len({fault.name for fault in ALL}) == len(ALL) >= 20


def test_faults_that_need_a_fluent_bit_are_left_out_without_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLUENT_BIT", "/opt/fluent-bit")
    assert chosen("", Report()) == list(ALL)
    assert capsys.readouterr().out == ""

    monkeypatch.delenv("FLUENT_BIT")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chosen("", Report()) == [*FAULTS, *DRILLED]
    shown = capsys.readouterr().out
    assert all(fault.name in shown for fault in LOGGED)


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.name)
def test_alerts_of_a_fault_are_alerts_of_the_bundle(fault: Fault) -> None:
    assert fault.alerts
    assert fault.alerts | fault.consequences <= ALERTS


def test_every_alert_has_a_drill_or_a_reason_why_not() -> None:
    drilled = {alert for fault in ALL for alert in fault.alerts}
    assert list(UNDRILLED) == sorted(ALERTS - drilled)
    assert (ROOT / "docs/drills.md").read_text().endswith(f"\n\n{page.undrilled()}")


def test_the_page_has_a_row_for_every_fault() -> None:
    measured = (ROOT / "docs/drills.md").read_text().partition(page.MARK)[2]
    rows = measured.removesuffix(page.undrilled()).splitlines()
    names = [row.split(" | ")[0].removeprefix("| ") for row in rows if row.startswith("| ")]
    assert names[2:] == [fault.name for fault in ALL]


@pytest.mark.parametrize(
    ("changes", "false_alarms", "is_as_expected"),
    [
        ({}, set(), True),
        ({"detected": {"A": 1.0}, "resolved": {"A": 1.0}}, set(), False),
        ({"resolved": {"A": 1.0}}, set(), False),
        ({"detected": {"A": 1.0, "B": -0.5}}, {"B"}, False),
        ({"detected": {"A": 1.0, "B": 1.0, "D": 1.0}}, {"D"}, False),
        (
            {"detected": {"A": 1, "B": 1, "C": 1}, "resolved": {"A": 1, "B": 1, "C": 1}},
            set(),
            True,
        ),
    ],
    ids=["all", "missing", "unresolved", "early", "other", "consequence"],
)
def test_what_is_as_expected(
    changes: dict[str, Any], false_alarms: set[str], is_as_expected: bool
) -> None:
    outcome = replace(_OUTCOME, **changes)
    assert outcome.false_alarms == false_alarms
    assert outcome.is_as_expected is is_as_expected


NAMES = ["it breaks", "older", "worse"]


def test_rows_of_what_ran_are_replaced_and_all_else_is_kept(tmp_path: Path) -> None:
    document = tmp_path / "drills.md"
    document.write_text(f"# Drills\n\n{page.MARK}")
    quiet = replace(_OUTCOME, expected=frozenset(), tolerated=frozenset(), detected={}, messages=0)
    older = [
        replace(_OUTCOME, name="worse"),
        replace(_OUTCOME, name="older", messages=7),
        replace(_OUTCOME, name="gone"),
    ]
    page.write(document, NAMES, older, page.quiet_sentence(quiet, 360))
    late = replace(
        _OUTCOME, name="worse", detected={"A": 3.0, "C": 4.0, "D": 1.0}, resolved={}, messages=0
    )
    page.write(document, NAMES, [late, _OUTCOME], None)
    text, _, measured = document.read_text().partition(page.MARK)
    assert text == "# Drills\n\n"
    assert measured.splitlines()[2:] == [
        "| it breaks | A, B | - | 2 s | 5 s | 3 | none |",
        "| older | A, B | - | 2 s | 5 s | 7 | none |",
        "| worse | A, B | C | 3 s | never | 0 | D |",
        "",
        "2 of 3 faults were detected in full, 1 with a false alarm.",
        "",
        "The quiet hour lasted 360 s. Alarms: none; notifications of them: 0.",
        "",
        *page.undrilled().splitlines(),
    ]
