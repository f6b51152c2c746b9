"""The embedded PostgreSQL after kill -9, power cuts, moves and copies. What was committed is always there."""

import os
import shutil
import signal
import subprocess
import threading

import psutil
import pytest

from collector.errors import EmbeddedError
from collector.store.embedded import postmaster, start_or_join
from collector.store.embedded.account import account_of
from collector.store.embedded.home import settle


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def test_the_server_was_killed(data, pid_of, query):
    """Kill -9 of the server: the next start recovers, and the address of those who still use it stays good."""
    with start_or_join(data) as server:
        query(server, "create table kept as select 1 as value")
        kill(pid_of(data))
        with start_or_join(data) as second:
            assert query(second, "select value from kept") == [(1,)]
            assert query(server, "select value from kept") == [(1,)]


def test_a_user_revives_the_server(data, pid_of, query, is_running):
    """A long-lived user brings a killed server back; reviving a live one changes nothing."""
    with start_or_join(data) as server:
        query(server, "create table kept as select 1 as value")
        before = pid_of(data)
        server.revive()
        assert pid_of(data) == before
        kill(before)
        server.revive()
        assert query(server, "select value from kept") == [(1,)]
        after = pid_of(data)
    assert not is_running(after)


def test_the_collector_was_killed(data, another_user, pid_of, query, is_running):
    """Kill -9 of the collector: its server is adopted by the next start, and stopped by it."""
    collector = another_user(data)
    collector.wait_until_up()
    pid = pid_of(data)
    collector.kill()
    assert is_running(pid)
    with start_or_join(data) as server:
        assert pid_of(data) == pid
        assert query(server, "select 1") == [(1,)]
    assert not is_running(pid)


@pytest.mark.parametrize("collector_first", [True, False])
def test_both_were_killed(data, another_user, pid_of, query, collector_first):
    """Kill -9 of both, in either order."""
    collector = another_user(data)
    collector.wait_until_up()
    with start_or_join(data) as server:
        query(server, "create table kept as select 1 as value")
        pid = pid_of(data)
        first, second = (collector.kill, lambda: kill(pid))[:: 1 if collector_first else -1]
        first()
        second()
    with start_or_join(data) as server:
        assert query(server, "select value from kept") == [(1,)]


def test_a_killed_server_leaves_a_busy_process(data, pid_of, query):
    """A process of a killed server that does not notice its death is ended before the new one starts."""
    with start_or_join(data) as server:
        query(server, "create table kept as select 1 as value")
        postgres = psutil.Process(pid_of(data))
        writer = next(child for child in postgres.children() if "background writer" in " ".join(child.cmdline()))
        writer.suspend()
        said: list[str] = []
        kill(postgres.pid)
        threading.Timer(4, writer.resume).start()
        server.revive(progress=said.append)
        assert query(server, "select value from kept") == [(1,)]
        assert any("waiting for the last processes" in sentence for sentence in said)


def test_a_long_recovery_is_awaited(data, another_user, pid_of, query, wait_for):
    """Recovery takes as long as it takes, with a sentence about it; also when its starter was killed meanwhile."""
    with start_or_join(data) as server:
        query(server, "create table kept as select generate_series(1, 600000) as value")
        kill(pid_of(data))
    home = settle(data)
    starter = another_user(data)
    wait_for(lambda: _startup_of(home))
    recovery = _startup_of(home)
    recovery.suspend()
    starter.kill()
    threading.Timer(4, recovery.resume).start()
    said: list[str] = []
    with start_or_join(data, progress=said.append) as server:
        assert query(server, "select count(*) from kept") == [(600000,)]
    assert any("recovers" in sentence for sentence in said)


def _startup_of(home) -> psutil.Process | None:
    """Return the process that replays the log, if there is one now."""
    process = postmaster.find(home)
    children = process.children() if process is not None else []
    return next((child for child in children if "startup" in " ".join(child.cmdline())), None)


