"""From a case of an alert to unit tests of promtool, so that each alert gets all of them.

The alert is silent one evaluation before `for` has passed, fires exactly then, and resolves with
its cause; the same on one of two clusters whose targets have the same name, with a label that no
rule uses; and counters that start again fire nothing. Rules that aggregate, all but those of the
deployment guide, also fire once for two pods or copies of a target, not at all when a pod replaces
another, and although every second scrape is lost. Those of what no outage changes fire on while the
server is down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from itertools import chain, repeat

from promql_parser import parse_duration

from pg_migration_exporter.bundle.rule_tests.cases import Case, Labels, Mapping, RuleTestFile
from pg_migration_exporter.bundle.rule_tests.links import dashboard_url
from pg_migration_exporter.bundle.rule_tests.samples import (
    labels_of,
    lossy,
    milliseconds,
    notation,
    selector,
)

INSTANCE = "db1:9886"
#: How much earlier each sample is than one step after the previous. So none is on the edge of a
#: range: Prometheus 2 includes a sample that is exactly as old as the range, 3 does not.
AHEAD = timedelta(milliseconds=1)
#: What a rule remembers only while its server gives no answer.
OUTAGE_MEMORY = re.compile(r"and on \([^)]*\) \(max by \([^)]*\) \(last_over_time\(postgres_up\[")
#: A series that a recording rule makes.
_RECORDED = re.compile(r"\b[a-z_]+:[a-z_0-9:]+")
#: Number of evaluations before and after the assertions.
MARGIN = 4
#: A label that no rule uses; aggregation drops it.
NOISE = {"env": "prod"}
#: Two pods of one target, or two copies of its series.
PODS = ({"pod": "exporter-a"}, {"pod": "exporter-b"})


class Expansion:
    """The unit tests of one case."""

    def __init__(self, rule: Mapping, case: Case, file: RuleTestFile) -> None:
        self.rule, self.case = rule, case
        self.job = case.job or file.job
        self.step = parse_duration(file.step)

    def tests(self) -> Iterator[Mapping]:
        """Yield the tests, each with the rule's name."""
        yield self._test("fires exactly at its `for`, and is over with its cause", [{}], [])
        teams = {"namespace": "db", "team": "blue"}
        clusters = [{"cluster": "east"} | teams, {"cluster": "west"} | teams | NOISE]
        name = "fires on one of two clusters, whatever other labels there are"
        yield self._test(name, clusters, clusters[1:])
        if self.case.resets and any("+" in change for change in self.case.input.values()):
            yield self._reset()
        if self.is_aggregated:
            yield from self._disturbed()

    def _disturbed(self) -> Iterator[Mapping]:
        yield self._test("fires once for two pods of a target", [*PODS], [], expected=[{}])
        if self.case.resets:
            yield self._replaced()
        if self.case.follows:
            yield self._every_second_lost()
        if self.case.outlives:
            yield self._target_lost(self.case.outlives)
        if self.case.outage and OUTAGE_MEMORY.search(self.rule["expr"]):
            yield self._outage()

    @cached_property
    def is_aggregated(self) -> bool:
        """Whether the alert has only the labels that the rule names."""
        return " by (" in self.rule["expr"] or bool(_RECORDED.search(self.rule["expr"]))

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

    def _test(
        self,
        name: str,
        targets: list[Labels],
        firing: list[Labels],
        expected: list[Labels] | None = None,
    ) -> Mapping:
        """Return a test of these targets; those of `firing` fire, or all of them.

        `expected` are the labels of the alerts, if they are not those of these targets.
        """
        bad = firing or targets
        series = [self._input(labels, healthy=labels not in bad) for labels in targets]
        alerts = [self._alert(labels) for labels in expected or bad]
        ends = [self._alert(labels, self.case.finally_) for labels in expected or bad]
        times = {self.fires - 1: [], self.fires: alerts, self.over - 1: ends, self.over: []}
        return self._assertions(name, list(chain(*series)), times)

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

    def _replaced(self) -> Mapping:
        """Return a test of quiet input in which another pod goes on, its counters from 0."""
        old, new = PODS
        half = self.fires + MARGIN
        target = {"job": self.job, "instance": INSTANCE}
        series = []
        for name, change in self.case.input.items():
            quiet = change.split(" -> ")[0]
            first = notation([quiet] * half + ["_"] * half)
            second = notation([quiet] * half)
            series += [
                {"series": selector(name, target | old), "values": first},
                {"series": selector(name, target | new), "values": f"_x{half} {second}"},
            ]
        times = range(half - 1, 2 * half, max(1, half // MARGIN))
        name = "a pod that replaces another fires nothing"
        return self._assertions(name, series, {time: [] for time in times})

    def _every_second_lost(self) -> Mapping:
        """Return a test in which every second scrape from the change on is lost."""
        target = {"job": self.job, "instance": INSTANCE}
        end = self.fires + max(self.fires - self.changes, MARGIN) + MARGIN
        series = []
        for name, change in self.case.input.items():
            quiet, firing = change.split(" -> ")
            values = lossy([quiet] * self.changes + [firing] * (end - self.changes), self.changes)
            series.append({"series": selector(name, target), "values": values})
        name = "fires although every second scrape is lost"
        return self._firing(name, series, [end - 2, end - 1])

    def _target_lost(self, outlives: str) -> Mapping:
        """Return a test in which all series of the target end while the alert fires."""
        target = {"job": self.job, "instance": INSTANCE}
        lost, gone = self.fires + MARGIN, self._steps(outlives)
        series = [
            {
                "series": selector(name, target),
                "values": notation(
                    [change.split(" -> ")[0]] * self.changes
                    + [change.split(" -> ")[1]] * (lost - self.changes)
                    + ["_"] * (gone + MARGIN)
                ),
            }
            for name, change in self.case.input.items()
        ]
        name = f"fires on for {outlives} when its target is lost"
        return self._firing(name, series, [lost + gone - 2])

    def _outage(self) -> Mapping:
        """Return a test of a server that is down for an hour while the alert fires."""
        target = {"job": self.job, "instance": INSTANCE}
        down = self.fires + MARGIN
        back = down + self._steps("1h")
        lengths = (self.changes, down - self.changes, back - down, MARGIN)
        series = [
            {
                "series": selector(name, target),
                "values": notation(
                    [value for value, n in zip(values, lengths, strict=True) for _ in range(n)]
                ),
            }
            for name, values in self._during_outage()
        ]
        test = self._firing(
            "fires on while its server is down for an hour", series, [down, down + 1, back - 1]
        )
        if self.case.lasts == "0s":
            test["promql_expr_test"].append(self._silence(back + 1))
        return test

    def _during_outage(self) -> Iterator[tuple[str, tuple[str, str, str, str]]]:
        """Yield each series with its values before, while the alert fires, during and after it."""
        yield "postgres_up", ("1", "1", "0", "1")
        for name, change in self.case.input.items():
            quiet, firing = change.split(" -> ")
            yield name, (quiet, firing, "_", quiet)

    def _firing(self, name: str, series: list[Mapping], times: list[int]) -> Mapping:
        """Return a test of when one alert fires, whatever its text."""
        alert = self.rule["alert"]
        sample = {"labels": f'{{alertname="{alert}"}}', "value": 1}
        return {
            "name": f"{alert} {name}",
            "interval": milliseconds(self.step - AHEAD),
            "input_series": series,
            "promql_expr_test": [self._silence(time) | {"exp_samples": [sample]} for time in times],
        }

    def _silence(self, time: int) -> Mapping:
        alert = self.rule["alert"]
        query = f'sum by (alertname) (ALERTS{{alertname="{alert}", alertstate="firing"}})'
        return {"expr": query, "eval_time": self._time(time)}

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
        kept = {k: v for k, v in more.items() if not (self.is_aggregated and k in NOISE)}
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
