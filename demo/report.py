"""What the demo shows: steps as they happen, alerts as they come, and the table at the end."""

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
    """What one part of the demo should have made fire, and what did: seconds by alert."""

    name: str
    expected: frozenset[str]
    tolerated: frozenset[str]
    detected: dict[str, float]
    resolved: dict[str, float]
    #: Notifications of alarms, as people get them.
    messages: int

    @property
    def false_alarms(self) -> set[str]:
        """What fired without a cause, or before it. What it takes to cause it has consequences."""
        unasked = self.detected.keys() - self.tolerated
        return {name for name in unasked if name not in self.expected or self.detected[name] < 0}

    @property
    def is_as_expected(self) -> bool:
        """Say whether what was expected fired, nothing else, and all of it resolved."""
        fired = self.expected <= self.detected.keys() and not self.false_alarms
        return fired and self.detected.keys() == self.resolved.keys()


class Report:
    """Writes to the terminal; without one, plain lines."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    def title(self, text: str) -> None:
        self.console.print(f"\n[bold]{escape(text)}[/]")

    def say(self, text: str) -> None:
        self.console.print(f"  {escape(text)}", soft_wrap=True)

    @contextmanager
    def step(self, what: str) -> Iterator[list[str]]:
        """Show `what` while the body runs, then its seconds and what the body added to the list."""
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
        """Print what Alertmanager delivers, but for the alert that always fires."""
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
        """Print the table of what was detected, and after how many seconds."""
        table = Table("what happened", box=box.SIMPLE)
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
        self.console.print("  Seconds after the fault, and after it was healed.", style="dim")


def _seconds(times: dict[str, float], name: str) -> str:
    return f"{times[name]:.1f} s" if name in times else "never"
