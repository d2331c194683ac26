"""The measurement: rounds of interleaved scrapes, a rest, a locked table."""

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
    """Times of the scrapes of one contender in one round, in seconds, and what they used."""

    seconds: Sequence[float]
    used: Account

    def share(self, used: float) -> float:
        """How much of `used` falls to one scrape."""
        return used / len(self.seconds)

    def percentile(self, number: int) -> float:
        return quantiles(self.seconds, n=100, method="inclusive")[number - 1]


@dataclass(frozen=True, slots=True)
class Rest:
    """What was used in `seconds` without a scrape."""

    seconds: float
    used: Account

    def share(self, used: float) -> float:
        """How much of `used` falls to one second."""
        return used / self.seconds


@dataclass(frozen=True, slots=True)
class UnderLock:
    """What happened while a table was locked; the longest answer or wait for one in seconds."""

    scrapes: int
    answered: int
    longest: float
    connections: int


@dataclass(frozen=True, slots=True)
class Result:
    """Everything measured of one contender: of several rounds, the median counts."""

    contender: Contender
    rounds: Sequence[Round]
    samples: int
    resident: int
    rest: Rest
    under_lock: UnderLock

    def median(self, value: Callable[[Round], float]) -> float:
        """The middle one of the values of the rounds."""
        return median(value(one) for one in self.rounds)


class Measurement:
    """One run over all entries; `tell` is called with what is being done."""

    def __init__(
        self, server: Server, entries: Sequence[Entry], plan: Plan, tell: Callable[[str], object]
    ) -> None:
        self._server = server
        self._database = server.database()
        self._entries = entries
        self._plan = plan
        self._tell = tell
        self._order = random.Random(_SEED)

    def run(self) -> list[Result]:
        """Warm up, measure, and collect what belongs to each contender."""
        self._tell("warming up")
        pages = {role: answers[-1] for role, answers in self._scrape(self._plan.warm_up).items()}
        rounds = [self._round(number) for number in range(1, self._plan.rounds + 1)]
        resident = self._each(lambda entry: resident_bytes(entry.pid))
        rest = self._rest()
        under_lock = self._lock(pages)
        return [
            Result(
                entry.contender,
                [one[entry.role] for one in rounds],
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
        self._tell(f"round {number} of {self._plan.rounds}")
        before = self._accounts()
        answers = self._scrape(self._plan.scrapes)
        used = self._since(before)
        return {
            role: Round([answer.seconds for answer in answers[role]], used[role])
            for role in answers
        }

    def _scrape(self, count: int) -> dict[str, list[Answer]]:
        """Scrape every entry `count` times, one after another in an order that changes."""
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
        self._tell("leaving them alone")
        before, started = self._accounts(), time.monotonic()
        time.sleep(self._plan.rest)
        seconds = time.monotonic() - started
        return {role: Rest(seconds, used) for role, used in self._since(before).items()}

    def _lock(self, pages: Mapping[str, Answer]) -> dict[str, UnderLock]:
        """Scrape all entries at the same time, as each may take until its deadline."""
        self._tell("locking a table")
        with ThreadPoolExecutor(len(self._entries)) as pool, locked_table(self._database):
            under_lock = pool.map(
                lambda entry: self._scrape_under_lock(entry, pages[entry.role].names),
                self._entries,
            )
            found = {entry.role: one for entry, one in zip(self._entries, under_lock, strict=True)}
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
