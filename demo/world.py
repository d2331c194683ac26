"""Everything that the demo runs: servers, application, exporter and alerting."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from demo.bundle import Bundle
from demo.load import SCHEMA, Load
from demo.report import Report
from testbed.alertmanager import Alertmanager
from testbed.database import Database
from testbed.errors import StackError
from testbed.exporter import Exporter
from testbed.liquibase import Liquibase
from testbed.pgbouncer import PgBouncer
from testbed.ports import LOOPBACK
from testbed.postgres import Server
from testbed.programs import ROOT
from testbed.prometheus import Prometheus, Scraping
from testbed.receiver import Receiver
from testbed.waiting import wait_until
from testbed.workspace import Workspace

MASTER = "db.changelog-master.xml"
DATABASE = "game"
MIGRATOR = "migrator"
EXPORTER_ROLE = "exporter"

#: The game's business metrics, the grants that they need, and the checks of its migration.
QUEST = ROOT / "examples/quest"

#: The job label that the rules of the bundle expect.
JOB = "pg-migration-exporter"
#: The job label of the log pipeline, which runs only during its drills.
LOG_JOB = "pg-migration-logs"
#: The job label of the quest service, which runs only during its drill.
QUEST_JOB = "quest"

#: With few connections, a fault can use them up quickly.
SERVER_SETTINGS = {
    "max_connections": "40",
    "fsync": "on",
    "max_prepared_transactions": "2",
    "archive_mode": "on",
    "archive_command": "/bin/true",
    "archive_timeout": "10",
}


@dataclass(frozen=True, slots=True)
class World:
    """All that runs. The search path of `liquibase` is a copy that releases change."""

    workspace: Workspace
    primary: Server
    standby: Server
    pooler: PgBouncer
    database: Database
    load: Load
    liquibase: Liquibase
    exporter: Exporter
    alertmanager: Alertmanager
    prometheus: Prometheus
    receiver: Receiver

    def addresses(self) -> dict[str, str]:
        """Addresses of all parts, by name."""
        return {
            "exporter": f"{self.exporter.url}/metrics",
            "Prometheus": f"{self.prometheus.url}/alerts",
            "Alertmanager": self.alertmanager.url,
            "primary": self._psql(self.database),
            "standby": self._psql(self.standby.database(DATABASE)),
            "PgBouncer": self._psql(self.pooler.database(DATABASE)),
            "log": f"{self.workspace.root / 'primary_log'}",
        }

    def _psql(self, database: Database) -> str:
        where = f"-h {LOOPBACK} -p {database.port} -U {database.user} {database.name}"
        return f"PGPASSFILE={self.workspace.passfile} psql {where}"


@contextmanager
def running_world(workspace: Workspace, report: Report) -> Iterator[World]:
    """Start everything, and stop it when the body ends."""
    with ExitStack() as running:
        start = _Starter(running, workspace, report, Bundle.render(workspace.root / "bundle"))
        primary, standby = start.cluster()
        database = primary.database(DATABASE)
        pooler, load = start.application(primary)
        liquibase = start.migration(primary)
        exporter = start.exporter(database, pooler, liquibase)
        receiver, alertmanager, prometheus = start.alerting(exporter)
        yield World(
            workspace=workspace,
            primary=primary,
            standby=standby,
            pooler=pooler,
            database=database,
            load=load,
            liquibase=liquibase,
            exporter=exporter,
            alertmanager=alertmanager,
            prometheus=prometheus,
            receiver=receiver,
        )


@dataclass(frozen=True, slots=True)
class _Starter:
    """Starts parts of the world and reports each step; `running` stops them."""

    running: ExitStack
    workspace: Workspace
    report: Report
    bundle: Bundle

    def cluster(self) -> tuple[Server, Server]:
        with self.report.step("PostgreSQL primary") as details:
            settings = SERVER_SETTINGS | self.bundle.log_settings(self.workspace, "primary")
            primary = self.running.enter_context(Server(self.workspace, "primary", settings))
            _create_game(primary)
            details.append(f"port {primary.port}")
        with self.report.step("PostgreSQL standby, streaming") as details:
            settings = SERVER_SETTINGS | self.bundle.log_settings(self.workspace, "standby")
            standby = self.running.enter_context(primary.standby("standby", settings))
            primary.wait_for_replay(standby)
            details.append(f"port {standby.port}")
        return primary, standby

    def application(self, primary: Server) -> tuple[PgBouncer, Load]:
        with self.report.step("PgBouncer, and the application's load") as details:
            pooler = self.running.enter_context(PgBouncer(self.workspace, primary))
            load = self.running.enter_context(Load(pooler.database(DATABASE)))
            wait_until(lambda: load.answered, 20, "the application gets results")
            details.append(f"port {pooler.port}")
        return pooler, load

    def migration(self, primary: Server) -> Liquibase:
        """Create Liquibase's tables and grant the exporter access, as an administrator would."""
        changelog = self.workspace.root / "changelog"
        shutil.copytree(ROOT / "demo/changelog", changelog, ignore=shutil.ignore_patterns("t"))
        database = primary.database(DATABASE).as_user(MIGRATOR)
        liquibase = Liquibase(database, changelog, MASTER)
        with self.report.step("Liquibase's tables, and the exporter's grants") as details:
            done = liquibase.run("status")
            if done.returncode:
                raise StackError(f"liquibase status fails:\n{done.stderr}")
            details.append(done.stdout.partition(" to ")[0])
            roles = {"exporter": EXPORTER_ROLE, "migrator": MIGRATOR}
            primary.run_script(ROOT / "sql/grants.sql", DATABASE, **roles)
            primary.run_script(QUEST / "grants.sql", DATABASE, exporter=EXPORTER_ROLE)
            primary.set_password(EXPORTER_ROLE)
        return liquibase

    def exporter(self, database: Database, pooler: PgBouncer, liquibase: Liquibase) -> Exporter:
        changelog = {"file": MASTER, "search_path": [str(liquibase.search_path)]}
        config = {
            "postgres": {"dsn": database.as_user(EXPORTER_ROLE).conninfo()},
            "pgbouncer": {"dsn": pooler.database("pgbouncer").conninfo()},
            "liquibase": {"changelogs": [changelog]},
            "custom_metrics_files": [str(QUEST / "metrics.yaml")],
            "checks_files": [str(QUEST / "checks.yaml")],
            # Scaled down, as the values of the rules are.
            "verdict": {"quiet": "5s"},
        }
        with self.report.step("exporter") as details:
            exporter = self.running.enter_context(Exporter(self.workspace, config))
            # A slow machine has no business metrics at first. If Prometheus saw such a scrape, the
            # errors that were there before would be new ones for QuestValidationErrors.
            counter = "quest_validation_errors_total"
            exporter.process.wait_until(lambda: counter in exporter.page(), 30, f"has {counter}")
            details.append(f"{exporter.url}/metrics")
        return exporter

    def alerting(self, exporter: Exporter) -> tuple[Receiver, Alertmanager, Prometheus]:
        with self.report.step("Alertmanager") as details:
            receiver = self.running.enter_context(Receiver(self.report.notification))
            alertmanager = self.running.enter_context(
                Alertmanager(self.workspace, self.bundle.alertmanager(receiver.url))
            )
            details.append(alertmanager.url)
        with self.report.step("Prometheus with the bundle's rules") as details:
            jobs: dict[str, list[str]] = {JOB: [exporter.address], LOG_JOB: [], QUEST_JOB: []}
            scraping = Scraping(jobs, self.bundle.rules(), alertmanager=alertmanager.address)
            prometheus = self.running.enter_context(Prometheus(self.workspace, scraping))
            wait_until(lambda: prometheus.query("postgres_up == 1"), 30, "postgres_up is 1")
            details.append(prometheus.url)
        return receiver, alertmanager, prometheus


def _create_game(primary: Server) -> None:
    """Create the game's database, owned by the migrating role."""
    primary.create_role(MIGRATOR)
    database = primary.create_database(DATABASE)
    database.execute(f"ALTER DATABASE {DATABASE} OWNER TO {MIGRATOR}")
    database.execute("CREATE EXTENSION pg_stat_statements")
    database.execute(SCHEMA)
