import argparse
import re
from pathlib import Path

import pytest

from agent import cli as agent_cli
from agent import probes
from collector import cli as collector_cli
from collector import rankings
from collector.access import ROLES
from collector.export import FORMATS

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def commands(parser: argparse.ArgumentParser):
    """Give every command that a parser understands with its options, as words on a command line."""
    nested = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in nested:
        for child in action.choices.values():
            yield from commands(child)
    if not nested:
        options = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
        yield parser.prog, options - {"--help"}


ALL = [*commands(agent_cli._parser()), *commands(collector_cli._parser())]


@pytest.mark.parametrize(("command", "options"), ALL, ids=[command for command, _ in ALL])
def test_every_command_and_option_is_in_the_readme(command, options):
    """Whoever reads the README knows what there is."""
    assert f"`{command}" in README
    missing = [option for option in options if not re.search(rf"{re.escape(option)}\b", README)]
    assert missing == []


def test_every_command_of_the_readme_exists():
    """The README promises nothing that is not there."""
    known = {command for command, _ in ALL}
    promised = re.findall(r"^\| `(netready-(?:agent|collector)(?: [a-z][a-z-]*)+)", README, re.MULTILINE)
    assert len(promised) >= len(ALL)
    assert [one for one in promised if one not in known] == []
    options = set().union(*(options for _, options in ALL)) | {"--version"}
    rows = "\n".join(re.findall(r"^\| `netready-.*", README, re.MULTILINE))
    assert set(re.findall(r"--[a-z-]+", rows)) <= options


@pytest.mark.parametrize("name", [*probes.names(), *rankings.names(), *ROLES, *FORMATS])
def test_every_probe_ranking_role_and_format_is_in_the_readme(name):
    """What can be asked for by name is named."""
    assert re.search(rf"\b{name}\b", README)
