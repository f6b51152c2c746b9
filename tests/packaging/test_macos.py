"""The files for macOS: parsed, and tried with stand-ins for the system's own commands. Nothing has run on macOS."""

import os
import plistlib
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from agent import cli, settings

MACOS = Path(__file__).parent.parent.parent / "packaging" / "macos"
PLIST = MACOS / "kz.netready.agent.plist"


def test_the_service() -> None:
    """The service runs a command that exists, as a user of its own, in the documented state folder, and comes back."""
    told = plistlib.loads(PLIST.read_bytes())
    assert told["Label"] == PLIST.stem
    assert cli._parser().parse_args(told["ProgramArguments"][1:]).command == "run"
    assert told["UserName"] == "_netready"
    usual = settings.state_folder(None, {}, "darwin", is_root=True)
    assert PurePosixPath(told["EnvironmentVariables"]["NETREADY_STATE"]) == usual
    assert (told["Umask"], told["KeepAlive"], told["ThrottleInterval"]) == (0o077, {"SuccessfulExit": False}, 60)


@pytest.mark.parametrize("name", ["preinstall", "postinstall"])
def test_scripts_parse(name: str) -> None:
    """The installer can run the scripts: they are executable, and a shell reads them."""
    assert os.access(MACOS / name, os.X_OK)
    subprocess.run(["sh", "-n", MACOS / name], check=True, timeout=10)


@pytest.mark.parametrize("name", ["preinstall", "postinstall"])
def test_another_disk_is_left_alone(tmp_path: Path, name: str) -> None:
    """Installed on another disk, no user is made and nothing is started here; the state folder is its owner's only."""
    told = tmp_path / "told"
    commands = tmp_path / "commands"
    commands.mkdir()
    for each in ("dscl", "launchctl", "chown"):
        (commands / each).write_text(f'#!/bin/sh\necho "{each} $*" >> {told}\n')
        (commands / each).chmod(0o755)
    disk = tmp_path / "a disk"
    disk.mkdir()
    environment = {"PATH": f"{commands}:{os.environ['PATH']}"}
    words = ["sh", MACOS / name, "package", str(disk), f"{disk}/", "/"]
    subprocess.run(words, check=True, env=environment, timeout=10)
    assert not told.exists()
    state = disk / "Library" / "Application Support" / "netready"
    assert state.exists() == (name == "postinstall")
    if state.exists():
        assert state.stat().st_mode & 0o777 == 0o700
