"""The file of tests next to an alert: `<AlertName>.test.yaml`, and `group.test.yaml`.

A case gives the input while all is well and while it is not, as `quiet -> firing`: a number, `+1`
for a counter that grows by 1 with each scrape, or `_` for a series that is absent. Tests that do
not fit into a case are written in promtool's own format, under `tests`, without the links to
dashboards, which are added. A test that lasts for days has a longer `step` of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from pg_migration_exporter.bundle.alert_files import TEST_SUFFIX, AlertGroup
from pg_migration_exporter.bundle.types import Model, PositiveDuration
from pg_migration_exporter.config.yaml_file import read_yaml, validate

Mapping = dict[str, Any]
Labels = dict[str, str]
JOB = "pg-migration-exporter"
DEFAULT_STEP = "15s"
#: The key of a test whose step is not that of its file: days are too many steps of seconds.
STEP = "step"


class Case(Model):
    """A case of one alert. Durations count from the change of the input.

    `labels`: of the alert in addition to those of the target, if they are not those of the first
    series. `before`: duration of the quiet input at the start. `delay`: until the expression holds.
    `lasts`: for how long the expression holds after the input is quiet again. `ends`: when the
    alert resolves although the input does not change. `finally`: the description one evaluation
    before the alert resolves, if it differs. `outlives`: for how long the alert fires on when the
    target is lost. `follows`: whether it must also fire while every second scrape is lost.
    `outage`: whether it fires on while the server is down, if the rule remembers anything so long.
    """

    input: dict[str, str]
    description: str
    finally_: str | None = Field(default=None, alias="finally")
    labels: Labels | None = None
    job: str | None = None
    before: str = "1m"
    delay: str = "0s"
    lasts: str = "0s"
    ends: str | None = None
    resets: bool = True
    outlives: str | None = None
    follows: bool = True
    outage: bool = True


class RuleTestFile(Model):
    """Cases and tests; `step` is the interval between two evaluations, `job` that of the target."""

    step: PositiveDuration = DEFAULT_STEP
    job: str = JOB
    cases: list[Case] = Field(default=[])
    tests: list[Mapping] = Field(default=[])

    @field_validator("tests")
    @classmethod
    def _samples_are_text(cls, tests: list[Mapping]) -> list[Mapping]:
        """Refuse samples that YAML reads as a number: 0x60 would become 96."""
        for test in tests:
            for series in test.get("input_series", ()):
                if not isinstance(series["values"], str):
                    raise ValueError(f"write the values of {series['series']} in quotes")
        return tests


def read_rule_tests(path: Path) -> RuleTestFile:
    """Read a file of tests. Raises ConfigError."""
    return validate(RuleTestFile, read_yaml(path), path)


def rule_test_paths(group: AlertGroup) -> dict[str, Path]:
    """Return the files of tests of a group by alert, "group" for that of the group."""
    paths = {name: group.folder / f"{name}{TEST_SUFFIX}" for name in (*group.alerts, "group")}
    return {name: path for name, path in paths.items() if path.is_file()}
