"""Failures that last: logged when they begin and when they end, not every time.

A reason is what the server says, so it may be another one each time, and a failure may come and go
each second: the number of lines about a subject is limited too.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from pg_migration_exporter.errors import UnfitAnswerError
from pg_migration_exporter.postgres.session import SessionLostError

log = logging.getLogger(__name__)

#: Characters of a reason: an error message of the server may be as long as it likes.
_MAX_REASON = 1000
#: Lines a minute about one subject, and about all of them.
_MAX_LINES, _MAX_ALL_LINES = 5, 50
_MINUTE = 60.0


@dataclass(slots=True)
class Outcome:
    """How an isolated block ended; True as soon as it is left without an error."""

    succeeded: bool = False


class _Lines:
    """How many lines were written in this minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = clock()
        self._written = Counter[str]()

    def take(self, subject: str) -> bool:
        """Return whether one more line may be written about a subject, and count it."""
        if self._clock() - self._began >= _MINUTE:
            self._began, self._written = self._clock(), Counter()
        if self._written[subject] >= _MAX_LINES or self._written.total() >= _MAX_ALL_LINES:
            return False
        self._written[subject] += 1
        return True


class FailureLog:
    """The current failure of each subject; `log_prefix` begins each line in the log.

    What is not logged because there were too many lines is logged later, if it is still so.
    """

    def __init__(self, log_prefix: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._current: dict[str, str] = {}
        #: What the latest line about a subject says, if that is a failure.
        self._logged: dict[str, str] = {}
        self._log_prefix = log_prefix
        self._lines = _Lines(clock)

    def current(self, subject: str) -> str | None:
        """Why `subject` fails now; None if it does not."""
        return self._current.get(subject)

    def record(self, subject: str, reason: str, exc_info: BaseException | None = None) -> None:
        """Note that `subject` fails; a reason that is new is logged."""
        reason = reason[:_MAX_REASON]
        self._current[subject] = reason
        if self._logged.get(subject) != reason and self._lines.take(subject):
            self._logged[subject] = reason
            log.warning(
                "%s%s failed: %s", self._log_prefix, subject, reason.strip(), exc_info=exc_info
            )

    def clear(self, subject: str) -> None:
        """Note that `subject` works; its recovery is logged."""
        self._current.pop(subject, None)
        if subject in self._logged and self._lines.take(subject):
            del self._logged[subject]
            log.info("%s%s works again", self._log_prefix, subject)

    @contextmanager
    def isolate(self, subject: str) -> Iterator[Outcome]:
        """Record any error inside as a failure of `subject` and suppress it.

        SessionLostError passes: a lost connection is not a fault of one subject.
        """
        outcome = Outcome()
        try:
            yield outcome
        except SessionLostError:
            raise
        except psycopg.Error as error:
            self.record(subject, f"{error.sqlstate}: {error}")
        except UnfitAnswerError as error:
            self.record(subject, str(error))
        except Exception as error:  # noqa: BLE001 - a fault of one collector costs that one alone
            self.record(subject, repr(error), exc_info=error)
        else:
            outcome.succeeded = True
            self.clear(subject)
