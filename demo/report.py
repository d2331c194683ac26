"""Output of the demo: steps, alerts as they arrive, and the table at the end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from testbed.receiver import Notification


@dataclass(slots=True)
class Outcome:
    """Alerts that one part of the demo was expected to fire, and those that did, in seconds."""

    name: str
    expected: frozenset[str]
    tolerated: frozenset[str]
    detected: dict[str, float]
    resolved: dict[str, float]
    #: Number of notifications that people would get.
    messages: int

    @property
    def false_alarms(self) -> set[str]:
        """Alerts that fired although they were not expected, or before the fault."""
        unexpected = self.detected.keys() - self.tolerated
        return {name for name in unexpected if name not in self.expected or self.detected[name] < 0}

    @property
    def is_as_expected(self) -> bool:
        """Whether exactly the expected alerts fired, and all of them resolved."""
        fired = self.expected <= self.detected.keys() and not self.false_alarms
        return fired and self.detected.keys() == self.resolved.keys()


class Report:
    """Printer for a terminal, or plain lines for a file."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    def title(self, text: str) -> None:
        self.console.print(f"\n[bold]{escape(text)}[/]")

    def line(self, text: str) -> None:
        self.console.print(f"  {escape(text)}", soft_wrap=True)

    @contextmanager
    def step(self, what: str) -> Iterator[list[str]]:
        """Show `what` while the body runs, then its duration and the details that the body adds."""
        began = time.monotonic()
        details: list[str] = []
        with self.console.status(escape(what)):
            yield details
        seconds = f"{time.monotonic() - began:5.1f} s"
        self.console.print(
            f"  [green]✓[/] {escape(what):<46} [dim]{seconds}  {escape(', '.join(details))}[/]",
            soft_wrap=True,
        )

    def notification(self, notification: Notification) -> None:
        """Print a notification of Alertmanager, except that of the alert that always fires."""
        if notification.name == "Watchdog":
            return
        style, text = "green", ""
        if notification.status == "firing":
            style, text = "red", notification.annotations.get("description", "")
        line = f"[{style}]{notification.status:<8}[/] [bold]{escape(notification.name)}[/]"
        self.console.print(f"  {line} {escape(text)}", soft_wrap=True)

    def error(self, text: str) -> None:
        self.console.print(f"\n[red]{escape(text)}[/]", soft_wrap=True)

    def outcomes(self, outcomes: Iterable[Outcome]) -> None:
        """Print the table of the alerts, with the seconds until they were detected and resolved."""
        table = Table("event", box=box.SIMPLE)
        table.add_column("alert", no_wrap=True)
        table.add_column("detected", justify="right")
        table.add_column("resolved", justify="right")
        table.add_column("ok")
        for outcome in outcomes:
            alerts = sorted(outcome.expected | outcome.detected.keys())
            table.add_row(
                outcome.name,
                "\n".join(alerts) or "none",
                "\n".join(_seconds(outcome.detected, name) for name in alerts),
                "\n".join(_seconds(outcome.resolved, name) for name in alerts),
                "[green]yes[/]" if outcome.is_as_expected else "[red]NO[/]",
            )
        self.console.print()
        self.console.print(table)
        self.console.print(
            "  detected: seconds after the fault began; resolved: seconds after it was fixed",
            style="dim",
        )


def _seconds(times: dict[str, float], name: str) -> str:
    return f"{times[name]:.1f} s" if name in times else "never"
