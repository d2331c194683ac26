from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pg_migration_exporter.cli import build_parser
from testbed.postgres import Server
from tests.bundle.all_alerts import ALERTS, ROOT, VALUES, runbook

RUNBOOKS = ROOT / "docs/runbooks"
FOLDERS = (RUNBOOKS, ROOT / "examples/quest/runbooks")
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Escalation", "Verification"]
COMMAND = build_parser().prog
#: Where the systemd unit has the configuration (deploy/systemd).
CONFIG = "/etc/pg-migration-exporter/config.yaml"
#: The description of each alert, on one line.
DESCRIPTIONS: dict[str, str] = {
    rule["alert"]: " ".join(rule["annotations"]["description"].split()) for rule in ALERTS
}
#: How a block begins that the exporter's role may not run.
ADMINISTRATORS = "-- admin"
CHANGING = re.compile(
    r"\b(DROP|ANALYZE|ALTER|UPDATE|DELETE|VACUUM|REINDEX|PREPARED '|pg_\w+_backend|pg_reload_conf"
    r"|pg_wal_replay_resume|pg_drop_\w+|pg_switch_wal)"
)
CHANGELOG_TABLE = """
CREATE TABLE databasechangelog (
    id varchar(255), author varchar(255), filename varchar(255), dateexecuted timestamp,
    orderexecuted int, exectype varchar(10), md5sum varchar(35), tag varchar(255),
    liquibase varchar(20))
"""
LOCK_TABLE = """
CREATE TABLE databasechangeloglock (
    id int PRIMARY KEY, locked bool, lockgranted timestamp, lockedby varchar(255))
"""
EVERY_RUNBOOK = pytest.mark.parametrize(
    "path",
    [path for folder in FOLDERS for path in sorted(folder.glob("*.md"))],
    ids=lambda path: path.stem,
)


def _sql_blocks(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return [block.strip() for block in re.findall(r"```sql\n(.*?)```", text, re.DOTALL)]


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    runbooks = {path for folder in FOLDERS for path in folder.iterdir()}
    assert runbooks == {runbook(alert) for alert in DESCRIPTIONS}


@EVERY_RUNBOOK
def test_runbook_has_the_headings_in_order_and_something_below_each(path: Path) -> None:
    top, *sections = re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert top.startswith(f"# {path.stem}\n")
    assert [section.partition("\n")[0] for section in sections] == HEADINGS
    assert all(section.partition("\n")[2].strip() for section in sections)


@EVERY_RUNBOOK
def test_runbook_begins_with_what_the_alert_says_to_do_first(path: Path) -> None:
    """Who was woken reads no further than the top before they act."""
    first = DESCRIPTIONS[path.stem].partition("First: ")[2]
    said = path.read_text(encoding="utf-8").partition("\n")[2].partition("\n## ")[0]
    assert " ".join(said.split()) == (f"**First:** {first}" if first else "")


@EVERY_RUNBOOK
def test_runbook_says_what_to_run_and_what_to_leave(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    diagnosis = text.partition("## Diagnosis")[2].partition("## Mitigation")[0]
    assert re.search(r"```(sql|bash)\n", diagnosis), "nothing to copy and paste"
    assert "What would make it worse:" in text


@EVERY_RUNBOOK
def test_sql_that_changes_something_is_marked_as_the_administrators(path: Path) -> None:
    for block in _sql_blocks(path):
        assert bool(CHANGING.search(block)) == block.startswith(ADMINISTRATORS), block


@EVERY_RUNBOOK
def test_the_servers_log_is_read_in_every_format(path: Path) -> None:
    """With the settings of the log pipeline, all but a few lines are in files of JSON or CSV."""
    names = re.findall(r"/var/log/postgresql/\S*\.log\b", path.read_text(encoding="utf-8"))
    assert not names


@pytest.fixture(scope="module")
def reader(server: Server) -> Iterator[psycopg.Connection[Any]]:
    """A session of the exporter's role, in a database with Liquibase's tables."""
    database = server.create_database("runbooks")
    database.execute(CHANGELOG_TABLE)
    database.execute(LOCK_TABLE)
    grant = ["psql", "-q", "-v", "exporter=runbook_reader", "-f", "sql/grants.sql"]
    subprocess.run([*grant, database.conninfo()], check=True, cwd=ROOT)
    with database.connect() as connection:
        connection.execute("SET ROLE runbook_reader")
        yield connection
    server.drop_database(database.name)


@EVERY_RUNBOOK
def test_sql_for_the_diagnosis_runs_with_the_exporters_rights(
    path: Path, reader: psycopg.Connection[Any]
) -> None:
    """Shown to someone at night: the names, the columns and the rights must be right."""
    for block in _sql_blocks(path):
        if not block.startswith(ADMINISTRATORS):
            reader.execute(block.encode())


@EVERY_RUNBOOK
def test_links_lead_to_files(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).is_file(), target


def test_blind_runbook_lists_the_collectors_of_the_rule() -> None:
    text = (RUNBOOKS / "MigrationExporterBlind.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\w+) \| [A-Z][\w, ]+ \|$", text, re.MULTILINE)
    assert listed == VALUES.alerts.entry("MigrationExporterBlind")["collectors"]


def _shell_blocks(path: Path) -> list[str]:
    return re.findall(r"```bash\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


@EVERY_RUNBOOK
def test_shell_reads_what_is_to_be_typed(path: Path) -> None:
    script = "\n".join(_shell_blocks(path))
    read = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


@EVERY_RUNBOOK
def test_our_own_command_understands_what_is_to_be_typed(path: Path) -> None:
    for line in map(str.strip, "\n".join(_shell_blocks(path)).splitlines()):
        if line.startswith(f"{COMMAND} "):
            arguments = shlex.split(line, comments=True)[1:]
            build_parser().parse_args(arguments)
            assert "--config" not in arguments or CONFIG in arguments


@EVERY_RUNBOOK
def test_our_own_command_has_what_sentences_mention(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = path.read_text(encoding="utf-8") + DESCRIPTIONS[path.stem]
    for mention in re.findall(rf"`{COMMAND}\s([^`]+)`", text):
        words = mention.split()
        with pytest.raises(SystemExit) as ended:
            build_parser().parse_args([*words, "--help"])
        assert ended.value.code == 0, mention
        known = capsys.readouterr().out
        assert [word for word in words if word.startswith("--") and word not in known] == []
