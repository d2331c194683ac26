"""The schema of the configuration file.

`example.yaml` has every key with its default; a test compares the two.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from pg_migration_exporter.config.checks import CheckSection
from pg_migration_exporter.config.custom_metrics import CustomMetrics, Label
from pg_migration_exporter.config.limits import LimitsSection
from pg_migration_exporter.config.section import Section
from pg_migration_exporter.config.servers import Server
from pg_migration_exporter.config.value_types import Address, Seconds, Url, expand_databases
from pg_migration_exporter.config.verdict import VerdictSection
from pg_migration_exporter.config.web import WebSection

#: The name of the target that `postgres` configures.
DEFAULT_TARGET = "default"


class PostgresSection(Section):
    """The server and its timeouts.

    The password comes from one source, read at every connection; `password_command` is a program
    and its arguments, which prints the password. A superuser is refused unless `allow_superuser`.
    """

    dsn: SecretStr | None = None
    password_file: Path | None = None
    password_env: str | None = None
    password_command: tuple[str, ...] = ()
    password_command_timeout: Seconds = 10.0
    connect_timeout: Seconds = 3.0
    statement_timeout: Seconds = 3.0
    lock_timeout: Seconds = 0.1
    allow_superuser: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = (self.password_file, self.password_env, self.password_command)
        if sum(map(bool, given)) > 1:
            raise ValueError("set only one of password_file, password_env and password_command")
        return self

    def override(self, base: Self) -> Self:
        """Return `base` with the keys set here; a password source here replaces any other."""
        has_password = "password" in conninfo_to_dict(
            self.dsn.get_secret_value() if self.dsn else ""
        )
        if has_password or self.password_file or self.password_env or self.password_command:
            unset = {"password_file": None, "password_env": None, "password_command": ()}
            base = base.model_copy(update=unset)
        return super().override(base)


class DatabasesSection(Section):
    """The databases that are watched in addition to the one of the connection.

    Names, or patterns with *, ? and [...]; at most `limit`, since each costs connections.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    limit: int = Field(default=20, ge=1, le=1000)


Databases = Annotated[DatabasesSection, BeforeValidator(expand_databases)]


class ScrapeSection(Section):
    """The deadline of a scrape: Prometheus's timeout minus the offset, at most `timeout`."""

    timeout: Seconds = 10.0
    timeout_offset: Seconds = 0.5


class WatchSection(Section):
    """How often the watcher polls between scrapes, over its own connection."""

    enabled: bool = True
    interval: Seconds = 5.0
    busy_interval: Seconds = 1.0


class BaselineSection(Section):
    """The latency before a run, with which the latency afterwards is compared."""

    window: Seconds = 3600.0
    hold: Seconds = 86400.0


class CollectorsSection(Section):
    """The collectors that run or do not run, other than by default."""

    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()


class ChangelogSection(Section):
    """One root changelog file, and the options that Liquibase gets with it.

    `table` (schema.table) is required if a database has several histories; `lock_table` is required
    if its name does not show which history it belongs to. Sections for one history belong together:
    each service that shares it has a root changelog of its own.
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
    lock_table: str | None = None


class PoolSection(Section):
    """A budget of connections, for the sessions that match every key that is set."""

    name: str = Field(min_length=1)
    max_connections: int = Field(ge=1)
    databases: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    application_names: tuple[str, ...] = ()


class PgBouncerSection(Section):
    """PgBouncer's admin console; `timeout` is for each scrape."""

    dsn: SecretStr | None = None
    password_file: Path | None = None
    timeout: Seconds = 1.0


class LiquibaseSection(Section):
    """How to find Liquibase's sessions, changelogs and reports.

    Reports of runs on other `servers` are ignored; without `servers`, none is. Tables that match
    a pattern of `exclude` (schema.table) are not Liquibase's. Roles that match a pattern of
    `trusted_owners` are trusted with Liquibase's tables, besides superusers, the owner of the
    database and the roles that sql/grants.sql was given. The latency that judges a migration does
    not count the statements of `roles`, which only migrate.
    """

    application_names: tuple[str, ...] = ("liquibase",)
    roles: tuple[str, ...] = ()
    servers: tuple[Server, ...] = ()
    changelogs: tuple[ChangelogSection, ...] = ()
    exclude: tuple[str, ...] = ()
    trusted_owners: tuple[str, ...] = ()
    discovery_interval: Seconds = 60.0
    stale_lock_after: Seconds = 10.0


class TablesSection(Section):
    """The tables with their own series: the largest `top` of `schemas` (default: all schemas)."""

    schemas: tuple[str, ...] = ()
    top: int = Field(default=50, ge=0, le=1000)
    interval: Seconds = 60.0


class StatementsSection(Section):
    """How pg_stat_statements is read; the `top` statements by time get their own series."""

    interval: Seconds = 2.0
    top: int = Field(default=20, ge=0, le=500)
    text: bool = False


class EndpointSection(Section):
    """Reports and errors of the server's log over HTTP; both need a token."""

    url: Url | None = None
    token_file: Path | None = None
    log_errors: bool = False


class ReportsSection(Section):
    """How reports get from the wrapper (`run`) to the exporter."""

    directory: Path | None = None
    table: bool = False
    dsn: SecretStr | None = None
    endpoint: EndpointSection = Field(default_factory=EndpointSection)


class StatusSection(Section):
    """What the status page also shows; `runbooks` is the URL of their directory."""

    statements: bool = False
    runbooks: Url | None = None


class LogSection(Section):
    """The exporter's log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


def _check_names(pools: tuple[PoolSection, ...]) -> tuple[PoolSection, ...]:
    names = [pool.name for pool in pools]
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise ValueError(f"two pools have the name {duplicates[0]!r}; rename one")
    return pools


Pools = Annotated[tuple[PoolSection, ...], AfterValidator(_check_names)]


class TargetSection(Section):
    """One more server: its name, its labels for Prometheus, and its own settings.

    A key that is set here replaces that of the file.
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
    verdict: VerdictSection | None = None
    limits: LimitsSection | None = None
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
    baseline: BaselineSection = Field(default_factory=BaselineSection)
    collectors: CollectorsSection = Field(default_factory=CollectorsSection)
    pools: Pools = ()
    pgbouncer: PgBouncerSection = Field(default_factory=PgBouncerSection)
    liquibase: LiquibaseSection = Field(default_factory=LiquibaseSection)
    tables: TablesSection = Field(default_factory=TablesSection)
    statements: StatementsSection = Field(default_factory=StatementsSection)
    limits: LimitsSection = Field(default_factory=LimitsSection)
    reports: ReportsSection = Field(default_factory=ReportsSection)
    verdict: VerdictSection = Field(default_factory=VerdictSection)
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
        """The directories of reports; reports received over HTTP go to the first one."""
        received = self.state_directory / "reports" if self.state_directory else None
        return tuple(
            directory for directory in (received, self.reports.directory) if directory is not None
        )
