"""Folders and computers on which the embedded PostgreSQL cannot run as they are, and what it says or does then."""

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

import psutil
import pytest

from collector.errors import EmbeddedError
from collector.store.embedded import binaries, cluster, postmaster, start_or_join
from collector.store.embedded.account import SYSTEM_USER
from collector.store.embedded.home import replace_folder, settle

NOBODY = 65534
IN_PRIVATE_MOUNTS = ("unshare", "--mount", "--propagation", "private", "sh", "-c")

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="changes users and mounts, which takes root")


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ("19\n", r"is of PostgreSQL 19, and the programs here are 18\.\d+; install"),
        ("15\n", r"is of PostgreSQL 15, and the programs here are 18\.\d+; .* version 15 are needed"),
        ("", "PG_VERSION is missing or damaged"),
        ("x" * 99, "PG_VERSION is missing or damaged"),
    ],
)
def test_a_database_of_another_version_is_refused(data, version, sentence):
    """Both versions are named, and what to do; the files stay as they are."""
    (data / "postgres" / "cluster" / "PG_VERSION").write_text(version)
    with pytest.raises(EmbeddedError, match=sentence):
        start_or_join(data)
    assert (data / "postgres" / "cluster" / "global" / "pg_control").exists()


def test_an_older_database_is_upgraded(empty, query):
    """PostgreSQL 16's files, left by a crash, are brought to 18 with all that was committed."""
    home = settle(empty / "data")
    old = binaries.of_major(binaries.find(), 16)
    assert old is not None
    old = binaries.for_account(old, home.account)
    cluster.create(home, old, print)
    replace_folder(home.unfinished, home.cluster)
    postmaster.start(home, old, print)
    with start_or_join(empty / "data") as server:
        query(server, "create table kept as select 'Әл-Фараби' as name")
        psutil.Process(postmaster.find(home).pid).kill()
    said: list[str] = []
    with start_or_join(empty / "data", progress=said.append) as server:
        assert query(server, "select name, current_setting('server_version') like '18.%' from kept") == [
            ("Әл-Фараби", True)
        ]
    assert any("upgrading the database from PostgreSQL 16" in sentence for sentence in said)
    assert not home.replaced.exists()


def test_a_damaged_database_says_so(data):
    """A database that PostgreSQL refuses is reported with PostgreSQL's own words."""
    (data / "postgres" / "cluster" / "global" / "pg_control").write_bytes(b"\0" * 8192)
    with pytest.raises(EmbeddedError, match=r"ended while starting: .*FATAL|PANIC"):
        start_or_join(data)


def test_a_file_is_no_data_folder(tmp_path):
    """A file in the folder's place is named."""
    (tmp_path / "data").write_text("")
    with pytest.raises(EmbeddedError, match="give a --data folder, not a file"):
        start_or_join(tmp_path / "data")


@only_root
def test_root_hands_the_server_to_a_system_user(data, pid_of):
    """Started as root in a folder that only root can enter, the server is not root."""
    with start_or_join(data):
        user = pwd.getpwnam(SYSTEM_USER)
        assert psutil.Process(pid_of(data)).uids().real == user.pw_uid
        assert user.pw_shell.endswith("nologin")


@only_root
@pytest.mark.parametrize(
    ("without", "said"),
    [
        ("true", "up "),
        ("mount -t tmpfs tmpfs /usr/sbin", f"system user {SYSTEM_USER} cannot be made .* make that user"),
    ],
    ids=["made", "cannot be made"],
)
def test_the_system_user_is_made_when_absent(empty, another_user, without, said):
    """The first start on a computer makes the user; where that is impossible a sentence says what to do."""
    script = (
        f'cp -a /etc "{empty}/etc" && sed -i /^{SYSTEM_USER}:/d "{empty}"/etc/passwd "{empty}"/etc/group '
        f'"{empty}"/etc/shadow "{empty}"/etc/gshadow && mount --bind "{empty}/etc" /etc && {without} && exec "$0" "$@"'
    )
    assert re.search(said, another_user(empty / "data", prefix=(*IN_PRIVATE_MOUNTS, script)).leave())


