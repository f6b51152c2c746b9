"""How each kind of installation replaces itself. A package is a file that TUF metadata vouched for a moment ago."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from msgspec import Struct

from agent.errors import InstallError, UpdateError
from agent.updates.trial import Installer

_WITHIN_S = 300.0
_REBOOT_WANTED = 3010  # msiexec: done, and a restart of the system is wanted


class Deb(Struct, frozen=True):
    """Debian's packages. Settings that were changed by hand stay; the package's own scripts restart the service."""

    def install(self, package: Path) -> None:
        """Install with dpkg, an older version too; raises InstallError with its last words."""
        _run([*self._command(), str(package)], {"DEBIAN_FRONTEND": "noninteractive"})

    def way_back(self, package: Path) -> str:
        """Return a shell script that does the same."""
        command = shlex.join([*self._command(), str(package)])
        return f"#!/bin/sh\nexport DEBIAN_FRONTEND=noninteractive\nexec {command}\n"

    def _command(self) -> tuple[str, ...]:
        return ("dpkg", "--force-confold", "--install")


class Msi(Struct, frozen=True):
    """Windows Installer: silently, for all users, an older version too (the package allows it where we say so)."""

    def install(self, package: Path) -> None:
        """Install with msiexec; raises InstallError."""
        # "a" for all files, whatever their versions: else Windows decides, before a newer version is removed, that its
        # newer files need not be installed, and they are missing afterwards.
        words = ["/qn", "/norestart", "NETREADY_WAY_BACK=1", "REINSTALLMODE=amus"]
        _run(["msiexec", "/i", str(package), *words], {}, fine=(0, _REBOOT_WANTED))

    def way_back(self, package: Path) -> str | None:  # noqa: ARG002 - as the others
        """Return None: Windows Installer itself takes back what breaks off."""
        return None


class SingleFile(Struct, frozen=True):
    """One program file, replaced in one step; then the command that starts the service again, where there is one."""

    program: Path
    restart: tuple[str, ...] = ()

    def install(self, package: Path) -> None:
        """Replace the program; raises InstallError."""
        beside = self.program.with_name(f".{self.program.name}.new")
        try:
            with package.open("rb") as source, beside.open("wb") as sink:
                shutil.copyfileobj(source, sink)
                sink.flush()
                os.fsync(sink.fileno())  # after a power cut the old program or the new one, never half of one
            beside.chmod(0o755)
            beside.replace(self.program)
        except OSError as error:
            raise InstallError(f"{self.program} cannot be replaced: {error.strerror or error}") from error
        if self.restart:
            _run(list(self.restart), {})

    def way_back(self, package: Path) -> str | None:
        """Return a shell script that puts this one back."""
        if sys.platform == "win32":
            return None
        copied = f"cp -f {shlex.quote(str(package))} {shlex.quote(str(self.program))}"
        return f"#!/bin/sh\nset -e\n{copied}\n{shlex.join(self.restart)}\n"


def home() -> Path:
    """Return the folder of this installation: the environment's, or where a single file unpacks itself."""
    return Path(getattr(sys, "_MEIPASS", sys.prefix))


def platform(prefix: Path) -> str:
    """Return the kind of this installation as its package wrote it down ("deb-amd64-py311"); raises UpdateError."""
    try:
        said = (prefix / "installed-as").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UpdateError(
            "this netready was not installed by one of its packages: whoever installed it has to update it"
        ) from error
    if not said or any(not (letter.isalnum() or letter in "-_.") for letter in said):
        raise UpdateError(f"{prefix / 'installed-as'} names no kind of installation")
    return said


def installer(kind: str, program: Path, restart: tuple[str, ...] = ()) -> Installer:
    """Return what installs this kind; raises UpdateError for one that cannot replace itself."""
    if kind.startswith("deb-"):
        return Deb()
    if kind.startswith("msi-"):
        return Msi()
    if kind.startswith("linux-"):
        return SingleFile(program, restart)
    raise UpdateError(f"an installation of the kind {kind} is not updated by itself")


def _run(command: list[str], extra: dict[str, str], fine: tuple[int, ...] = (0,)) -> None:
    try:
        done = subprocess.run(
            command,
            env=os.environ | extra,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(f"{command[0]} could not be run: {error}") from error
    if done.returncode not in fine:
        words = done.stdout.decode(errors="replace").strip()[-400:]
        raise InstallError(f"{command[0]} ended with {done.returncode}: {words}")
