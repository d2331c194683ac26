"""Each number and duration of the values, changed a little: a unit test must notice.

A mutation is one value made a little larger or smaller; its alert is rendered with it and put to
the unit tests that ask for that alert. One that all of them pass is a survivor: a threshold that
could be lost unseen. `python -m tests.bundle.mutations` says which do.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from promql_parser import parse_duration

from pg_migration_exporter.bundle import alert_rules
from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.bundle.values import load_values
from tests.bundle.all_alerts import QUEST, TEST_FILES
from tests.bundle.promtool_parts import promtool, write_part

Mapping = dict[str, Any]
#: Share by which a number is changed.
_LITTLE = 0.1
_STEP = "15s"
#: Other texts are no numbers, such as the selector of a metric.
_DURATION = re.compile(r"(\d+(ms|[smhdwy]))+")


@dataclass(frozen=True, slots=True)
class Mutation:
    """A value at `path` of the values file, and what it is changed to; `alert` is put to the test.

    No alert: the value is shared, and all unit tests of `groups` are asked.
    """

    path: tuple[str | int, ...]
    value: object
    alert: str | None = None
    groups: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))} = {self.value}"

    def values(self) -> Values:
        """Return the default values with this one changed."""
        content = load_values(QUEST).model_dump(by_alias=True)
        *way, last = self.path
        place: Any = content
        for key in way:
            place = place[key]
        place[last] = self.value
        return Values.model_validate(content)


#: Values that several rules share -> the groups of these, and other values.
_SHARED: tuple[tuple[tuple[str, str], str, tuple[object, ...]], ...] = (
    (("slo", "objective"), "pg-migration-exporter.slo", (0.94, 0.96)),
    (("slo", "latency"), "pg-migration-exporter.slo", (0.025, 0.1)),
)


def mutations() -> list[Mutation]:
    """Return every mutation of the default values."""
    alerts = load_values(QUEST).alerts.model_dump(by_alias=True)
    own = [
        Mutation(("alerts", name, *path), changed, name)
        for name, entry in alerts.items()
        for path, value in _leaves(entry)
        for changed in _changes(path[-1], value, _step(name))
    ]
    shared = [
        Mutation(path, value, None, (group,)) for path, group, some in _SHARED for value in some
    ]
    return own + shared


def _leaves(
    value: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield the numbers and durations in an alert's entry, with the way to each."""
    if isinstance(value, dict):
        for key in value.keys() - {"enabled", "severity", "labels", "annotations", "collectors"}:
            yield from _leaves(value[key], (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    elif value is not None:
        yield path, value


def _changes(key: str | int, value: float | str, step: timedelta) -> list[object]:
    """Return a value a little above and one a little below, as far as they are valid."""
    if isinstance(value, str):
        if not _DURATION.fullmatch(value):
            return []
        exact = timedelta() if value == "0s" else parse_duration(value)
        shift = step if key == "for" else max(exact / 3, step)
        return [
            _write(changed) for changed in (exact + shift, exact - shift) if changed > timedelta()
        ]
    if isinstance(value, int):
        little = max(1, int(value * _LITTLE))
        return [changed for changed in (value + little, value - little) if changed >= 0]
    above = value * (1 + _LITTLE)
    is_share = value < 1 <= above
    return [(1 + value) / 2 if is_share else above, value * (1 - _LITTLE)]


def _write(duration: timedelta) -> str:
    return f"{int(duration.total_seconds())}s"


# --- putting them to the test ------------------------------------------------------------------


@cache
def _tests() -> list[tuple[str, Mapping]]:
    """Return each file of unit tests with the group that it tests."""
    return [(Path(file["rule_files"][0]).stem, file) for file in TEST_FILES]


def _step(alert: str) -> timedelta:
    steps = [file["evaluation_interval"] for _, file in _tests() if _of(alert, file)]
    return min(map(parse_duration, steps or [_STEP]))


def _of(alert: str, file: Mapping) -> list[Mapping]:
    """Return the tests that ask for an alert, without what they ask for others."""
    return [
        test | {"alert_rule_test": alerts, "promql_expr_test": expressions}
        for test in file["tests"]
        if any(
            [
                alerts := [
                    each for each in test.get("alert_rule_test", ()) if each["alertname"] == alert
                ],
                expressions := [
                    each
                    for each in test.get("promql_expr_test", ())
                    if re.search(rf'ALERTS{{[^}}]*alertname="{alert}"', each["expr"])
                ],
            ]
        )
    ]


def survivors(of: Sequence[Mutation]) -> list[Mutation]:
    """Return those that every unit test passes, from one run of promtool."""
    with tempfile.TemporaryDirectory() as folder:
        files: dict[str, Mutation] = {}
        for number, mutation in enumerate(of):
            for path in _written(mutation, Path(folder), number):
                files[str(path)] = mutation
        done = promtool("test", "rules", *files)
    results = re.findall(r"Unit Testing: +(\S+)\n +(\w+)", done.stdout)
    output = done.stdout + done.stderr
    assert len(re.findall("Unit Testing:", output)) == len(files), output
    passed = {path for path, result in results if result == "SUCCESS"}
    killed = {files[path] for path in files.keys() - passed}
    return [mutation for mutation in of if mutation not in killed]


def _written(mutation: Mutation, folder: Path, number: int) -> Iterator[Path]:
    """Write the mutated rules and their unit tests; yield the latter's files."""
    groups = {group["name"]: group for group in alert_rules.groups(mutation.values())}
    for index, (name, file) in enumerate(_tests()):
        if asked := _asked(mutation, name, file):
            content = file | {"tests": asked}
            yield write_part(groups[name], content, folder, f"{number}.{index}")


def _asked(mutation: Mutation, group: str, file: Mapping) -> list[Mapping]:
    if mutation.alert:
        return _of(mutation.alert, file)
    tests: list[Mapping] = file["tests"]
    return tests if group in mutation.groups else []


def main() -> int:
    """Print the survivors; 1 if there are any."""
    every = mutations()
    alive = survivors(every)
    for mutation in alive:
        print(f"survived: {mutation}")
    print(f"{len(every) - len(alive)} of {len(every)} mutations are noticed")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
