from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from pg_migration_exporter.cli import build_parser
from pg_migration_exporter.config.custom_metrics import occupied_names
from pg_migration_exporter.logs import log_metrics
from pg_migration_exporter.reference.catalogue import FAMILIES
from testbed.postgres import Server
from testbed.workspace import Workspace
from tests.bundle.all_alerts import ALERTS, RECORDS, ROOT, VALUES, runbook

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
    r"\b(DROP|ANALYZE|ALTER|UPDATE|DELETE|VACUUM|REINDEX|ROLLBACK PREPARED|pg_\w+_backend"
    r"|pg_reload_conf|pg_wal_replay_resume|pg_promote|pg_stat_reset|pg_drop_\w+|pg_switch_wal)"
)
#: What begins every block: a function planted in another schema must not run with these rights.
PINNED = "SET search_path = pg_catalog, pg_temp;"
#: Changes that an administrator may run as they stand.
HARMLESS = {"pg_reload_conf()", "pg_switch_wal()", "pg_wal_replay_resume()", "pg_stat_reset()"}
PLACEHOLDER = re.compile(r"<\w+>")
#: Commands that a Debian host alone has.
#: A series of ours, as sentences and PromQL name it.
SERIES = re.compile(
    r"\b(?:(?:datname|instance|migration|instance_datname):[a-z0-9_:]+"
    r"|(?:liquibase|postgres|pgbouncer|migration)_[a-z0-9_]+)"
)
KNOWN_SERIES = {
    *(name for family in FAMILIES for name in occupied_names(family)),
    *(family.name for family in log_metrics.FAMILIES),
    *(rule["record"] for rule in RECORDS),
}
OF_DEBIAN = re.compile(
    r"\b(systemctl|journalctl|pg_lsclusters|df -|iostat|pgrep|namei|fuser)|/var/log/|ALTER SYSTEM"
)
CHANGELOG_TABLE = """
CREATE TABLE databasechangelog (
    id varchar(255), author varchar(255), filename varchar(255), dateexecuted timestamp,
    orderexecuted int, exectype varchar(10), md5sum varchar(35), tag varchar(255),
    liquibase varchar(20), deployment_id varchar(10))
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


@EVERY_RUNBOOK
def test_sql_finds_no_planted_function(path: Path) -> None:
    for block in _sql_blocks(path):
        first = next(line for line in block.splitlines() if not line.lstrip().startswith("--"))
        assert first.strip() == PINNED, block


@EVERY_RUNBOOK
def test_an_example_that_changes_something_does_not_run_as_it_stands(path: Path) -> None:
    """Pasted at night, a plausible name or number would hit something real."""
    for block in _sql_blocks(path):
        if block.startswith(ADMINISTRATORS):
            is_harmless = any(call in block for call in HARMLESS)
            assert bool(PLACEHOLDER.search(block)) != is_harmless, block
        assert not re.search(r"'[^'\n]*<\w+>[^'\n]*'", block), "it parses within quotes"


class Pair(NamedTuple):
    """Sessions of an administrator and of the exporter's role, on a primary or on its standby."""

    administrator: psycopg.Connection[Any]
    reader: psycopg.Connection[Any]


@pytest.fixture(scope="module")
def primary(workspace: Workspace) -> Iterator[Server]:
    """A server with Liquibase's tables, and an object for each placeholder."""
    server = Server(workspace, "runbooks")
    server.configure({"max_prepared_transactions": "2", "wal_level": "logical"})
    with server:
        database = server.database()
        database.execute("CREATE EXTENSION pg_stat_statements")
        database.execute(CHANGELOG_TABLE)
        database.execute(LOCK_TABLE)
        grant = ["psql", "-q", "-v", "exporter=runbook_reader", "-f", "sql/grants.sql"]
        subprocess.run([*grant, database.conninfo()], check=True, cwd=ROOT)
        yield server


@pytest.fixture(scope="module")
def standby(primary: Server) -> Iterator[Server]:
    with primary.standby() as standby:
        primary.wait_for_replay(standby)
        yield standby


