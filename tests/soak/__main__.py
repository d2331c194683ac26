"""Run load, repeated migrations and random faults, and report what the exporter made of them."""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from demo.load import SCHEMA, Load
from demo.stack.errors import StackError
from demo.stack.exporter import Exporter
from demo.stack.liquibase import Liquibase
from demo.stack.postgres import Server
from demo.stack.waiting import wait_until
from demo.stack.workspace import Workspace
from tests.fixtures.drills import Drill, is_whole, memory
from tests.fixtures.migrations import CHANGELOG, MASTER
from tests.soak.faults import FAULTS

#: Changelog, Liquibase's command, the state that it leaves behind.
_MIGRATIONS = (
    (MASTER, "update", "succeeded"),
    ("t/fail_check.sql", "update", "failed"),
    (MASTER, "drop-all", "not_initialised"),
)
_SETTLES_WITHIN = 60.0


@dataclass
class Soak:
    """What is run, and what was seen."""

    server: Server
    drill: Drill
    choice: random.Random
    wrong: list[str] = field(default_factory=list)
    rss: list[tuple[float, int]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def run(self, until: float) -> None:
        """Migrate, let something go wrong, look, and so on."""
        while time.monotonic() < until:
            for changelog, command, state in _MIGRATIONS:
                self._migrate(changelog, command)
                self._expect(state, f"{command} of {changelog}")
                fault = self.choice.choice(FAULTS)
                fault(self.server)
                self._expect(state, fault.__name__)
                if time.monotonic() >= until:
                    return

    def _migrate(self, changelog: str, command: str) -> None:
        database = self.server.database()
        if command == "drop-all":
            database.execute("DROP SCHEMA IF EXISTS gameplay CASCADE")
        Liquibase(database, CHANGELOG, changelog, "liquibase").run(command)

    def _expect(self, state: str, after: str) -> None:
        """The state is right, and stays; the page is whole."""
        self.rss.append((time.monotonic(), memory(self.drill.exporter)))
        try:
            wait_until(lambda: self._shows(state), _SETTLES_WITHIN, state)
        except StackError:
            self.wrong.append(f"after {after}: {self._state()} instead of {state}")
        self.done.append(after)
        print(f"{after}: {self._state()}", flush=True)

    def _shows(self, state: str) -> bool:
        answer = self.drill.scrape()
        return answer.text is not None and is_whole(answer.page) and answer.page.status() == state

    def _state(self) -> str:
        answer = self.drill.scrape()
        return answer.page.status() if answer.text else "no answer"

    def report(self) -> list[str]:
        """What was seen, a line each."""
        answers = self.drill.answers
        answered = [one for one in answers if one.text is not None]
        return [
            f"migrations and faults   {len(self.done)}",
            f"scrapes answered        {len(answered)} of {len(answers)}",
            f"longest answer          {max(one.seconds for one in answers):.2f} s",
            f"most connections        {self.drill.connections}",
            f"memory                  {self._slope() * 60 / 2**20:+.3f} MiB a minute, "
            f"{max(size for _, size in self.rss) / 2**20:.1f} MiB at most",
            f"wrong states            {len(self.wrong)}",
            *self.wrong,
        ]

    @property
    def is_good(self) -> bool:
        """True if every scrape was answered and no state was wrong."""
        return not self.wrong and all(one.text is not None for one in self.drill.answers)

    def _slope(self) -> float:
        """Bytes a second, over the second half: it takes a while until memory is warm."""
        half = self.rss[len(self.rss) // 2 :]
        if len(half) < 2:
            return 0.0
        moments, sizes = zip(*half, strict=True)
        return statistics.linear_regression(moments, sizes).slope


@contextmanager
def world(choice: random.Random) -> Iterator[Soak]:
    """A server under load, and an exporter that is scraped all along."""
    with Workspace() as workspace, Server(workspace, "soak", {"max_connections": "40"}) as server:
        database = server.database()
        database.execute("CREATE EXTENSION pg_stat_statements")
        database.execute(SCHEMA)
        settings = {"postgres": {"dsn": database.conninfo()}, "tables": {"interval": "5s"}}
        with (
            Exporter(workspace, settings) as exporter,
            Load(database),
            Drill(exporter, server.port, timeout=5.0).scraped() as drill,
        ):
            yield Soak(server, drill, choice)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    with world(random.Random(options.seed)) as soak:
        soak.run(time.monotonic() + options.minutes * 60)
    print("\n".join(soak.report()))
    return 0 if soak.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
