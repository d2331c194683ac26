"""Pieces of PromQL that the templates of rules share.

Each aggregates by the labels that identify a target, so that nothing that comes and goes with a
pod, and no federated copy of a series, is part of an alert or of a match. Each bridges lost
scrapes: a sample that is gone is not the end of what it told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Any

from pg_migration_exporter.bundle.alert_schema import Prometheus

#: Identifying labels: that of one of several targets of a site, and that of how it is watched.
_INSTANCE, _JOB = "instance", "job"


@dataclass(frozen=True, slots=True)
class Expressions:
    """The pieces, for the values of one Prometheus; `labels` join those that identify a target."""

    prometheus: Prometheus

    def context(self) -> Mapping[str, Any]:
        """Return what the templates can use, by name."""
        within = self.prometheus.memory
        names: dict[str, Callable[..., str]] = {
            "brief": lambda series, labels="": self._known(series, labels, within.brief),
            "known": lambda series, labels="": self._known(series, labels, within.value),
            "kept": lambda series, labels="", memory="value": self._kept(series, labels, memory),
            "state": lambda series, labels="": self._kept(series, labels, "state"),
            "flaps": self._flaps,
            "grew": self._grew,
            "said": self._said,
        }
        identity = self.prometheus.identity
        site = [label for label in identity if label != _INSTANCE]
        place = [label for label in site if label != _JOB]
        return names | {
            "target": ", ".join(identity),
            "site": ", ".join(site),
            "place": ", ".join(place),
            "answers": self._answers,
        }

    @property
    def _answers(self) -> str:
        """Where PostgreSQL answered in the last scrape."""
        return (
            f"{self._max(f'last_over_time(postgres_up[{self.prometheus.memory.value}])', '')} == 1"
        )

    def _by(self, labels: str) -> str:
        return ", ".join([*self.prometheus.identity, *filter(None, [labels])])

    def _max(self, series: str, labels: str) -> str:
        return f"max by ({self._by(labels)}) ({series})"

    def _known(self, series: str, labels: str, within: str) -> str:
        """Return the highest value of a series now or, where it has none, the last one."""
        last = self._max(f"last_over_time({series}[{within}])", labels)
        return f"(\n  {self._max(series, labels)}\n  or {last}\n)"

    def _kept(self, series: str, labels: str, memory: str) -> str:
        """Return the same of what no outage changes: the last value while nobody can look."""
        within = self.prometheus.memory
        known = self._known(series, labels, getattr(within, memory)).removesuffix("\n)")
        last = self._max(f"last_over_time({series}[{within.outage}])", labels)
        target = self._max(f"last_over_time(postgres_up[{within.outage}])", "")
        silent = f"({target} unless {self._answers})"
        return f"{known}\n  or {last}\n    and on ({self._by('')}) {silent}\n)"

    def _said(self, reason: str) -> str:
        """Return where the exporter gave this reason of its verdict in its last scrape."""
        series = f'migration_verdict_reason{{reason="{reason}"}}'
        last = self._max(f"last_over_time({series}[{self.prometheus.memory.value}])", "")
        scraped = f"on ({self._by('')}) {self._max('postgres_up', '')}"
        return f"(\n  {self._max(series, '')}\n  or {last}\n    unless {scraped}\n)"

    def _flaps(self, series: str, labels: str, share: float, window: str) -> str:
        """Return where a series of 0 and 1 is 1 now and then, in less than this share of scrapes.

        One outage is two changes.
        """
        average = self._max(f"avg_over_time({series}[{window}])", labels)
        changes = self._max(f"changes({series}[{window}])", labels)
        return f"(\n  {average} < {share}\n  and {changes} > 2\n)"

    def _grew(self, series: str, labels: str, window: str, alive: str) -> str:
        """Return what a counter grew by within the window, above 0.

        A series that is born with its first event does not increase. One that was there before it
        was lost is no news: so only where the target was `alive` (== 1) a window ago.
        """
        increase = self._max(f"increase({series}[{window}])", labels)
        last = f"last_over_time({series}[{self.prometheus.memory.brief}]"
        before = self._max(f"{last} offset {window})", labels)
        was_alive = f"{self._max(f'{alive} offset {window}', '')} == 1"
        born = (
            f"{self._max(f'{last})', labels)} > 0\n"
            f"unless on ({self._by(labels)}) {before}\n"
            f"and on ({self._by('')}) {was_alive}"
        )
        return f"{increase} > 0\nor {indent(born, '  ').lstrip()}"
