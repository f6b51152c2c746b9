"""The server process: recognised beyond doubt, started, waited for, stopped.

A pid alone proves nothing: after a crash the number soon belongs to somebody else. A process is ours when it is a live
``postgres``, run by the owner of the folder, and works in this very folder (compared by inode, so a renamed folder is
still the same and a copy is not). psutil compares the kernel's start time before each signal. The wall-clock time in
the pid file only helps to tell a copied pid file from a reused number: a clock may be set after the server has started.
"""

import os
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from psycopg import pq

from collector.errors import EmbeddedError
from collector.store.embedded import explain, locks
from collector.store.embedded.address import PORT, SUPERUSER, conninfo
from collector.store.embedded.binaries import Binaries
from collector.store.embedded.home import HERE, Home
from collector.store.embedded.waiting import Say, wait_until

_PID_FILE = "postmaster.pid"
_ORPHANS_GRACE_S = 10.0
_ORPHANS_LIMIT_S = 60.0
_STOP_LIMIT_S = 600.0
_SAME_START_S = 5.0
_DYING_S = 2.0
_LOG_TAIL_BYTES = 16384

# For a small computer that also does other things. What is not here is as PostgreSQL delivers it.
_SETTINGS = {
    "cluster_name": "netready",
    "listen_addresses": "",  # no network: the socket only
    "unix_socket_directories": "../socket",  # seen from the cluster, so it moves with the folder
    "unix_socket_permissions": "0700",
    "port": PORT,
    "max_connections": "120",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_parallel_workers_per_gather": "1",
    "max_wal_size": "512MB",
    "min_wal_size": "80MB",
    "wal_compression": "on",
    "fsync": "on",
    "synchronous_commit": "on",  # what was answered "stored" outlives a power cut
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # One file for each day of the week, overwritten a week later; no statements in it, since they carry data.
    "logging_collector": "on",
    "log_directory": "../log",
    "log_filename": "postgresql-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class PidFile:
    """What ``postmaster.pid`` says (PostgreSQL's src/include/utils/pidfile.h)."""

    pid: int
    started: float
    status: str


def read_pid_file(folder: Path) -> PidFile | None:
    """Read the pid file in a cluster's folder; None if there is none or it makes no sense."""
    try:
        with (folder / _PID_FILE).open(encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file.read(8192).split("\n")]
        lines += [""] * (8 - len(lines))
        pid, started = int(lines[0]), float(lines[2] or 0)
    except (FileNotFoundError, ValueError):
        return None
    return PidFile(pid, started, lines[7]) if 0 < pid < 2**31 else None


def find(home: Home) -> psutil.Process | None:
    """Return the live server of this folder, or None."""
    named = read_pid_file(home.cluster)
    process = _postgres(named.pid, home) if named is not None else None
    return process if process is not None and _works_in(process, home) else None


def refuse_copy(home: Home, say: Say) -> None:
    """Refuse a folder that was copied while its server ran, as long as that server still runs elsewhere.

    Raises:
        EmbeddedError: it does; names the process and its folder.
    """
    named = read_pid_file(home.cluster)
    process = _postgres(named.pid, home) if named is not None else None
    if named is None or process is None or _works_in(process, home):
        return
    if abs(process.create_time() - named.started) > _SAME_START_S:
        return
    # Our own server, killed a moment ago, has already left its folder too; but it is gone soon.
    if not wait_until(lambda: not _is_alive(process), say, "looking at the running server", _DYING_S):
        raise EmbeddedError(
            f"the database in {home.data} was copied from another folder while it was in use, and its server (process "
            f"{named.pid}{_place_of(process)}) still runs; the copy may be incomplete. Stop what uses the other folder "
            f"(or only the server: kill -INT {named.pid}), copy or move it here again, then start"
        )


def start(home: Home, binaries: Binaries, say: Say) -> None:
    """Start the server and wait until it accepts connections, however long recovery takes.

    Raises:
        EmbeddedError: it ended before that; says why.
    """
    with nobody_alive(home, say) as alive:
        home.start_log.unlink(missing_ok=True)
        _remove_stale_files(home)
        # pg_ctl detaches the server from us: own session, own parent. The server inherits the lock and keeps it.
        command = [binaries.program("pg_ctl"), "start", "--no-wait", "--silent", f"--pgdata={HERE}"]
        settings = shlex.join(f"--{name}={value}" for name, value in _SETTINGS.items())
        done = home.account.run([*command, "--log=../start.log", "-o", settings], home.cluster, pass_fds=(alive,))
    if done.returncode != 0:
        raise explain.failure("the embedded PostgreSQL cannot be started", done.stdout)
    if not await_ready(home, say):
        raise explain.failure(f"the embedded PostgreSQL in {home.data} ended while starting", _complaints(home))


def await_ready(home: Home, say: Say) -> bool:
    """Wait until a server that was started, by whomever, accepts connections; False if it ended before that."""
    with locks.opened(home.alive, home.account) as alive:

        def is_ready_or_dead() -> bool:
            return is_ready(home) or (find(home) is None and locks.try_exclusive(alive))

        wait_until(is_ready_or_dead, say, "the database is getting ready; after a power cut it first recovers")
    return is_ready(home)


def is_ready(home: Home) -> bool:
    """Tell whether the server accepts connections."""
    named = read_pid_file(home.cluster)
    return named is not None and named.status == "ready" and find(home) is not None and _answers(home)


def is_stopping(home: Home) -> bool:
    """Tell whether the server is on its way down."""
    named = read_pid_file(home.cluster)
    return named is not None and named.status == "stopping"


def stop(home: Home, say: Say) -> None:
    """Stop the server if it runs, without waiting for its clients, and wait until it has written everything down.

    Raises:
        EmbeddedError: it still runs after ten minutes.
    """
    process = find(home)
    if process is None:
        return
    process.send_signal(signal.SIGINT)  # PostgreSQL's "fast shutdown"
    await_end(home, process, say)


def await_end(home: Home, process: psutil.Process, say: Say) -> None:
    """Wait until a server that is stopping has ended.

    Raises:
        EmbeddedError: it still runs after ten minutes.
    """
    if not wait_until(lambda: not _is_alive(process), say, "the database is stopping", _STOP_LIMIT_S):
        raise EmbeddedError(
            f"the embedded PostgreSQL in {home.data} (process {process.pid}) does not stop; "
            f"look into {home.folder / 'log'}, then end it with kill -QUIT {process.pid}"
        )


@contextmanager
def nobody_alive(home: Home, say: Say) -> Iterator[int]:
    """Hold the lock of the living, to be passed on to the programs that work in the folder from now on.

    Raises:
        EmbeddedError: somebody that this command cannot see holds it.
    """
    with locks.opened(home.alive, home.account) as alive:
        _await_orphans(home, alive, say)
        yield alive


def _await_orphans(home: Home, alive: int, say: Say) -> None:
    """Wait for what a killed server or command left behind, and end it if it does not end itself."""
    sentence = "waiting for the last processes of a database that was killed"
    if wait_until(lambda: locks.try_exclusive(alive), say, sentence, _ORPHANS_GRACE_S):
        return
    for process in _residents(home):
        process.send_signal(signal.SIGQUIT)  # PostgreSQL's "immediate": ends without touching the files again
    if not wait_until(lambda: locks.try_exclusive(alive), say, sentence, _ORPHANS_LIMIT_S):
        raise EmbeddedError(
            f"processes that this command cannot see, perhaps in another container, use the database in {home.data}; "
            f"stop them there first"
        )


def _remove_stale_files(home: Home) -> None:
    """Remove what a dead server left, since PostgreSQL believes a pid that now belongs to another live process."""
    for stale in (home.cluster / _PID_FILE, *home.socket.glob(".s.PGSQL.*")):
        stale.unlink(missing_ok=True)


def _answers(home: Home) -> bool:
    """Ask the server itself: one that was killed a moment ago still looks alive from outside."""
    socket = os.open(home.socket, os.O_DIRECTORY | os.O_CLOEXEC)  # named by its number: a path may be too long
    try:
        address = conninfo(Path(f"/proc/self/fd/{socket}"), SUPERUSER, SUPERUSER)
        return pq.PGconn.ping(address.encode()) == pq.Ping.OK
    finally:
        os.close(socket)


def _complaints(home: Home) -> str:
    """Return what the server said in its last attempt to start."""
    logs = sorted((home.folder / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
    said = [_tail(path) for path in (home.start_log, *logs[-1:]) if path.exists()]
    return "\n".join(text.rpartition("starting PostgreSQL")[2] for text in said)


def _tail(path: Path) -> str:
    """Read the end of a log."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LOG_TAIL_BYTES))
        return file.read(_LOG_TAIL_BYTES).decode(errors="replace")


def _residents(home: Home) -> Iterator[psutil.Process]:
    """Find every PostgreSQL process that works in this folder."""
    for pid in psutil.pids():
        process = _postgres(pid, home)
        if process is not None and _works_in(process, home):
            yield process


def _postgres(pid: int, home: Home) -> psutil.Process | None:
    """Return the process if it is a live PostgreSQL server run by the owner of the folder."""
    try:
        process = psutil.Process(pid)
        # Not exe(): root in a container may not look at the executable of another user's process.
        is_ours = process.name() == "postgres" and process.uids().real == home.cluster.stat().st_uid
    except (psutil.Error, FileNotFoundError):
        return None
    return process if is_ours and _is_alive(process) else None


def _works_in(process: psutil.Process, home: Home) -> bool:
    """Tell whether a process works in the very folder of the database."""
    try:
        there = Path(f"/proc/{process.pid}/cwd").stat()
        is_there = os.path.samestat(there, home.cluster.stat())
    except PermissionError:  # root without CAP_SYS_PTRACE, as in most containers: let the owner look
        look = ["/bin/sh", "-c", '[ "/proc/$0/cwd" -ef . ]', str(process.pid)]
        is_there = home.account.run(look, home.cluster).returncode == 0
    except (FileNotFoundError, ProcessLookupError):
        return False
    return is_there and _is_alive(process)


def _place_of(process: psutil.Process) -> str:
    """Say where a process works, as far as we may know."""
    try:
        return f" in {process.cwd()}"
    except psutil.Error:
        return ""


def _is_alive(process: psutil.Process) -> bool:
    """Tell whether a process still runs; one that ended but was not collected by its parent does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
