"""The commands with which packages are put in place."""

from pathlib import Path

import pytest

from agent.errors import InstallError
from agent.updates import installers
from agent.updates.installers import Deb, Msi


@pytest.fixture
def ran(monkeypatch):
    """Run nothing; returns what would have been."""
    commands = []
    monkeypatch.setattr(installers, "_run", lambda command, *_more, **_named: commands.append(command))
    return commands


def test_windows_puts_an_older_version_back_whole(ran) -> None:
    """Silently; the package lets a newer one go for us alone, and every file is written whatever its version."""
    Msi().install(Path("old.msi"))
    (command,) = ran
    assert command[:3] == ["msiexec", "/i", "old.msi"]
    assert {"/qn", "/norestart", "NETREADY_WAY_BACK=1", "REINSTALLMODE=amus"} == set(command[3:])
    assert Msi().way_back(Path("old.msi")) is None


def test_debian_keeps_settings(ran) -> None:
    """The same command goes forward and, as a script of its own, back."""
    Deb().install(Path("new.deb"))
    (command,) = ran
    assert command == ["dpkg", "--force-confold", "--install", "new.deb"]
    assert Deb().way_back(Path("/p/old.deb")).splitlines()[-1] == "exec dpkg --force-confold --install /p/old.deb"


def test_what_the_system_says_is_said() -> None:
    """A command that fails, or is not there, is an error with its words."""
    with pytest.raises(InstallError, match="ended with 3"):
        installers._run(["sh", "-c", "echo why >&2; exit 3"], {})
    with pytest.raises(InstallError):
        installers._run(["netready-no-such-command"], {})
