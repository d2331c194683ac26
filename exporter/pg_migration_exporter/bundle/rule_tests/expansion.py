"""From a case of an alert to unit tests of promtool, so that each alert gets all of them.

The alert is silent one evaluation before `for` has passed, fires exactly then, and resolves with
its cause; the same on one of two clusters whose targets have the same name, with a label that no
rule uses; and counters that start again fire nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from itertools import chain, repeat

from promql_parser import parse_duration

from pg_migration_exporter.bundle.rule_tests.cases import Case, Labels, Mapping, RuleTestFile
from pg_migration_exporter.bundle.rule_tests.links import dashboard_url
from pg_migration_exporter.bundle.rule_tests.samples import (
    labels_of,
    milliseconds,
    notation,
    selector,
)

INSTANCE = "db1:9886"
#: How much earlier each sample is than one step after the previous. So none is on the edge of a
#: range: Prometheus 2 includes a sample that is exactly as old as the range, 3 does not.
AHEAD = timedelta(milliseconds=1)
#: Number of evaluations before and after the assertions.
MARGIN = 4
#: A label that no rule uses; aggregation drops it.
NOISE = {"env": "prod"}


class Expansion:
    """The unit tests of one case."""

    def __init__(self, rule: Mapping, case: Case, file: RuleTestFile) -> None:
        self.rule, self.case = rule, case
        self.job = case.job or file.job
        self.step = parse_duration(file.step)

    def tests(self) -> Iterator[Mapping]:
        """Yield the tests, each with the rule's name."""
        yield self._test("fires exactly at its `for`, and is over with its cause", [{}], [])
        clusters = [{"cluster": "east"}, {"cluster": "west"} | NOISE]
        name = "fires on one of two clusters, whatever other labels there are"
        yield self._test(name, clusters, clusters[1:])
        if self.case.resets and any("+" in change for change in self.case.input.values()):
            yield self._reset()

    # --- times, in evaluations ---------------------------------------------------------------

    def _steps(self, duration: str) -> int:
        exact = timedelta() if duration == "0s" else parse_duration(duration)
        assert exact % self.step == timedelta(), f"{duration} is not a multiple of the step"
        return exact // self.step

    @cached_property
    def changes(self) -> int:
        """The evaluation at which the input changes."""
        return self._steps(self.case.before)

    @cached_property
    def fires(self) -> int:
        """The first evaluation at which the alert fires."""
        return self.changes + self._steps(self.case.delay) + self._steps(self.rule["for"])

    @cached_property
    def recovers(self) -> int:
        """The first evaluation at which the input is quiet again."""
        after = self.changes + self._steps(self.case.ends) if self.case.ends else self.fires
        return after + MARGIN

    @cached_property
    def over(self) -> int:
        """The first evaluation at which the alert is resolved."""
        if self.case.ends:
            return self.changes + self._steps(self.case.ends)
        return self.recovers + self._steps(self.case.lasts)

    def _time(self, evaluation: int) -> str:
        return f"{int((evaluation * self.step).total_seconds())}s"

    # --- series ------------------------------------------------------------------------------

    def _series(self, change: str, *, healthy: bool = False) -> str:
        """Return the samples of a series, in promtool's notation."""
        quiet, firing = change.split(" -> ")
        phases = [
            repeat(quiet, self.changes),
            repeat(quiet if healthy else firing, self.recovers - self.changes),
            repeat(
                quiet, self.over - self.recovers + MARGIN if self.over > self.recovers else MARGIN
            ),
        ]
        return notation(list(chain(*phases)))

    def _input(self, labels: Labels, *, healthy: bool) -> list[Mapping]:
        target = {"job": self.job, "instance": INSTANCE} | labels
        return [
            {
                "series": selector(series, target),
                "values": self._series(change, healthy=healthy),
            }
            for series, change in self.case.input.items()
        ]

    # --- tests -------------------------------------------------------------------------------

    def _test(self, name: str, targets: list[Labels], firing: list[Labels]) -> Mapping:
        """Return a test of these targets; those of `firing` fire, or all of them."""
        bad = firing or targets
        series = [self._input(labels, healthy=labels not in bad) for labels in targets]
        alerts = [self._alert(labels) for labels in bad]
        ends = [self._alert(labels, self.case.finally_) for labels in bad]
        expected = {self.fires - 1: [], self.fires: alerts, self.over - 1: ends, self.over: []}
        return self._assertions(name, list(chain(*series)), expected)

    def _reset(self) -> Mapping:
        """Return a test of quiet input in which the counters start again at 0 in the middle."""
        target = {"job": self.job, "instance": INSTANCE}
        series = []
        for name, change in self.case.input.items():
            quiet = change.split(" -> ")[0]
            half = [quiet] * (self.fires + MARGIN)
            values = f"{notation(half)} {notation(half)}"
            series.append({"series": selector(name, target), "values": values})
        ends = 2 * (self.fires + MARGIN)
        times = range(self.fires, ends, max(1, (ends - self.fires) // MARGIN))
        name = "a counter that starts again fires nothing"
        return self._assertions(name, series, {time: [] for time in times})

    def _assertions(
        self, name: str, series: list[Mapping], expected: dict[int, list[Mapping]]
    ) -> Mapping:
        alert = self.rule["alert"]
        return {
            "name": f"{alert} {name}" if not name.startswith("a ") else f"{alert}: {name}",
            "interval": milliseconds(self.step - AHEAD),
            "input_series": series,
            "alert_rule_test": [
                {"alertname": alert, "eval_time": self._time(time)}
                | ({"exp_alerts": alerts} if alerts else {})
                for time, alerts in expected.items()
                if time >= 0
            ],
        }

    def _alert(self, more: Labels, description: str | None = None) -> Mapping:
        first = next(iter(self.case.input))
        own = labels_of(first) if self.case.labels is None else self.case.labels
        kept = {k: v for k, v in more.items() if not (self.case.aggregated and k in NOISE)}
        labels = {"job": self.job, "instance": INSTANCE} | own | kept
        return {
            "exp_labels": self.rule["labels"] | labels,
            "exp_annotations": {
                "summary": self.rule["annotations"]["summary"],
                "description": (description or self.case.description).strip(),
                "runbook_url": self.rule["annotations"]["runbook_url"],
                "dashboard_url": dashboard_url(self.rule, labels),
            },
        }
