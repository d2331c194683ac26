"""How many entries Fluent Bit reads, counts, filters and delivers in a second of processor time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pg_migration_exporter.logs.formats import FormatName
from testbed.ports import LOOPBACK
from testbed.sink import Sink
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.fluent_bit import FORMATS, LoggingServer, start_logging_server
from tests.logs.fluent_bit import StartFluentBit

pytestmark = pytest.mark.pg(">= 15")
_ENTRIES = 100_000
_KEPT = _ENTRIES // 50
_STATEMENT = "SELECT title, rewards FROM gameplay.quest_rows WHERE level_min <= 40 ORDER BY title"
#: What a busy server logs: durations of a sample of its statements, and now and then a warning.
_WRITE = f"""
DO $$ BEGIN
  FOR i IN 1..{_ENTRIES} LOOP
    IF i % 50 = 0 THEN RAISE WARNING 'there is no transaction in progress';
    ELSE RAISE LOG 'duration: % ms  statement: {_STATEMENT}', (i % 1000) * 0.013;
    END IF;
  END LOOP;
END $$
"""
#: Entries as those of real statements are: without the block above as their context.
_ONLY_MESSAGES = " ".join(
    f"-c {setting}"
    for setting in (
        "client_min_messages=error",
        "log_error_verbosity=terse",
        "log_min_error_statement=panic",
    )
)


@pytest.fixture(scope="module")
def busy(fluent_bit_program: object, workspace: Workspace) -> Iterator[LoggingServer]:
    logging = start_logging_server(workspace, {})
    with logging.server:
        database = logging.server.database()
        database.execute(_WRITE, options=_ONLY_MESSAGES, application_name="quest-service")
        logging.settle("all is written")
        yield logging


#: Far less than docs/logs.md has, for slow machines: a rule that backtracks is slower than that.
_LEAST = 12_000


@pytest.mark.parametrize("name", FORMATS)
def test_entries_in_a_second_of_processor_time(
    start_fluent_bit: StartFluentBit,
    busy: LoggingServer,
    figure: Callable[[str], None],
    name: FormatName,
) -> None:
    rate = _rate(start_fluent_bit, busy, name)
    figure(f"{name}: {rate:,.0f} entries in a second of processor time")
    assert rate >= _LEAST


def _rate(start_fluent_bit: StartFluentBit, busy: LoggingServer, name: FormatName) -> float:
    with Sink() as sink:
        where = {"host": LOOPBACK, "port": sink.port, "tls": False}
        values = {"directory": str(busy.folder), "output": where}
        fluent_bit = start_fluent_bit(values, f"{name}.yaml")
        wait_until(lambda: len(sink.documents) >= _KEPT, 120, "all is stored", interval=0.2)
        wait_until(lambda: fluent_bit.read >= _ENTRIES, 30, "all is read", interval=0.2)
        used = fluent_bit.cpu_seconds
        fluent_bit.process.kill()
        return _ENTRIES / used
