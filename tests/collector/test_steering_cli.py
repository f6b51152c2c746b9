import argparse
import contextlib
import json

import pytest

from agent.contract.errors import SettingsError
from collector.errors import NotFound
from collector.settings import Settings
from collector.steering import cli


@pytest.fixture
def run(database):
    """Run one of the commands on the test's database."""

    def do(*words: str) -> int:
        parser = argparse.ArgumentParser()
        commands = parser.add_subparsers(required=True)
        opened = lambda _settings: contextlib.nullcontext(database)  # noqa: E731 - the fixture closes it
        cli.add(commands, argparse.ArgumentParser(add_help=False), lambda _options: Settings(), opened)
        options = parser.parse_args(words)
        return options.command(options)

    return do


def test_a_policy_is_set_shown_and_remembered(run, add_school, tmp_path, capsys):
    """A file of some fields is kept with its note; show says which scope each value comes from."""
    add_school("0042")
    file = tmp_path / "policy.toml"
    file.write_text('[policy]\nholidays = [2026-12-16]\nshifts = [{ start = "08:00", end = "13:00" }]\n')
    assert run("policy", "set", "--scope", "region:KZ-75", "--note", "Independence Day", str(file)) == 0
    run("policy", "show", "--scope", "school:0042")
    shown = capsys.readouterr().out.splitlines()
    assert 'holidays = ["2026-12-16"]  # region:KZ-75' in shown
    assert "slot_minutes = 30  # settings file" in shown
    run("policy", "history", "--scope", "region:KZ-75")
    [version] = map(json.loads, capsys.readouterr().out.splitlines())
    assert (version["version"], version["note"]) == (1, "Independence Day")
    assert version["author"].startswith("command line")


@pytest.mark.parametrize("text", ["[policy]\nx = 1\n", "[serve]\nlisten = 'x'\n[policy]\n", "policy = 3\n", "= 3"])
def test_a_wrong_file_changes_nothing(run, tmp_path, capsys, text):
    """The mistake is named."""
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"policy\.x|policy\.toml"):
        run("policy", "set", "--scope", "country", str(file))
    run("policy", "history", "--scope", "country")
    assert capsys.readouterr().out == ""


def test_tests_are_asked_for_and_paused(run, add_school, enrolled, capsys):
    """What was asked is listed until it is done; a pause of a school is its policy."""
    add_school("0042")
    computer = enrolled("0042")
    assert run("tests", "now", "--scope", "school:0042") == 0
    run("tests", "list", "--scope", "country")
    [asked] = map(json.loads, capsys.readouterr().out.splitlines())
    assert (asked["agent_id"], asked["kind"]) == (computer.id, "run_now")
    run("tests", "pause", "--scope", "school:0042")
    run("policy", "show", "--scope", "school:0042")
    assert "paused = true  # school:0042" in capsys.readouterr().out
    run("tests", "resume", "--scope", "school:0042")
    run("policy", "show", "--scope", "school:0042")
    assert "paused = false  # settings file" in capsys.readouterr().out
    with pytest.raises(NotFound):
        run("tests", "now", "--scope", "school:0043")
