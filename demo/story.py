"""The story of the demo: a successful migration, then faults that are detected and fixed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from demo.report import Outcome, Report
from demo.scenarios import Fault
from demo.world import World
from testbed.errors import StackError
from testbed.waiting import wait_for, wait_until

#: Seconds within which alerts must fire, and later resolve.
TIMEOUT = 60.0
#: Severities of alerts that notify nobody urgently.
QUIET = ("info", "none")
#: The migration without a fault.
GOOD_MIGRATION = Fault(
    "changelog applied",
    alerts=frozenset(),
    inject=nullcontext,
    # Before the first changeset there is no tag to roll back to and all changesets are pending, and
    # a slow machine takes longer than the demo's short thresholds.
    consequences=frozenset({"MigrationUntagged", "MigrationPendingLong", "MigrationRunningLong"}),
)


def run_story(world: World, report: Report, faults: Sequence[Fault]) -> bool:
    """Run the migration and the faults; True if exactly the expected alerts fired."""
    outcomes = [good_migration(world, report)]
    outcomes += [run_fault(fault, world, report) for fault in faults]
    report.outcomes(outcomes)
    return all(outcome.is_as_expected for outcome in outcomes)


def good_migration(world: World, report: Report) -> Outcome:
    """Apply the changelog under load; the progress shown is the exporter's."""
    report.title("A migration: the changelog of quest_definitions, applied under load")
    watch = AlertWatch(world, GOOD_MIGRATION)
    run = world.liquibase.start("update", log=world.workspace.log("liquibase"))
    try:
        shown = _show_progress(world, report, while_true=lambda: run.is_running)
    finally:
        run.kill()
    if run.returncode:
        raise StackError(f"the changelog cannot be applied\n{run.tail()}")
    wait_until(lambda: _progress(world).startswith("succeeded"), 30, "the state is succeeded")
    if (now := _progress(world)) != shown:
        report.line(f"exporter: {now}")
    watch.await_calm()
    return watch.outcome()


def run_fault(fault: Fault, world: World, report: Report) -> Outcome:
    """Inject the fault, wait for its alerts, fix it, and wait until no alert is active."""
    report.title(f"A fault: {fault.name}")
    watch = AlertWatch(world, fault)
    with fault.inject(world):
        watch.began = time.time()
        report.line("fault injected; waiting for its alerts")
        watch.await_alerts(fault.alerts)
    watch.fixed = time.time()
    report.line("fault fixed; waiting until no alert is active")
    watch.await_calm()
    return watch.outcome()


class AlertWatch:
    """The alerts during one part of the story, as Prometheus recorded them."""

    def __init__(self, world: World, fault: Fault) -> None:
        self._world = world
        self._fault = fault
        self._start = self.began = self.fixed = time.time()
        self._earlier = len(world.receiver.notifications)
        self._messages = len(world.receiver.messages)

    def _firing(self) -> dict[str, list[float]]:
        """Return the times at which each relevant alert fired, in order."""
        times: dict[str, list[float]] = {}
        recorded = 'ALERTS{alertstate="firing"}'
        for series in self._world.prometheus.samples(recorded, time.time() - self._start + 1):
            if self._is_relevant(series["metric"]):
                fired = [at for at, _ in series["values"] if at >= self._start]
                times.setdefault(series["metric"]["alertname"], []).extend(fired)
        return {name: sorted(fired) for name, fired in times.items() if fired}

    def _is_relevant(self, labels: dict[str, str]) -> bool:
        """Return whether the alert is urgent, or expected."""
        return labels["severity"] not in QUIET or labels["alertname"] in self._fault.alerts

    def await_alerts(self, names: frozenset[str]) -> None:
        """Wait until these alerts fire and each is notified or inhibited."""
        wait_for(
            lambda: names <= self._firing().keys() and names <= self._handled(),
            TIMEOUT,
            interval=0.2,
        )

    def _handled(self) -> set[str]:
        received = self._world.receiver.notifications[self._earlier :]
        return {
            notification.name for notification in received
        } | self._world.alertmanager.inhibited()

    def await_calm(self) -> None:
        """Wait until no alert fires and none of the fault's own is pending."""
        wait_for(lambda: not self._active(), TIMEOUT, interval=0.2)

    def _active(self) -> set[str]:
        own = self._fault.alerts | self._fault.consequences
        return {
            labels["alertname"]
            for alert in self._world.prometheus.alerts()
            if self._is_relevant(labels := alert["labels"])
            and (alert["state"] == "firing" or labels["alertname"] in own)
        }

    def outcome(self) -> Outcome:
        """Return the alerts with the seconds from the fault, and from its end."""
        active = self._active()
        firing = self._firing()
        messages = self._world.receiver.messages[self._messages :]
        return Outcome(
            name=self._fault.name,
            expected=self._fault.alerts,
            tolerated=self._fault.consequences,
            detected={name: times[0] - self.began for name, times in firing.items()},
            resolved={
                name: max(times[-1] - self.fixed, 0.0)
                for name, times in firing.items()
                if name not in active
            },
            messages=sum(message.is_alarm for message in messages),
        )


def _show_progress(world: World, report: Report, while_true: Callable[[], bool]) -> str:
    """Print each change of what the exporter publishes about the run; return the last line."""
    shown = ""
    while while_true():
        if (now := _progress(world)) != shown:
            report.line(f"exporter: {now}")
            shown = now
        time.sleep(0.2)
    return shown


def _progress(world: World) -> str:
    """Return the state and the number of applied changesets, as the exporter publishes them."""
    page = world.exporter.page()
    states = page.get("liquibase_migration_status", [])
    state = next((sample.labels["status"] for sample in states if sample.value), "no migration yet")
    applied = sum(sample.value for sample in page.get("liquibase_changesets_applied", []))
    changesets = "changeset" if applied == 1 else "changesets"
    return f"{state}, {applied:g} {changesets} applied"
