"""The schema of the configuration file. Unknown keys are refused, settings never change.

Every key is shown with its default in `example.yaml`; a test keeps the two together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from pg_migration_exporter.config.types import Address, Seconds, Url


class Section(BaseModel):
    """What all parts of the configuration have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class PostgresSection(Section):
    """The server, and how long anything there may take."""

    dsn: SecretStr | None = None
    password_file: Path | None = None
    connect_timeout: Seconds = 3.0
    statement_timeout: Seconds = 3.0
    lock_timeout: Seconds = 0.1


class ScrapeSection(Section):
    """The deadline of one scrape: Prometheus's own timeout less the offset, capped by `timeout`."""

    timeout: Seconds = 10.0
    timeout_offset: Seconds = 0.5


class WatchSection(Section):
    """How often the watcher looks between scrapes, over a connection of its own."""

    enabled: bool = True
    interval: Seconds = 5.0
    busy_interval: Seconds = 1.0


class CollectorsSection(Section):
    """Which collectors run beside or without the ones that are on by default."""

    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()


class ChangelogSection(Section):
    """One root changelog file, and what else Liquibase is given with it.

    `table` (schema.table) is needed where a database has several histories under other names.
    """

    file: str
    search_path: tuple[Path, ...] = ()
    contexts: str | None = None
    labels: str | None = None
    properties: dict[str, str] = Field(default_factory=dict)
    version: str | None = None
    encoding: str = "utf-8"
    database: str | None = None
    table: str | None = None


class LiquibaseSection(Section):
    """How Liquibase appears in the database."""

    application_names: tuple[str, ...] = ("liquibase",)
    changelogs: tuple[ChangelogSection, ...] = ()
    discovery_interval: Seconds = 60.0
    stale_lock_after: Seconds = 10.0


class TablesSection(Section):
    """Which tables are shown one by one: the largest `top` of `schemas`, all but the system's."""

    schemas: tuple[str, ...] = ()
    top: int = Field(default=50, ge=0, le=1000)
    interval: Seconds = 60.0


class EndpointSection(Section):
    """Reports over HTTP: the exporter accepts them if it has a token."""

    url: Url | None = None
    token_file: Path | None = None


class ReportsSection(Section):
    """The ways that reports take from the wrapper (`run`) to the exporter."""

    directory: Path | None = None
    table: bool = False
    dsn: SecretStr | None = None
    endpoint: EndpointSection = Field(default_factory=EndpointSection)


class StatusSection(Section):
    """What the status page shows beside the state; `runbooks` is the folder's address."""

    statements: bool = False
    runbooks: Url | None = None


class LogSection(Section):
    """The exporter's own log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Settings(Section):
    """The whole configuration, validated."""

    listen: Address = "127.0.0.1:9886"
    postgres: PostgresSection = Field(default_factory=PostgresSection)
    scrape: ScrapeSection = Field(default_factory=ScrapeSection)
    watch: WatchSection = Field(default_factory=WatchSection)
    collectors: CollectorsSection = Field(default_factory=CollectorsSection)
    liquibase: LiquibaseSection = Field(default_factory=LiquibaseSection)
    tables: TablesSection = Field(default_factory=TablesSection)
    reports: ReportsSection = Field(default_factory=ReportsSection)
    status: StatusSection = Field(default_factory=StatusSection)
    log: LogSection = Field(default_factory=LogSection)
    state_directory: Path | None = None

    @property
    def report_directories(self) -> tuple[Path, ...]:
        """Where the exporter looks for reports; what it receives, it keeps in the first one."""
        received = self.state_directory / "reports" if self.state_directory else None
        return tuple(one for one in (received, self.reports.directory) if one is not None)
