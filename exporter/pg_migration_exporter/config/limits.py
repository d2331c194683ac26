"""The most of each kind of thing that is shown, and what was left out because of it.

Whoever may create databases, roles or tables decides how many there are; the exporter's memory, the
page and Prometheus must not depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from pydantic import Field

from pg_migration_exporter.config.section import Section

#: What may be left out: the keys of `LimitsSection`, the databases beyond `databases.limit`, and
#: the tables that look like Liquibase's and are not trusted.
What = Literal[
    "watched_databases", "untrusted_tables", "databases", "roles", "sessions", "slots",
    "histories", "changesets", "tags", "reports", "custom_rows",
]  # fmt: skip

#: The largest `limits.tags`.
MAX_TAGS = 10_000

Item = TypeVar("Item")


class LimitsSection(Section):
    """The most of each kind that a target shows; `migration_exporter_left_out` counts the rest."""

    databases: int = Field(default=300, ge=1, le=10_000)
    roles: int = Field(default=300, ge=1, le=10_000)
    sessions: int = Field(default=500, ge=1, le=10_000)
    slots: int = Field(default=200, ge=1, le=10_000)
    histories: int = Field(default=50, ge=1, le=1000)
    changesets: int = Field(default=200_000, ge=1, le=500_000)
    tags: int = Field(default=200, ge=1, le=MAX_TAGS)
    reports: int = Field(default=200, ge=1, le=10_000)
    custom_rows: int = Field(default=2000, ge=1, le=50_000)


@dataclass(slots=True)
class Bounds:
    """The limits of one run of a collector, and how many of what it left out so far."""

    limits: LimitsSection = field(default_factory=LimitsSection)
    left_out: dict[What, int] = field(default_factory=dict)

    def limit(self, what: What) -> int:
        """Return the most of this kind that is shown."""
        value = getattr(self.limits, what)
        assert isinstance(value, int)
        return value

    def keep(self, what: What, items: Sequence[Item]) -> Sequence[Item]:
        """Return as many as the limit allows, the first ones; the others are left out."""
        limit = self.limit(what)
        self.leave_out(what, len(items) - limit)
        return items if len(items) <= limit else items[:limit]

    def leave_out(self, what: What, number: int) -> None:
        """Count what is left out; where a statement shows only that there is more, it is 1."""
        if number > 0:
            self.left_out[what] = self.left_out.get(what, 0) + number
