"""Run load, repeated migrations and random faults, and report how the exporter coped."""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.machine import describe_machine
from demo.load import SCHEMA, Load
from demo.markdown import rewrite
from testbed.errors import StackError
from testbed.exporter import Exporter
from testbed.postgres import Server
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.drills import Answer, Drill, is_whole
from tests.fixtures.exporters import Page
from tests.fixtures.kernel import Connections, resident_bytes
from tests.soak.faults import FAULTS
from tests.soak.migrations import STEPS, Migrations

_SETTLES_WITHIN = 60.0
_DESCRIBED = ("Date", "CPU", "kernel", "PostgreSQL", "Python")


@dataclass
class Soak:
    """The parts of a soak and its findings."""

    server: Server
    drill: Drill
    migrations: Migrations
    choice: random.Random
    wrong: list[str] = field(default_factory=list)
    rss: list[tuple[float, int]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def run(self, until: float) -> None:
        """Alternate steps of a migration and random faults, and check the state after each."""
        while time.monotonic() < until:
            for step in STEPS:
                self.migrations.run(step)
                self._expect(step.leaves, str(step))
                self._inject(self.choice.choice(FAULTS), step.leaves)
                if time.monotonic() >= until:
                    return

    def _inject(self, fault: Callable[[Server], None], state: str) -> None:
        """Inject a fault; pages show the state or unknown meanwhile, and the state afterwards."""
        since = len(self.drill.answers)
        fault(self.server)
        self._expect(state, fault.__name__)
        seen = {found for answer in self.drill.answers[since:] for found in _states(answer)}
        if not seen <= {state, "unknown"}:
            self.wrong.append(f"during {fault.__name__}: {sorted(seen)} instead of {state}")
        self._forget_pages()

    def _expect(self, state: str, after: str) -> None:
        """Wait for the state on a complete page."""
        self.rss.append((time.monotonic(), resident_bytes(self.drill.exporter.process.pid)))
        try:
            wait_until(lambda: self._shows(state), _SETTLES_WITHIN, state)
        except StackError:
            self.wrong.append(f"after {after}: {self._state()} instead of {state}")
        self.done.append(after)
        print(f"{after}: {self._state()}", flush=True)

    def _shows(self, state: str) -> bool:
        answer = self.drill.scrape()
        return _states(answer) == {state} and is_whole(answer.page)

    def _state(self) -> str:
        return ", ".join(_states(self.drill.scrape())) or "no state"

    def _forget_pages(self) -> None:
        """Drop the texts of checked pages, which have a hundred kilobytes each."""
        answers = self.drill.answers
        for index in range(len(answers)):
            answers[index] = replace(answers[index], text=answers[index].text and "#")

    def report(self) -> Mapping[str, str]:
        """Return the findings by name."""
        answers = self.drill.answers
        return {
            "migrations and faults": f"{len(self.done)}",
            "scrapes answered": f"{self.drill.answered} of {len(answers)}",
            "longest answer": f"{max(answer.seconds for answer in answers):.2f} s",
            "most sessions": f"{self.drill.sessions}",
            "memory at most": f"{max(size for _, size in self.rss) / 2**20:.1f} MiB",
            "its growth in the second half": f"{self._slope() * 60 / 2**10:+.1f} KiB a minute",
            "wrong states": f"{len(self.wrong)}",
        }

    @property
    def is_good(self) -> bool:
        """True if every scrape was answered and no state was wrong."""
        return not self.wrong and self.drill.answered == len(self.drill.answers)

    def _slope(self) -> float:
        """Return the growth in bytes per second over the second half, when memory is warm."""
        half = self.rss[len(self.rss) // 2 :]
        if len(half) < 2:
            return 0.0
        moments, sizes = zip(*half, strict=True)
        return statistics.linear_regression(moments, sizes).slope


def _states(answer: Answer) -> set[str]:
    """Return the states of a page: one, or none without a page or a reading."""
    return {
        sample.labels["status"]
        for sample in Page(answer.text or "").samples
        if sample.name == "liquibase_migration_status" and sample.value == 1
    }


@contextmanager
def world(choice: random.Random) -> Iterator[Soak]:
    """Start a server under load, and an exporter that is scraped all the time."""
    with Workspace() as workspace, Server(workspace, "soak", {"max_connections": "40"}) as server:
        database = server.database()
        database.execute("CREATE EXTENSION pg_stat_statements")
        database.execute(SCHEMA)
        migrations = Migrations.prepare(database, workspace.root / "changelog")
        settings = {
            "postgres": {"dsn": database.conninfo()},
            "liquibase": migrations.settings,
            "tables": {"interval": "5s"},
        }
        with (
            Exporter(workspace, settings) as exporter,
            Load(database),
            Drill(
                exporter, 5.0, Connections(exporter.process.pid, server.port).lasting
            ).scraped() as drill,
        ):
            yield Soak(server, drill, migrations, choice)


def markdown(minutes: float, report: Mapping[str, str]) -> str:
    """Return the report as a table, with the machine."""
    machine = describe_machine()
    described = ", ".join(f"{name} {machine[name]}" for name in _DESCRIBED)
    rows = [f"| {name} | {value} |" for name, value in report.items()]
    head = f"\n{minutes:g} minutes. {described}.\n\n| what | measured |\n|---|---|"
    return "\n".join([head, *rows])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--reliability", type=Path, help="write a good result into this document")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    with world(random.Random(options.seed)) as soak:
        soak.run(time.monotonic() + options.minutes * 60)
    report = soak.report()
    print("\n".join([*(f"{name}: {value}" for name, value in report.items()), *soak.wrong]))
    if soak.is_good and options.reliability:
        rewrite(options.reliability, "soak", markdown(options.minutes, report))
    return 0 if soak.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
