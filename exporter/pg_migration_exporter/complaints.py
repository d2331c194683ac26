"""What goes wrong again and again is logged when it begins and when it ends, not every time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from pg_migration_exporter.errors import UnfitAnswerError
from pg_migration_exporter.postgres.session import SessionLostError

log = logging.getLogger(__name__)


class Complaints:
    """The present complaint of each subject; `place` stands before each subject in the log."""

    def __init__(self, place: str = "") -> None:
        self._present: dict[str, str] = {}
        self._place = place

    def hear(
        self, subject: str, complaint: str | None, exc_info: BaseException | None = None
    ) -> None:
        """Note what is wrong with `subject` now; None if nothing is."""
        before = self._present.get(subject)
        if complaint is None:
            if self._present.pop(subject, None) is not None:
                log.info("%s%s works again", self._place, subject)
            return
        self._present[subject] = complaint
        if complaint != before:
            said = complaint.strip()
            log.warning("%s%s failed: %s", self._place, subject, said, exc_info=exc_info)

    @contextmanager
    def about(self, subject: str) -> Iterator[None]:
        """Whatever fails inside is `subject`'s complaint and goes no further.

        A lost connection does: it is not the fault of one subject.
        """
        try:
            yield
        except SessionLostError:
            raise
        except psycopg.Error as error:
            self.hear(subject, f"{error.sqlstate}: {error}")
        except UnfitAnswerError as error:
            self.hear(subject, str(error))
        except Exception as error:  # noqa: BLE001 - a fault of one collector costs that one alone
            self.hear(subject, repr(error), exc_info=error)
        else:
            self.hear(subject, None)