@only_root
def test_a_database_copied_by_root_is_given_back(data, empty, query):
    """Files that a restore left to root or to a stranger are given to the server's user."""
    for uid in (0, 54321):
        subprocess.run(["chown", "-R", f"{uid}:{uid}", data / "postgres"], check=True)
        (data / "postgres").chmod(0o755)
        (data / "postgres" / "cluster").chmod(0o755)
        with start_or_join(data) as server:
            assert query(server, "select 1") == [(1,)]


@only_root
def test_an_ordinary_user_and_root_take_turns(open_folder, another_user, query, pid_of):
    """In a user's own folder root runs the server as that user, and either can join the other's."""
    data = open_folder / "data"
    data.mkdir()
    os.chown(data, NOBODY, NOBODY)
    user = another_user(data, uid=NOBODY)
    user.wait_until_up()
    with start_or_join(data) as server:
        assert query(server, "select 1") == [(1,)]
        assert psutil.Process(pid_of(data)).uids().real == NOBODY
        user.leave()
    with start_or_join(data):
        assert psutil.Process(pid_of(data)).uids().real == NOBODY
        another_user(data, uid=NOBODY).wait_until_up()


@only_root
def test_another_users_folder_is_refused(open_folder, another_user):
    """Whoever may not use the folder is told whose it is, or that it is closed."""
    data = open_folder / "data"
    data.mkdir(mode=0o777)
    data.chmod(0o777)
    with start_or_join(data):
        assert "belongs to the user with the number" in another_user(data, uid=NOBODY).leave()
    data.chmod(0o700)
    assert "Permission denied" in another_user(data, uid=NOBODY).leave()


@only_root
def test_programs_that_the_system_user_cannot_read_are_copied(empty, another_user, query):
    """A wheel under a private folder such as /root serves all the same."""
    wheel = Path(binaries.find()[0].folder).parent
    private = empty / "private"
    private.mkdir(mode=0o700)
    shutil.copytree(wheel, private / wheel.name, ignore=shutil.ignore_patterns("include", "*.a"))
    shutil.copytree(wheel.with_name(f"{wheel.name}.libs"), private / f"{wheel.name}.libs")
    os.utime(private / wheel.name / "pginstall" / "bin" / "postgres", (1, 1))  # another build, so another copy
    before = set(binaries._READABLE_PLACE.glob("*"))
    another_user(empty / "data", path=str(private)).wait_until_up()
    (copy,) = set(binaries._READABLE_PLACE.glob("*")) - before
    try:
        with start_or_join(empty / "data"):
            executable = psutil.Process(postmaster.find(settle(empty / "data")).pid).exe()
        assert executable.startswith(str(copy))
    finally:
        shutil.rmtree(copy)


@only_root
def test_a_read_only_disk_is_named(data, another_user):
    """The sentence says that the disk cannot be written."""
    prefix = (*IN_PRIVATE_MOUNTS, f'mount --bind "{data}" "{data}" && mount -o remount,bind,ro "{data}" && "$0" "$@"')
    assert "Read-only file system" in another_user(data, prefix=prefix).leave()


@only_root
@pytest.mark.parametrize("size", ["1m", "30m"])
def test_a_full_disk_is_named(empty, another_user, size):
    """The sentence says that the disk is full, and nothing half-made is taken for a database later."""
    data = empty / "data"
    data.mkdir()
    prefix = (*IN_PRIVATE_MOUNTS, f'mount -t tmpfs -o size={size} tmpfs "{data}" && "$0" "$@"; ls "{data}/postgres"')
    said = another_user(data, prefix=prefix).leave()
    assert "No space left on device" in said
    assert "free some space" in said
    assert "cluster\n" not in said


@only_root
def test_a_container_without_the_right_to_look_at_processes(data, another_user, pid_of):
    """Root without CAP_SYS_PTRACE, as in most containers, joins and stops the server too."""
    with start_or_join(data):
        prefix = ("setpriv", "--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace")
        user = another_user(data, prefix=prefix)
        user.wait_until_up()
        pid = pid_of(data)
        assert user.leave().count("starting") == 0
        assert pid_of(data) == pid