@pytest.mark.parametrize("what", ["sleep", "another server"])
def test_a_stale_pid_file_names_a_live_process(data, empty, template, pid_of, query, is_running, what):
    """A pid file left by a power cut, whose number now belongs to somebody else: neither believed nor hurt."""
    with start_or_join(data) as server:
        query(server, "create table kept as select 1 as value")
        kill(pid_of(data))
    subprocess.run(["cp", "-a", template, empty / "other"], check=True)
    with start_or_join(empty / "other"):
        account = account_of(empty / "other")
        named = pid_of(empty / "other")
        sleep = subprocess.Popen(["sleep", "60"], user=account.uid if os.geteuid() == 0 else None)
        if what == "sleep":
            named = sleep.pid
        pid_file = data / "postgres" / "cluster" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(named), lines[1], "1000000000", *lines[3:], ""]))
        for lock in (data / "postgres" / "socket").glob("*.lock"):
            lock.write_text(f"{named}\n")
        with start_or_join(data) as server:
            assert query(server, "select value from kept") == [(1,)]
        assert is_running(named)
        sleep.kill()
        sleep.wait()


def test_a_damaged_pid_file_is_no_obstacle(data, query):
    """Whatever a power cut made of the pid file, the server starts."""
    for content in (b"", b"\0" * 64, b"-1\n", b"99999999999999999999\n", b"x\ny\n", b"1\n/\nnan\n"):
        (data / "postgres" / "cluster" / "postmaster.pid").write_bytes(content)
        with start_or_join(data) as server:
            assert query(server, "select 1") == [(1,)]


@pytest.mark.parametrize("state", ["stopped", "killed", "running"])
def test_the_data_folder_was_moved(data, empty, pid_of, query, state):
    """A moved folder works at its new place, also with a stale pid file or with its server still running."""
    server = start_or_join(data)
    query(server, "create table kept as select 1 as value")
    pid = pid_of(data)
    if state == "stopped":
        server.release()
    elif state == "killed":
        kill(pid)
    moved = empty / "elsewhere" / "data"
    moved.parent.mkdir()
    data.rename(moved)
    with start_or_join(moved) as there:
        assert query(there, "select value from kept") == [(1,)]
        assert (pid_of(moved) == pid) is (state == "running")


def test_a_copy_of_a_running_database_is_refused(data, empty, query, pid_of):
    """A copy made while the server ran is refused with a sentence; made again after that, it works."""
    with start_or_join(data) as server:
        query(server, "create table kept as select 1 as value")
        subprocess.run(["cp", "-a", data, empty / "copy"], check=True)
        with pytest.raises(EmbeddedError, match=f"copied from another folder.*process {pid_of(data)}.*kill -INT"):
            start_or_join(empty / "copy")
        assert query(server, "select value from kept") == [(1,)]
    shutil.rmtree(empty / "copy")
    subprocess.run(["cp", "-a", data, empty / "copy"], check=True)
    with start_or_join(empty / "copy") as server:
        assert query(server, "select value from kept") == [(1,)]


def test_a_power_cut_while_the_database_was_made(template, empty, query):
    """A half-made database is thrown away and made again."""
    half = empty / "data" / "postgres" / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with start_or_join(empty / "data") as server:
        assert query(server, "select 1") == [(1,)]
    assert not half.exists()


def test_a_collector_killed_while_the_database_was_made(empty, another_user, query, wait_for):
    """The next start waits for what the killed one left running, then makes the database."""
    collector = another_user(empty / "data")
    wait_for((empty / "data" / "postgres" / "cluster.new" / "global").exists)
    collector.kill()
    with start_or_join(empty / "data") as server:
        assert query(server, "select 1") == [(1,)]


def test_ctrl_c_while_the_database_is_made(empty, another_user, query, wait_for):
    """Ctrl-C in the middle of the first start leaves no process behind, and the next start works."""
    collector = another_user(empty / "data")
    wait_for((empty / "data" / "postgres" / "cluster.new" / "global").exists)
    collector.process.send_signal(signal.SIGINT)
    collector.leave()
    wait_for(lambda: not list(postmaster._residents(settle(empty / "data"))))
    with start_or_join(empty / "data") as server:
        assert query(server, "select 1") == [(1,)]


def test_an_upgrade_cut_off_between_its_renamings(data, query):
    """The old database comes back, never a new empty one."""
    with start_or_join(data) as server:
        query(server, "create table kept as select 1 as value")
    (data / "postgres" / "cluster").rename(data / "postgres" / "cluster.old")
    (data / "postgres" / "cluster.new").mkdir()
    with start_or_join(data) as server:
        assert query(server, "select value from kept") == [(1,)]
