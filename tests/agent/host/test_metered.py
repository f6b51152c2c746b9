"""Metered connections: what NetworkManager says, and a program in its place that says too little or nothing."""

import sys
from pathlib import Path

import pytest

from agent.host import metered, program

posix = pytest.mark.skipif(sys.platform == "win32", reason="the program in nmcli's place is a shell script")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("GENERAL.METERED:yes\n", True),
        ("GENERAL.METERED:yes (guessed)\n", True),
        ("GENERAL.METERED:no\n", False),
        ("GENERAL.METERED:no (guessed)\n", False),
        ("GENERAL.METERED:unknown\n", None),
        ("GENERAL.METERED:да\n", None),
        ("Error: Device 'x' not found.\n", None),
        ("", None),
        (None, None),
    ],
)
def test_what_networkmanager_says(answer, said) -> None:
    """Its own words are understood, guesses too; anything else is null."""
    assert metered.decode(answer) is said


@posix
def test_asking_a_program(tmp_path: Path, monkeypatch) -> None:
    """The program is found among the system's, asked for one interface in its own language, and believed."""
    nmcli(
        tmp_path, 'test "$LC_ALL $6" = "C lo" && test "$1 $2 $3" = "-t -f GENERAL.METERED" && echo GENERAL.METERED:yes'
    )
    monkeypatch.setattr(program, "PLACES", str(tmp_path))
    assert metered.fetch("lo") == "GENERAL.METERED:yes\n"
    if sys.platform == "linux":
        assert metered.metered("lo") is True


@posix
@pytest.mark.parametrize("script", ["exit 8", "exec /bin/sleep 60", "echo GENERAL.METERED:yes; exit 1"])
def test_a_program_that_does_not_answer(script, tmp_path: Path, monkeypatch) -> None:
    """One that fails or takes too long is ended, and the answer is null."""
    nmcli(tmp_path, script)
    monkeypatch.setattr(program, "PLACES", str(tmp_path))
    assert metered.fetch("lo", patience_s=0.5) is None


def test_without_networkmanager(tmp_path: Path, monkeypatch) -> None:
    """Where there is no nmcli, and no such interface, nothing is known."""
    monkeypatch.setattr(program, "PLACES", str(tmp_path))
    assert metered.metered("gone0") is None


def nmcli(folder: Path, script: str) -> None:
    made = folder / "nmcli"
    made.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    made.chmod(0o755)
