"""Who the server runs as: PostgreSQL refuses to be root, so root hands it to a system user of its own."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from collector.errors import EmbeddedError

SYSTEM_USER = "netready-postgres"
_ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
}  # nothing of the caller's: PG*, LD_*, TZ, locale


@dataclass(frozen=True)
class Account:
    """The system user that owns the server's files and processes."""

    uid: int
    gid: int

    def run(
        self, command: list[str], folder: Path, *, pass_fds: tuple[int, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this user in a folder, out of reach of the terminal's Ctrl-C; output and errors together."""
        other = self.uid != os.geteuid()
        return subprocess.run(
            command,
            cwd=folder,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            umask=0o077,
            pass_fds=pass_fds,
            user=self.uid if other else None,
            group=self.gid if other else None,
            extra_groups=[] if other else None,
            check=False,
        )

    def own(self, file: int) -> None:
        """Give an open file or folder to this user, where we are root and it is another's."""
        if os.geteuid() == 0 and os.fstat(file).st_uid != self.uid:
            os.fchown(file, self.uid, self.gid)


def account_of(data: Path) -> Account:
    """Decide who runs the server of this data folder.

    That is whoever starts it. Root starts it as the folder's owner (so that root and the owner's service can take
    turns), or as our own system user where root itself is the owner.

    Raises:
        EmbeddedError: root, but there is no such system user and it cannot be made.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    owner = data.stat()
    if owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        entry = _make_system_user()
    return Account(entry.pw_uid, entry.pw_gid)


def _make_system_user() -> pwd.struct_passwd:
    """Make our system user: without a home, a password or a shell."""
    reason = "neither useradd nor adduser is there"
    for command in (
        ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"],
        ["adduser", "-S", "-D", "-H"],  # busybox
    ):
        if shutil.which(command[0], path=_ENVIRONMENT["PATH"]) is None:
            continue
        shell = ["--shell" if command[0] == "useradd" else "-s", "/usr/sbin/nologin"]
        done = subprocess.run(
            [*command, *shell, SYSTEM_USER], env=_ENVIRONMENT, capture_output=True, encoding="utf-8", check=False
        )
        try:
            return pwd.getpwnam(SYSTEM_USER)  # also where another command made it at the same moment
        except KeyError:
            reason = done.stderr.strip() or f"{command[0]} failed"
    raise EmbeddedError(
        f"PostgreSQL cannot run as root, and its system user {SYSTEM_USER} cannot be made ({reason}); "
        f"make that user, or start as a user who is not root, or use --database"
    )
