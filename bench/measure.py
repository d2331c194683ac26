"""The measurement: rounds of interleaved scrapes, idle time, a locked table."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TypeVar

from bench.accounts import Account, count_connections, read_account, resident_bytes
from bench.client import Answer
from bench.contenders import Contender, Entry
from bench.plan import Plan
from bench.server import end_sessions, locked_table
from testbed.errors import StackError
from testbed.postgres import Server

Value = TypeVar("Value")

#: Shuffles the order of contenders, the same way in every run.
_SEED = 1


@dataclass(frozen=True, slots=True)
class Round:
    """Times of one contender's scrapes in one round, in seconds, and the resources they used."""

    seconds: Sequence[float]
    used: Account

    def share(self, used: float) -> float:
        """Return the share of `used` per scrape."""
        return used / len(self.seconds)

    def percentile(self, number: int) -> float:
        return quantiles(self.seconds, n=100, method="inclusive")[number - 1]


@dataclass(frozen=True, slots=True)
class Rest:
    """Resources used in `seconds` without a scrape."""

    seconds: float
    used: Account

    def share(self, used: float) -> float:
        """Return the share of `used` per second."""
        return used / self.seconds


@dataclass(frozen=True, slots=True)
class UnderLock:
    """Scrapes while a table was locked, and the longest time of one in seconds."""

    scrapes: int
    answered: int
    longest: float
    connections: int


@dataclass(frozen=True, slots=True)
class Result:
    """All measurements of one contender; figures are medians over the rounds."""

    contender: Contender
    rounds: Sequence[Round]
    samples: int
    resident: int
    rest: Rest
    under_lock: UnderLock

    def median(self, value: Callable[[Round], float]) -> float:
        """Return the median over the rounds."""
        return median(value(measured) for measured in self.rounds)


class Measurement:
    """A run over all entries; `progress` is called with a text for each step."""

    def __init__(
        self,
        server: Server,
        entries: Sequence[Entry],
        plan: Plan,
        progress: Callable[[str], object],
    ) -> None:
        self._server = server
        self._database = server.database()
        self._entries = entries
        self._plan = plan
        self._progress = progress
        self._order = random.Random(_SEED)

    def run(self) -> list[Result]:
        """Warm up, measure, and return the results by contender."""
        self._progress("warming up")
        pages = {role: answers[-1] for role, answers in self._scrape(self._plan.warm_up).items()}
        rounds = [self._round(number) for number in range(1, self._plan.rounds + 1)]
        resident = self._each(lambda entry: resident_bytes(entry.pid))
        rest = self._rest()
        under_lock = self._lock(pages)
        return [
            Result(
                entry.contender,
                [by_role[entry.role] for by_role in rounds],
                pages[entry.role].samples,
                resident[entry.role],
                rest[entry.role],
                under_lock[entry.role],
            )
            for entry in self._entries
        ]

    def _each(self, value: Callable[[Entry], Value]) -> dict[str, Value]:
        return {entry.role: value(entry) for entry in self._entries}

    def _accounts(self) -> dict[str, Account]:
        return self._each(
            lambda entry: read_account(self._server, self._database, entry.role, entry.pid)
        )

    def _since(self, before: Mapping[str, Account]) -> dict[str, Account]:
        return {role: now.since(before[role]) for role, now in self._accounts().items()}

    def _round(self, number: int) -> dict[str, Round]:
        self._progress(f"round {number} of {self._plan.rounds}")
        before = self._accounts()
        answers = self._scrape(self._plan.scrapes)
        used = self._since(before)
        return {
            role: Round([answer.seconds for answer in answers[role]], used[role])
            for role in answers
        }

    def _scrape(self, count: int) -> dict[str, list[Answer]]:
        """Scrape every entry `count` times, one after another in changing order."""
        answers: dict[str, list[Answer]] = self._each(lambda _: [])
        for _ in range(count):
            for entry in self._order.sample(self._entries, len(self._entries)):
                answer = entry.client.scrape()
                if not answer.is_complete(entry.contender.fault):
                    log = entry.service.process.tail()
                    raise StackError(f"{entry.contender.title} cannot be measured\n{log}")
                answers[entry.role].append(answer)
        return answers

    def _rest(self) -> dict[str, Rest]:
        self._progress("leaving them alone")
        before, started = self._accounts(), time.monotonic()
        time.sleep(self._plan.rest)
        seconds = time.monotonic() - started
        return {role: Rest(seconds, used) for role, used in self._since(before).items()}

    def _lock(self, pages: Mapping[str, Answer]) -> dict[str, UnderLock]:
        """Scrape all entries at the same time, because each may take until its deadline."""
        self._progress("locking a table")
        with ThreadPoolExecutor(len(self._entries)) as pool, locked_table(self._database):
            under_lock = pool.map(
                lambda entry: self._scrape_under_lock(entry, pages[entry.role].names),
                self._entries,
            )
            found = {
                entry.role: locked for entry, locked in zip(self._entries, under_lock, strict=True)
            }
        for entry in self._entries:
            end_sessions(self._database, entry.role)
        return found

    def _scrape_under_lock(self, entry: Entry, names: frozenset[str]) -> UnderLock:
        fault = entry.contender.fault
        answers = [entry.client.scrape() for _ in range(self._plan.scrapes_under_lock)]
        return UnderLock(
            scrapes=len(answers),
            answered=sum(answer.is_complete(fault, names) for answer in answers),
            longest=max(answer.seconds for answer in answers),
            connections=count_connections(self._database, entry.role),
        )
