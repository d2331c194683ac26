"""Failures that last: logged when they begin and when they end, not every time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from pg_migration_exporter.errors import UnfitAnswerError
from pg_migration_exporter.postgres.session import SessionLostError

log = logging.getLogger(__name__)

#: Characters of a reason: an error message of the server may be as long as it likes.
_MAX_REASON = 1000


@dataclass(slots=True)
class Outcome:
    """How an isolated block ended; True as soon as it is left without an error."""

    succeeded: bool = False


class FailureLog:
    """The current failure of each subject; `log_prefix` begins each line in the log."""

    def __init__(self, log_prefix: str = "") -> None:
        self._current: dict[str, str] = {}
        self._log_prefix = log_prefix

    def current(self, subject: str) -> str | None:
        """Why `subject` fails now; None if it does not."""
        return self._current.get(subject)

    def record(self, subject: str, reason: str, exc_info: BaseException | None = None) -> None:
        """Note that `subject` fails; a reason that is new is logged."""
        reason = reason[:_MAX_REASON]
        before = self._current.get(subject)
        self._current[subject] = reason
        if reason != before:
            log.warning(
                "%s%s failed: %s", self._log_prefix, subject, reason.strip(), exc_info=exc_info
            )

    def clear(self, subject: str) -> None:
        """Note that `subject` works; its recovery is logged."""
        if self._current.pop(subject, None) is not None:
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
