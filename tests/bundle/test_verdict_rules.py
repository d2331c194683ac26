"""The recording rules and the exporter give the same verdict in the same situations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pg_migration_exporter.config.verdict import VerdictSection
from pg_migration_exporter.metrics.families import Histogram
from pg_migration_exporter.status.judgement import Judgement, families
from pg_migration_exporter.status.judgement.judge import judge, reasons
from pg_migration_exporter.status.judgement.memory import ReasonMemory
from pg_migration_exporter.status.judgement.situation import Situation
from tests.bundle.all_alerts import ROOT
from tests.bundle.promtool_parts import promtool
from tests.unit.status.situations import CASES

_JOB = "pg-migration-exporter"
_COLLECTORS = VerdictSection().collectors
#: Only the exporter sees these: the rules have them from its verdict.
_NOT_IN_SERIES = {
    "statements are slow",
    "before the first scrape",
    "the exporter's role has no connection left",
    "a database does not answer",
    "a database is left out",
    "histories are left out",
    "the watcher is about to start",
    "a metric of the user gives no answer",
}


def judged(now: Situation) -> Judgement:
    """The exporter's verdict on what persists."""
    memory = ReasonMemory(now.settings.verdict)
    found, is_blind = reasons(now)
    memory.update(found, 0.0, is_blind=is_blind)
    return judge(now, memory.update(found, 60.0, is_blind=is_blind))


def exported(case: str, now: Situation, judgement: Judgement | None) -> Iterator[tuple[str, float]]:
    """The series of a situation, with the verdict of `judgement`; without one it says go."""
    target = f'job="{_JOB}", instance="{case}"'
    yield f"up{{{target}}}", 1
    yield f"postgres_up{{{target}}}", int(bool(now.reached))
    if now.watch_age is not None:
        yield f"migration_exporter_watch_age_seconds{{{target}}}", now.watch_age
    for name in _COLLECTORS:
        success = int(name not in now.silent and bool(now.reached))
        yield f'migration_exporter_collector_success{{{target}, collector="{name}"}}', success
    says = judgement or Judgement("go", dict.fromkeys(now.databases, "go"), [])
    for found in (*now.samples.families(), *families(says)):
        for labels, value in found.samples:
            assert not isinstance(value, Histogram)
            pairs = zip(found.family.labels, labels, strict=True)
            own = "".join(f', {name}="{label}"' for name, label in pairs if label)
            yield f"{found.family.name}{{{target}{own}}}", value


def played(*, with_verdict: bool) -> dict[str, Any]:
    """Play all situations through the rules; what promtool expects is the exporter's verdict."""
    cases = {
        case: now for case, (now, _) in CASES.items() if with_verdict or case not in _NOT_IN_SERIES
    }
    series = [
        {"series": name, "values": f"{value}x8"}
        for case, now in cases.items()
        for name, value in exported(case, now, judged(now) if with_verdict else None)
    ]
    expected = [
        {
            "labels": f'migration:verdict{{job="{_JOB}", instance="{case}", '
            f'verdict="{judged(now).verdict}"}}',
            "value": 1,
        }
        for case, now in cases.items()
    ]
    check = {"expr": "migration:verdict", "eval_time": "1m", "exp_samples": expected}
    test = {"interval": "15s", "input_series": series, "promql_expr_test": [check]}
    return {
        "rule_files": [str(file) for file in sorted((ROOT / "alerts").glob("*.yaml"))],
        "evaluation_interval": "15s",
        "tests": [test],
    }


def agree(tmp_path: Path, content: dict[str, Any]) -> None:
    file = tmp_path / "situations.yaml"
    file.write_text(yaml.safe_dump(content))
    result = promtool("test", "rules", file)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_rules_take_over_the_verdict(tmp_path: Path) -> None:
    agree(tmp_path, played(with_verdict=True))


def test_the_conditions_of_the_alerts_agree_with_the_exporter(tmp_path: Path) -> None:
    """Where the exporter said go in every situation, the rules would find the reasons."""
    agree(tmp_path, played(with_verdict=False))
