"""The profile: what a team expects of its server, its roles and its migration (docs/gate.md).

A file in YAML, `--profile`. What it does not name is not asked, and the report says so.
"""

from __future__ import annotations

from datetime import date, datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from pydantic import AwareDatetime, Field

from pg_migration_exporter.config.checks import Severity
from pg_migration_exporter.config.section import Section
from pg_migration_exporter.config.value_types import Seconds, Url
from pg_migration_exporter.config.yaml_file import read_yaml, validate
from pg_migration_exporter.gate.expect.model import Expectation, read_expectation
from pg_migration_exporter.gate.sources.model import OutsideCheck


class WaiverSection(Section):
    """A check that may fail, why, and the last day on which it may."""

    check: str
    reason: str = Field(min_length=1)
    until: date

    def is_in_force(self, now: datetime) -> bool:
        """Return whether it still counts; the last day ends in UTC."""
        return now.date() <= self.until


class LimitsSection(Section):
    """The most that a check accepts: seconds, or a ratio for the pools.

    `archive_delay` is how much could be lost in a recovery to a point in time. Of a prepared
    transaction, any age can be too much.
    """

    transaction_age: Seconds = 300.0
    idle_transaction_age: Seconds = 60.0
    prepared_transaction_age: Seconds = 60.0
    archive_delay: Seconds = 300.0
    base_backup_age: Seconds = 26 * 3600.0


class Profile(Section):
    """The whole file.

    `server_version` is the oldest major. `connections` is the most client connections, `standbys`
    the number that must stream. `migrators` are the roles that migrate, `applications` those that
    must not. `schemas` are those of the migration; empty: all. `tag` must be in the history.
    `window_ends` is when the migration must have ended. `tls_exempt` are networks whose sessions
    need no TLS. `expect` is what --expect reads. `checks` ask others than the server, such
    as `prometheus`. `severities` and `skip` are by the name of a built-in check.
    """

    server_version: int = Field(default=14, ge=14, le=99)
    connections: int | None = Field(default=None, ge=1)
    standbys: int | None = Field(default=None, ge=0)
    migrators: tuple[str, ...] = ()
    applications: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    tag: str | None = None
    window_ends: AwareDatetime | None = None
    tls_exempt: tuple[IPv4Network | IPv6Network, ...] = ()
    limits: LimitsSection = Field(default_factory=LimitsSection)
    expect: Expectation | None = None
    prometheus: Url | None = None
    checks: tuple[OutsideCheck, ...] = ()
    severities: dict[str, Severity] = Field(default_factory=dict)
    skip: dict[str, str] = Field(default_factory=dict)
    waivers: tuple[WaiverSection, ...] = ()

    def waiver(self, check: str) -> WaiverSection | None:
        """Return the waiver of a check that lasts longest."""
        found = [waiver for waiver in self.waivers if waiver.check == check]
        return max(found, key=lambda waiver: waiver.until, default=None)


def read_profile(
    file: Path | None, expectation: Path | None = None, prometheus: str | None = None
) -> Profile:
    """Read a profile; without a file, that of a server of which nothing special is expected.

    An expectation and the URL of a Prometheus replace those of the file. Raises ConfigError with
    the file, the line and the key.
    """
    profile = Profile() if file is None else validate(Profile, read_yaml(file), file)
    given = {
        "expect": read_expectation(expectation) if expectation else None,
        "prometheus": prometheus,
    }
    return profile.model_copy(update={key: value for key, value in given.items() if value})
