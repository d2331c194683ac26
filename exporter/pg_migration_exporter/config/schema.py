"""The schema of the configuration file. Unknown keys are refused, settings never change.

Every key is shown with its default in `example.yaml`; a test keeps the two together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from pg_migration_exporter.config.checks import CheckSection
from pg_migration_exporter.config.custom_metrics import CustomMetrics, Label
from pg_migration_exporter.config.section import Section
from pg_migration_exporter.config.servers import Server
from pg_migration_exporter.config.types import Address, Seconds, Url, name_databases
from pg_migration_exporter.config.web import WebSection

#: The target that `postgres:` names, where Prometheus does not ask for another.
DEFAULT_TARGET = "default"


class PostgresSection(Section):
    """The server, and how long anything there may take.

    A password comes from the one source that is given, at each connection anew; `password_command`
    is a program and its arguments, which prints the password.
    """

    dsn: SecretStr | None = None
    password_file: Path | None = None
    password_env: str | None = None
    password_command: tuple[str, ...] = ()
    password_command_timeout: Seconds = 10.0
    connect_timeout: Seconds = 3.0
    statement_timeout: Seconds = 3.0
    lock_timeout: Seconds = 0.1

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = (self.password_file, self.password_env, self.password_command)
        if sum(map(bool, given)) > 1:
            raise ValueError("give one of password_file, password_env and password_command")
        return self

    def over(self, base: Self) -> Self:
        """As for every section; but a password that is known here takes the place of any other."""
        has_password = "password" in conninfo_to_dict(
            self.dsn.get_secret_value() if self.dsn else ""
        )
        if has_password or self.password_file or self.password_env or self.password_command:
            nowhere = {"password_file": None, "password_env": None, "password_command": ()}
            base = base.model_copy(update=nowhere)
        return super().over(base)


class DatabasesSection(Section):
    """Which databases of the server are watched beside the one that is connected to.

    Names, or patterns with *, ? and [...]; at most `limit`, which bounds the connections.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    limit: int = Field(default=20, ge=1, le=1000)


Databases = Annotated[DatabasesSection, BeforeValidator(name_databases)]


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


class PoolSection(Section):
    """A budget of connections: of the sessions that match everything that is given."""

    name: str = Field(min_length=1)
    max_connections: int = Field(ge=1)
    databases: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    application_names: tuple[str, ...] = ()


class PgBouncerSection(Section):
    """PgBouncer's admin console; `timeout` bounds what a scrape waits for it."""

    dsn: SecretStr | None = None
    password_file: Path | None = None
    timeout: Seconds = 1.0


class LiquibaseSection(Section):
    """How Liquibase appears in the database, and in what its wrapper reports.

    Reports of runs on other `servers` are not of this target; none given means any.
    """

    application_names: tuple[str, ...] = ("liquibase",)
    servers: tuple[Server, ...] = ()
    changelogs: tuple[ChangelogSection, ...] = ()
    discovery_interval: Seconds = 60.0
    stale_lock_after: Seconds = 10.0


class TablesSection(Section):
    """Which tables are shown one by one: the largest `top` of `schemas`, all but the system's."""

    schemas: tuple[str, ...] = ()
    top: int = Field(default=50, ge=0, le=1000)
    interval: Seconds = 60.0


class StatementsSection(Section):
    """How pg_stat_statements is read: the `top` statements with most time are shown one by one."""

    interval: Seconds = 2.0
    top: int = Field(default=20, ge=0, le=500)
    text: bool = False


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


def _check_names(pools: tuple[PoolSection, ...]) -> tuple[PoolSection, ...]:
    names = [pool.name for pool in pools]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two pools have the name {twice[0]!r}; give each its own")
    return pools


Pools = Annotated[tuple[PoolSection, ...], AfterValidator(_check_names)]


class TargetSection(Section):
    """One more server: its name, its labels for Prometheus, and its own settings.

    A key given here replaces that of the file; keys that are not given are those of the file.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
    labels: dict[Label, str] = Field(default_factory=dict)
    postgres: PostgresSection
    databases: Databases | None = None
    scrape: ScrapeSection | None = None
    watch: WatchSection | None = None
    collectors: CollectorsSection | None = None
    liquibase: LiquibaseSection | None = None
    tables: TablesSection | None = None
    statements: StatementsSection | None = None
    pools: Pools | None = None
    pgbouncer: PgBouncerSection | None = None
    custom_metrics: tuple[CustomMetrics, ...] | None = None
    custom_metrics_files: tuple[Path, ...] | None = None
    checks: tuple[CheckSection, ...] | None = None
    checks_files: tuple[Path, ...] | None = None


class Settings(Section):
    """The whole configuration, validated.

    `custom_metrics` and `checks` also hold what `load_settings` read from their files.
    """

    listen: Address = "127.0.0.1:9886"
    web: WebSection = Field(default_factory=WebSection)
    postgres: PostgresSection = Field(default_factory=PostgresSection)
    databases: Databases = Field(default_factory=DatabasesSection)
    scrape: ScrapeSection = Field(default_factory=ScrapeSection)
    watch: WatchSection = Field(default_factory=WatchSection)
    collectors: CollectorsSection = Field(default_factory=CollectorsSection)
    pools: Pools = ()
    pgbouncer: PgBouncerSection = Field(default_factory=PgBouncerSection)
    liquibase: LiquibaseSection = Field(default_factory=LiquibaseSection)
    tables: TablesSection = Field(default_factory=TablesSection)
    statements: StatementsSection = Field(default_factory=StatementsSection)
    reports: ReportsSection = Field(default_factory=ReportsSection)
    status: StatusSection = Field(default_factory=StatusSection)
    log: LogSection = Field(default_factory=LogSection)
    state_directory: Path | None = None
    custom_metrics: tuple[CustomMetrics, ...] = ()
    custom_metrics_files: tuple[Path, ...] = ()
    checks: tuple[CheckSection, ...] = ()
    checks_files: tuple[Path, ...] = ()
    targets: tuple[TargetSection, ...] = ()

    @property
    def report_directories(self) -> tuple[Path, ...]:
        """Where the exporter looks for reports; what it receives, it keeps in the first one."""
        received = self.state_directory / "reports" if self.state_directory else None
        return tuple(one for one in (received, self.reports.directory) if one is not None)
