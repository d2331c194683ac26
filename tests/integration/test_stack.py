"""The stack that the other tests stand on keeps its own promises."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.errors import StackError
from testbed.ports import free_port, is_free
from testbed.postgres import Server
from testbed.process import Process, descendants
from testbed.programs import ROOT
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.processes import is_alive, state

ORPHANING = """
import sys
from pathlib import Path
from testbed.postgres import Server
from testbed.process import descendants
from testbed.workspace import Workspace

server = Server(Workspace(Path(sys.argv[1]))).start()
print(server.process.pid, *descendants(server.process.pid), flush=True)
sys.stdin.read()
"""


def test_servers_end_when_their_parent_is_killed(workspace: Workspace) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHANING, workspace.root / "orphan"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        # One of them may be the session that found the server ready, which ends by itself.
        assert sum(map(is_alive, pids)) > 3
        parent.kill()
    wait_until(lambda: not any(map(is_alive, pids)), 60, f"processes {pids} end")


def test_stop_leaves_no_process_and_frees_the_port(workspace: Workspace) -> None:
    server = Server(workspace, "stopped").start()
    pids = descendants(server.process.pid)
    assert not is_free(server.port)
    server.stop()
    assert is_free(server.port)
    assert not any(map(is_alive, pids))


def test_killed_server_recovers(workspace: Workspace) -> None:
    with Server(workspace, "killed") as server:
        server.database().execute("CREATE TABLE kept AS SELECT 1 AS n")
        server.kill()
        assert not server.process.is_running
        server.start()
        assert server.database().value("SELECT n FROM kept") == 1
        assert "database system was not properly shut down" in server.process.output()


def test_frozen_server_answers_after_thaw(workspace: Workspace) -> None:
    with Server(workspace, "frozen") as server:
        server.freeze()
        pids = [server.process.pid, *descendants(server.process.pid)]
        wait_until(lambda: {state(pid) for pid in pids} <= {"T", "Z"}, 60, "nothing runs any more")
        server.thaw()
        assert server.database().value("SELECT 1") == 1


def test_frozen_server_can_be_stopped(workspace: Workspace) -> None:
    with Server(workspace, "frozen_stop") as server:
        server.freeze()
        server.stop()
        assert server.process.returncode == 0


def test_process_that_ends_early_is_reported_with_its_log(workspace: Workspace) -> None:
    process = Process("broken", log=workspace.log("broken"))
    process.start(["sh", "-c", "echo the reason; exit 3"])
    with pytest.raises(StackError, match=r"(?s)code 3 before: serves.*the reason"):
        process.wait_until(lambda: False, 10, "serves")


def test_process_that_ignores_the_signal_is_killed_with_its_children(workspace: Workspace) -> None:
    process = Process("stubborn", log=workspace.log("stubborn"))
    process.start(["sh", "-c", "trap '' TERM; sleep 300 & echo started; wait; wait"])
    process.wait_until(lambda: "started" in process.output(), 60, "starts its child")
    children = descendants(process.pid)
    process.stop(timeout=0.1)
    assert process.returncode == -signal.SIGKILL
    wait_until(lambda: not any(map(is_alive, children)), 60, "the child ends")


def test_workspace_in_use_is_refused_and_left_alone(workspace: Workspace) -> None:
    with Workspace(workspace.root / "busy") as busy:
        busy.log("server").write_text("running")
        with pytest.raises(StackError, match="is in use"):
            Workspace(workspace.root / "busy")
        assert busy.log("server").read_text() == "running"


def test_workspace_never_empties_a_folder_that_is_not_its_own(workspace: Workspace) -> None:
    folder = workspace.folder("documents")
    (folder / "thesis").write_text("years of work")
    with pytest.raises(StackError, match="would be emptied"):
        Workspace(folder)
    assert (folder / "thesis").read_text() == "years of work"


def test_workspace_starts_clean(workspace: Workspace) -> None:
    with Workspace(workspace.root / "again") as first:
        (first.folder("old") / "file").touch()
    with Workspace(workspace.root / "again") as second:
        assert sorted(path.name for path in second.root.iterdir()) == ["lock", "pgpass"]


def test_unreachable_folder_gives_a_temporary_workspace(tmp_path: Path) -> None:
    """pytest's own folder is closed to other users: as root, servers cannot live there."""
    with Workspace(tmp_path / "demo") as workspace:
        assert (workspace.root == tmp_path / "demo") == (workspace.user is None)
        root = workspace.root
    assert root.exists() == (workspace.user is None)


def test_free_ports_differ() -> None:
    ports = {free_port() for _ in range(50)}
    assert len(ports) == 50
    assert all(map(is_free, ports))
