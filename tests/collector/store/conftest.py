import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from collector.store.embedded import SUPERUSER, Server, postmaster, start_or_join
from collector.store.embedded.home import settle

ROOT = Path(__file__).parents[3]

# A second process that uses the server: tells its pid's server, then leaves when its input ends.
USER = """
import os, sys
from pathlib import Path
import collector.store.embedded.membership
from collector.store.embedded import start_or_join
if sys.argv[2] != "0":
    os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
with start_or_join(Path(sys.argv[1]), progress=lambda sentence: print("...", sentence, flush=True)) as server:
    print("up", server.url("postgres", "postgres"), flush=True)
    sys.stdin.read()
"""


class User:
    """Another process that starts or joins the server of a folder."""

    def __init__(self, data: Path, *, prefix: tuple[str, ...] = (), uid: int = 0, path: str = "") -> None:
        places = (path, str(ROOT), os.environ.get("PYTHONPATH"))
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))}
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-c", USER, str(data), str(uid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )

    def wait_until_up(self) -> str:
        """Return the server's address as this process sees it."""
        assert self.process.stdout is not None
        said = []
        for line in self.process.stdout:
            if line.startswith("up "):
                return line.removeprefix("up ").strip()
            said.append(line)
        raise AssertionError("".join(said))

    def leave(self) -> str:
        """Let it end by itself; returns what it still said."""
        return self.process.communicate(timeout=60)[0]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=60)


def _query(server: Server, statement: str) -> list[tuple]:
    with psycopg.connect(server.url("postgres", SUPERUSER), autocommit=True, connect_timeout=10) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def _pid_of(data: Path) -> int:
    process = postmaster.find(settle(data))
    assert process is not None, "no server runs"
    return process.pid


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _wait_for(condition: Callable[[], object], limit_s: float = 30.0) -> None:
    ends = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.005)


@contextmanager
def _nothing_left(data: Path) -> Iterator[None]:
    try:
        yield
    finally:
        for pid in psutil.pids():
            if pid != os.getpid() and _is_in(pid, data):
                os.kill(pid, signal.SIGKILL)


def _is_in(pid: int, folder: Path) -> bool:
    """Tell whether a process works in a folder of the test."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


@pytest.fixture
def query():
    """Run one statement, committed, as the superuser: ``query(server, statement)``."""
    return _query


@pytest.fixture
def pid_of():
    """Return the pid of the live server of a data folder."""
    return _pid_of


@pytest.fixture
def is_running():
    """Tell whether a pid is of a live process."""
    return _is_running


@pytest.fixture
def wait_for():
    """Wait for something that must happen."""
    return _wait_for


@pytest.fixture
def another_user() -> Iterator[Callable[..., User]]:
    """Start other processes that use a server; none of them outlives the test."""
    users: list[User] = []

    def start(data: Path, **how) -> User:
        users.append(User(data, **how))
        return users[-1]

    yield start
    for user in users:
        user.kill()


@pytest.fixture(scope="session")
def template(tmp_path_factory) -> Path:
    """A data folder with a new, stopped database; making one takes a second."""
    data = tmp_path_factory.mktemp("template") / "data"
    with start_or_join(data):
        pass
    return data


@pytest.fixture
def empty() -> Iterator[Path]:
    """A place for the test's own data folders; no server in it outlives the test, and no files (40 MB each).

    Its path is short, wherever pytest's own folder is: below a long one, each user has an address of its own.
    """
    folder = Path(tempfile.mkdtemp(prefix="netready-test-", dir="/tmp"))
    with _nothing_left(folder):
        yield folder
    shutil.rmtree(folder)


@pytest.fixture
def data(template, empty) -> Path:
    """A data folder of the test's own, with a stopped database."""
    subprocess.run(["cp", "-a", template, empty / "data"], check=True)
    return empty / "data"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="netready-test-", dir="/tmp"))
    folder.chmod(0o755)
    with _nothing_left(folder):
        yield folder
    shutil.rmtree(folder)
