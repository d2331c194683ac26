"""WAL, its archive and checkpoints, on a server whose archive fails until it is let work."""

from __future__ import annotations

from testbed.postgres import Server
from tests.fixtures.exporters import Page, StartExporter, scrape, scrape_until

_SEGMENT = 16 * 2**20


def position(server: Server) -> int:
    """Bytes of WAL that were ever written."""
    return int(server.database().value("SELECT pg_current_wal_lsn() - '0/0'"))


def finish_segment(server: Server) -> None:
    """Leave a segment to the archiver, and wake it."""
    server.database().execute("SELECT pg_logical_emit_message(false, 'test', 'x')")
    server.database().execute("SELECT pg_switch_wal()")


def test_an_archive_that_fails_and_works_again(
    tuned_server: Server, start_exporter: StartExporter
) -> None:
    (tuned_server.folder / "archive_works").unlink(missing_ok=True)
    tuned_server.database().execute("SELECT pg_stat_reset_shared('archiver')")
    exporter = start_exporter(tuned_server.database())
    finish_segment(tuned_server)
    page = scrape_until(
        exporter, lambda page: page.value("postgres_archiver_failing") == 1, "it fails"
    )
    assert page.value("postgres_archiver_failed_total") >= 1
    assert page.value("postgres_archiver_archived_total") == 0
    assert page.value("postgres_archiver_last_failed_age_seconds") >= 0
    assert page.values("postgres_archiver_last_archived_age_seconds") == []
    assert page.values("postgres_archiver_behind_bytes") == []
    assert scrape(start_exporter(tuned_server.database())).value(
        "postgres_archiver_pending_segments"
    ) == len(list((tuned_server.data / "pg_wal/archive_status").glob("*.ready")))

    (tuned_server.folder / "archive_works").touch()
    finish_segment(tuned_server)
    page = scrape_until(
        exporter,
        lambda page: 0 <= sum(page.values("postgres_archiver_behind_bytes"), -1) < _SEGMENT,
        "what waited is archived, whatever other tests have left",
    )
    assert page.value("postgres_archiver_archived_total") >= 2
    assert page.value("postgres_archiver_failing") == 0
    assert page.value("postgres_archiver_last_archived_age_seconds") >= 0
    scrape_until(
        exporter, lambda page: shows_what_is_behind(tuned_server, page), "the segment in use"
    )


def shows_what_is_behind(server: Server, page: Page) -> bool:
    """All is archived but for the segment in use: the end of the last file is known by its name."""
    last = server.database().value("SELECT last_archived_wal FROM pg_stat_archiver")
    end = int(last[8:16], 16) * 2**32 + (int(last[16:], 16) + 1) * _SEGMENT
    return 0 <= page.value("postgres_archiver_behind_bytes") <= position(server) - end < _SEGMENT


def test_wal_that_is_written_is_counted(
    tuned_server: Server, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(tuned_server.database())
    before, start = scrape(exporter), position(tuned_server)
    tuned_server.database().execute("DROP TABLE IF EXISTS written")
    tuned_server.database().execute("CREATE TABLE written AS SELECT generate_series(1, 50000)")
    written = position(tuned_server) - start
    assert written > 50000

    def since(page: Page, name: str) -> float:
        return page.value(name) - before.value(name)

    page = scrape_until(
        exporter, lambda page: since(page, "postgres_wal_bytes_total") > 50000, "bytes are counted"
    )
    assert since(page, "postgres_wal_records_total") >= 50000
    assert since(page, "postgres_wal_writes_total") > 0
    assert page.value("postgres_wal_write_seconds_total") > 0
    assert scrape(exporter).value("postgres_wal_files") > 0


def test_a_checkpoint(tuned_server: Server, start_exporter: StartExporter) -> None:
    exporter = start_exporter(tuned_server.database())
    requested = "postgres_checkpoints_requested_total"
    before = scrape(exporter).value(requested)
    tuned_server.database().execute("DROP TABLE IF EXISTS checkpointed")
    tuned_server.database().execute("CREATE TABLE checkpointed AS SELECT generate_series(1, 50000)")
    tuned_server.database().execute("CHECKPOINT")
    page = scrape_until(exporter, lambda page: page.value(requested) == before + 1, "it is counted")
    assert page.value("postgres_checkpoint_buffers_written_total") > 0
    query = "SELECT extract(epoch FROM clock_timestamp() - checkpoint_time) FROM "
    age = tuned_server.database().value(query + "pg_control_checkpoint()")
    assert 0 <= page.value("postgres_checkpoint_last_age_seconds") <= age


def test_files_are_those_on_disk(tuned_server: Server, start_exporter: StartExporter) -> None:
    with tuned_server.database().connect() as reader:
        reader.execute("SET work_mem = '64kB'")
        reader.execute("BEGIN")
        reader.execute(
            "DECLARE sorted CURSOR FOR SELECT g FROM generate_series(1, 200000) g ORDER BY g DESC"
        )
        reader.execute("FETCH 1 FROM sorted")
        page = scrape(start_exporter(tuned_server.database()))
        temporary = list((tuned_server.data / "base/pgsql_tmp").iterdir())
        wal = list((tuned_server.data / "pg_wal").glob("0*"))

    tablespace = {"tablespace": "pg_default"}
    assert page.value("postgres_temporary_files", **tablespace) == len(temporary) > 0
    assert page.value("postgres_temporary_file_bytes", **tablespace) > 200000 * 4
    segments = [file for file in wal if len(file.name) == 24]
    assert page.value("postgres_wal_files") == len(segments)
    assert page.value("postgres_wal_size_bytes") >= len(segments) * _SEGMENT
