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

#: The identifying label that one of several targets of a site has, and the site has not.
_INSTANCE = "instance"


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
            "state": lambda series, labels="": self._known(series, labels, within.state),
            "flaps": self._flaps,
            "grew": self._grew,
        }
        identity = self.prometheus.identity
        site = [label for label in identity if label != _INSTANCE]
        answers = f"{self._max(f'last_over_time(postgres_up[{within.value}])', '')} == 1"
        return names | {
            "target": ", ".join(identity),
            "site": ", ".join(site),
            "answers": answers,
        }

    def _by(self, labels: str) -> str:
        return ", ".join([*self.prometheus.identity, *filter(None, [labels])])

    def _max(self, series: str, labels: str) -> str:
        return f"max by ({self._by(labels)}) ({series})"

    def _known(self, series: str, labels: str, within: str) -> str:
        """Return the highest value of a series now or, where it has none, the last one."""
        last = self._max(f"last_over_time({series}[{within}])", labels)
        return f"(\n  {self._max(series, labels)}\n  or {last}\n)"

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
