"""The dwell time of the verdict: it gets worse quickly, and better only after a quiet time.

So one odd scrape of ten neither starts nor ends an abort, and neither does a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

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

    def is_over(self, now: float, *, is_blind: bool) -> bool:
        return self.last < now and not (is_blind and self.reason.needs_answer)


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
        self._forget(now, is_blind=is_blind)
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

    def _forget(self, now: float, *, is_blind: bool) -> None:
        for key, seen in list(self._seen.items()):
            quiet = self._settings.quiet if seen.reason.lingers else 0.0
            if seen.is_over(now, is_blind=is_blind) and now - seen.last >= quiet:
                del self._seen[key]

    def dump(self, offset: float) -> list[dict[str, Any]]:
        """Return what a restart must not forget; `offset` is added to times, of whole 10 seconds.

        So what persists is not stored anew by each scrape.
        """
        return [
            {
                "reason": asdict(seen.reason),
                "since": round(seen.since + offset, -1),
                "last": round(seen.last + offset, -1),
                "is_confirmed": seen.is_confirmed,
            }
            for seen in self._seen.values()
            if seen.reason.lingers
        ]

    def restore(self, rows: Iterable[Mapping[str, Any]], offset: float) -> None:
        """Restore what `dump` returned; if it is not, raise an error and keep what there was."""
        restored = {}
        for row in rows:
            reason = Reason(**row["reason"])
            VERDICTS.index(reason.verdict)
            since, last = (float(row[name]) + offset for name in ("since", "last"))
            seen = _Seen(reason, since, last, bool(row["is_confirmed"]))
            if reason.name not in self._settings.ignore:
                restored[reason.datname, reason.name] = seen
        self._seen |= restored

    def _standing(self, seen: _Seen, now: float, *, is_blind: bool) -> Standing:
        """A state that has ended means no abort any more, but an odd measurement still does."""
        is_over = seen.is_over(now, is_blind=is_blind)
        has_ended = is_over and not seen.reason.is_measured
        verdict = seen.reason.verdict
        if verdict == "abort" and (has_ended or not seen.is_confirmed):
            verdict = "hold"
        return Standing(seen.reason, verdict, now - seen.last if is_over else None)
