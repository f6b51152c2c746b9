"""The commands for policies and tests; ``netready-collector`` adds them to its own."""

import argparse
import sys
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from agent.contract.errors import SettingsError
from collector import policies, steering
from collector.people.cli import at_the_command_line
from collector.settings import Settings
from collector.steering import ACTIONS, Steering
from collector.store import policies as stored
from collector.store import test_orders
from collector.store.database import MINISTRY, Database
from collector.store.policies import Scope

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
Read = Callable[[argparse.Namespace], Settings]
Open = Callable[[Settings], Database]
_SCOPE = "country, region:CODE (as region:KZ-75) or school:ID"
_ABOUT = {
    "now": "measure as soon as the computers report in",
    "pause": "run nothing that fills the line by itself",
    "resume": "end a pause",
    "pair": "one computer with a cable and one on Wi-Fi, one after the other",
    "joint": "several computers with a cable at once, where one port cannot carry the target",
}


def add(
    commands: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser, read: Read, opened: Open
) -> None:
    """Add the commands; ``read`` gives the settings that the options name, ``opened`` opens their database."""

    def command(
        actions: "Commands[argparse.ArgumentParser]", name: str, work: Callable[..., int], about: str
    ) -> argparse.ArgumentParser:
        made = actions.add_parser(name, parents=[common], help=about)
        made.add_argument("--scope", required=True, metavar="SCOPE", help=_SCOPE)
        made.set_defaults(command=lambda options: work(options, read(options), opened))
        return made

    actions = commands.add_parser("policy", help="what agents are told").add_subparsers(required=True, metavar="ACTION")
    command(actions, "show", _show, "what a scope sets, what holds there, and which scope says so")
    command(actions, "history", _history, "every version of what a scope set, as JSON")
    change = command(actions, "set", _set, "what a scope sets from now on, instead of all that it set before")
    change.add_argument(
        "file", metavar="FILE.toml", type=Path, help="as [policy] in config/collector.toml, some fields"
    )
    change.add_argument("--note", metavar="TEXT", default="", help="why")
    actions = commands.add_parser("tests", help="tests now, and pauses").add_subparsers(required=True, metavar="ACTION")
    for name in ACTIONS:
        one = command(actions, name, _steer, _ABOUT[name])
        one.add_argument("--agent", metavar="ID", action="append", help="these computers only")
        one.set_defaults(action=name)
    command(actions, "list", _list, "what was asked and is not done, as JSON lines")


def _show(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        scope = policies.scope_named(connection, options.scope)
        known = stored.newest(connection, _wider(scope))
    bodies = {str(one): known[str(one)].body for one in _wider(scope) if str(one) in known}
    held = msgspec.to_builtins(policies.merged(settings.policy, bodies.values()))
    for name in policies.FIELDS:
        origin = next((where for where, body in reversed(bodies.items()) if name in body), "settings file")
        print(f"{name} = {msgspec.json.encode(held[name]).decode()}  # {origin}")
    newest = known.get(str(scope))
    if newest is not None:
        print(f"# {scope}: version {newest.version} by {newest.author} at {newest.at:%Y-%m-%d %H:%M}: {newest.note}")
    return 0


def _history(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        found = stored.history(connection, policies.scope_named(connection, options.scope))
    for one in found:
        print(msgspec.json.encode(one).decode())
    return 0


def _set(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    body = _read(options.file)
    with opened(settings) as database, database.owning() as connection:
        scope = policies.scope_named(connection, options.scope)
        who = at_the_command_line()
        kept = policies.change(connection, scope, body, settings.policy, who=who, note=options.note, now=_now())
    print(
        f"{scope}: version {kept.version} holds from now on; computers hear of it with their next report",
        file=sys.stderr,
    )
    return 0


def _read(file: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    inner = table.get("policy", table)
    if not isinstance(inner, dict) or ("policy" in table and len(table) > 1):
        raise SettingsError(f"{file}: write the fields of [policy] and nothing beside them; see {policies.EXAMPLE}")
    return inner


def _steer(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database, database.owning() as connection:
        scope = policies.scope_named(connection, options.scope)
        asked = Steering(action=options.action, scope=scope, agents=options.agent)
        done = steering.steer(connection, asked, settings.policy, who=at_the_command_line(), now=_now())
    if options.action in ("pause", "resume"):
        word = "paused" if options.action == "pause" else "resumed"
        print(f"{scope}: tests {word}; computers hear of it with their next report", file=sys.stderr)
    else:
        print(f"{scope}: asked of {len(done.agents)} computers, until {done.until:%Y-%m-%d %H:%M} UTC", file=sys.stderr)
    return 0


def _list(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        found = test_orders.open_orders(connection, policies.scope_named(connection, options.scope), _now())
    for one in found:
        print(msgspec.json.encode(one).decode())
    return 0


def _wider(scope: Scope) -> tuple[Scope, ...]:
    return tuple(dict.fromkeys((policies.COUNTRY, Scope(scope.region_id), scope)))


def _now() -> datetime:
    return datetime.now(UTC)