@contextmanager
def _sessions(server: Server) -> Iterator[Pair]:
    with (
        server.database().connect() as administrator,
        server.database().connect() as reader,
    ):
        reader.execute("SET ROLE runbook_reader")
        yield Pair(administrator, reader)


@pytest.fixture(scope="module")
def on_primary(primary: Server) -> Iterator[Pair]:
    with _sessions(primary) as sessions:
        yield sessions


@pytest.fixture(scope="module")
def on_standby(standby: Server) -> Iterator[Pair]:
    with _sessions(standby) as sessions:
        yield sessions


@EVERY_RUNBOOK
@pytest.mark.parametrize("where", ["on_primary", "on_standby"])
def test_sql_for_the_diagnosis_runs_with_the_exporters_rights(
    path: Path, where: str, request: pytest.FixtureRequest
) -> None:
    """Shown to someone at night: the names, the columns and the rights must be right."""
    reader = request.getfixturevalue(where).reader
    for block in _sql_blocks(path):
        if not block.startswith(ADMINISTRATORS):
            reader.execute(block.encode())


def _bound(block: str, administrator: psycopg.Connection[Any]) -> str:
    """Return the block with objects of its own in the place of the placeholders."""
    wanted = {found.strip("<>") for found in PLACEHOLDER.findall(block)}
    for name in wanted & MADE.keys():
        for statement in MADE[name]:
            administrator.execute(statement)
    return PLACEHOLDER.sub(lambda found: BOUND[found[0].strip("<>")], block)


#: Placeholder -> how its object is made, and what it is called.
MADE = {
    "index": [
        "CREATE TABLE IF NOT EXISTS public.quests (id int)",
        "CREATE INDEX IF NOT EXISTS quests_id ON public.quests (id)",
    ],
    "table": ["CREATE TABLE IF NOT EXISTS public.quests (id int)"],
    "gid": ["BEGIN", "CREATE TABLE public.left_open (id int)", "PREPARE TRANSACTION 'left open'"],
    "slot": ["SELECT pg_catalog.pg_create_physical_replication_slot('unused')"],
}
BOUND = {
    "index": "public.quests_id",
    "table": "public.quests",
    "gid": "'left open'",
    "slot": "'unused'",
    "size": "'2GB'",
    "names": "''",
    "role": "CURRENT_ROLE",
    "connections": "-1",
    "pid": "1",  # no session of the server: a warning
}


@EVERY_RUNBOOK
def test_sql_of_the_administrator_runs_once_its_placeholders_are_bound(
    path: Path, on_primary: Pair, request: pytest.FixtureRequest
) -> None:
    for block in (block for block in _sql_blocks(path) if block.startswith(ADMINISTRATORS)):
        is_on_standby = "on the standby" in block.partition("\n")[0]
        sessions = request.getfixturevalue("on_standby") if is_on_standby else on_primary
        if PLACEHOLDER.search(block):
            with pytest.raises(psycopg.errors.SyntaxError):
                sessions.administrator.execute(block.encode())
        for statement in _bound(block, sessions.administrator).split(";\n"):
            sessions.administrator.execute(statement.encode())


@EVERY_RUNBOOK
def test_series_that_are_named_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    marked = re.findall(r"`([^`\n]+)`", text)
    marked += re.findall(r"```(?:promql|bash)\n(.*?)```", text, re.DOTALL)
    for name in {name for part in marked for name in SERIES.findall(part)}:
        is_beginning = name.endswith("_") and any(known.startswith(name) for known in KNOWN_SERIES)
        assert name in KNOWN_SERIES or is_beginning, name


@EVERY_RUNBOOK
def test_commands_of_debian_have_their_like_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    blocks = [*_shell_blocks(path), *_sql_blocks(path)]
    if any(OF_DEBIAN.search(block) for block in blocks):
        assert "commands.md)" in text


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_a_page_is_for_what_hurts(rule: dict[str, Any]) -> None:
    impact = runbook(rule["alert"]).read_text(encoding="utf-8").partition("## Impact\n\n")[2]
    if rule["labels"]["severity"] in {"critical", "high"}:
        assert not impact.startswith("None"), "it wakes somebody: say what it does to whom"


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
