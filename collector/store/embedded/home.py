"""The one private folder in which everything of an embedded server lies: ``DATA/postgres``."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from collector.errors import EmbeddedError
from collector.store.embedded.account import Account, account_of

HERE = "/proc/self/cwd"
"""How the server's programs name the folder they are started in.

They run as another user than root, who may own and close every folder above theirs (``/root``, a 0700 temporary
folder): a path would lead nowhere, their own working folder always does. Whatever is beside it is reached by ``..``.
"""


@dataclass(frozen=True)
class Home:
    """The names of what lies in the private folder."""

    data: Path
    account: Account

    @property
    def folder(self) -> Path:
        return self.data / "postgres"

    @property
    def cluster(self) -> Path:
        """The database itself (PGDATA)."""
        return self.folder / "cluster"

    @property
    def unfinished(self) -> Path:
        """A database that is being made; worthless until it is renamed to ``cluster``."""
        return self.folder / "cluster.new"

    @property
    def replaced(self) -> Path:
        """The database of an older version, kept until its upgrade has started once."""
        return self.folder / "cluster.old"

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    @property
    def start_log(self) -> Path:
        """What the server says before its own log begins."""
        return self.folder / "start.log"

    @property
    def gate(self) -> Path:
        """The lock of whoever starts or stops the server."""
        return self.folder / "gate.lock"

    @property
    def users(self) -> Path:
        """The lock that every user of the server shares."""
        return self.folder / "users.lock"

    @property
    def alive(self) -> Path:
        """The lock that the server's processes inherit: held exactly as long as one of them lives."""
        return self.folder / "alive.lock"


def settle(data: Path) -> Home:
    """Find or make the private folder.

    Raises:
        EmbeddedError: it belongs to another user, or its owner cannot be decided.
        OSError: it cannot be made or entered.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = data.resolve()
    home = Home(data, account_of(data))
    _refuse_of_another(home)
    for folder in (home.folder, home.socket):
        make_private(folder, home.account)
    return home


def make_private(folder: Path, account: Account) -> None:
    """Make a folder, or take one that is there, so that only the account (and root) can enter it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    file = os.open(folder, os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        account.own(file)
        if os.fstat(file).st_mode & 0o777 != 0o700:
            os.fchmod(file, 0o700)
    finally:
        os.close(file)


def claim(home: Home) -> None:
    """As root, give the database to the account if it is another's: copied by root, or from another computer's disk.

    Raises:
        EmbeddedError: a file in it has a second name somewhere, which would be given away too.
    """
    if os.geteuid() != 0 or home.cluster.lstat().st_uid == home.account.uid:
        return
    for folder, _, names in os.walk(home.folder, topdown=False):
        for path in (*(Path(folder, name) for name in names), Path(folder)):
            status = path.lstat()
            if status.st_nlink > 1 and not path.is_dir():
                raise EmbeddedError(
                    f"{path} has a second name (hard link), so its owner is not changed; copy {home.data} afresh"
                )
            os.chown(path, home.account.uid, home.account.gid, follow_symlinks=False)


def replace_folder(source: Path, target: Path) -> None:
    """Rename a folder, and make the renaming outlast a power cut."""
    source.rename(target)
    file = os.open(target.parent, os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all in it, if it is there."""
    if folder.exists():
        shutil.rmtree(folder)


def _refuse_of_another(home: Home) -> None:
    """Refuse a folder of another user before the operating system does it in fewer words."""
    euid = os.geteuid()
    try:
        owner = home.folder.stat().st_uid
    except FileNotFoundError:
        return
    if euid not in (0, owner):
        raise EmbeddedError(
            f"the embedded PostgreSQL in {home.data} belongs to the user with the number {owner}, and you are {euid}; "
            f"start as that user or as root, or give another --data folder"
        )
