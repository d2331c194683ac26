"""The dwell time of the verdict: it gets worse quickly, and better only after a quiet time.

So one odd scrape of ten neither starts nor ends an abort.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pg_migration_exporter.config.verdict import VerdictSection
from pg_migration_exporter.status.judgement.reason import Reason
from pg_migration_exporter.status.model import VERDICTS, VerdictName


@dataclass(slots=True)
class _Seen:
    """A reason, since when each update found it, and when it was last found (time.monotonic)."""

    reason: Reason
    since: float
    last: float
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """A reason that counts, and its verdict now; `ago` is how long it has been over, in seconds."""

    reason: Reason
    verdict: VerdictName
    ago: float | None = None


class ReasonMemory:
    """The reasons of one target over time."""

    def __init__(self, settings: VerdictSection) -> None:
        self._settings = settings
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._updated: float | None = None

    def update(
        self, found: Iterable[Reason], now: float, *, is_blind: bool = False
    ) -> Sequence[Standing]:
        """Return the reasons that count at `now` (time.monotonic), the worst first.

        What was found before neither ends nor weakens while the exporter is blind.
        """
        for reason in found:
            self._see(reason, now)
        self._updated = now
        if not is_blind:
            self._forget(now)
        standing = [self._standing(seen, now, is_blind=is_blind) for seen in self._seen.values()]
        return sorted(
            standing, key=lambda item: (-VERDICTS.index(item.verdict), item.ago is not None)
        )

    def _see(self, reason: Reason, now: float) -> None:
        seen = self._seen.setdefault((reason.datname, reason.name), _Seen(reason, now, now))
        if seen.last not in (self._updated, now):
            seen.since = now
        seen.reason, seen.last = reason, now
        persists = now - seen.since >= self._settings.confirm
        seen.is_confirmed = seen.is_confirmed or persists or not reason.is_measured

    def _forget(self, now: float) -> None:
        for key, seen in list(self._seen.items()):
            quiet = self._settings.quiet if seen.reason.lingers else 0.0
            if seen.last < now and now - seen.last >= quiet:
                del self._seen[key]

    def _standing(self, seen: _Seen, now: float, *, is_blind: bool) -> Standing:
        """A state that has ended means no abort any more, but an odd measurement still does."""
        is_over = seen.last < now and not is_blind
        has_ended = is_over and not seen.reason.is_measured
        verdict = seen.reason.verdict
        if verdict == "abort" and (has_ended or not seen.is_confirmed):
            verdict = "hold"
        return Standing(seen.reason, verdict, now - seen.last if is_over else None)
