"""The commands for accounts and the audit log; ``netready-collector`` adds them to its own."""

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from agent.contract.errors import SettingsError
from collector import access
from collector.people import accounts
from collector.people.accounts import Wanted as WantedAccount
from collector.store import accounts as stored
from collector.store import audit
from collector.store.audit import Wanted, Who
from collector.store.database import MINISTRY, Database

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
Open = Callable[[argparse.Namespace], Database]


def add(commands: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser, opened: Open) -> None:
    """Add the commands; ``opened`` opens the database that the options name."""
    actions = commands.add_parser("accounts", help="people who log in").add_subparsers(required=True, metavar="ACTION")
    make = actions.add_parser("create", parents=[common], help="print the first password of a new account")
    make.add_argument("--name", required=True, help="what its holder types to log in")
    make.add_argument("--role", required=True, choices=access.ROLES)
    make.add_argument("--scope", metavar="VALUE", help="the region's code, the school's id or the operator's name")
    make.add_argument("--full-name", metavar="TEXT", help="who it is")
    make.set_defaults(command=lambda options: _create(options, opened))
    listed = actions.add_parser("list", parents=[common], help="everybody's accounts")
    listed.add_argument("--format", choices=("table", "json"), default="table")
    listed.set_defaults(command=lambda options: _list(options, opened))
    for name, done, about in (
        ("disable", accounts.disable, "take an account out of use; its sessions end"),
        ("enable", accounts.enable, "take an account into use again"),
    ):
        one = actions.add_parser(name, parents=[common], help=about)
        one.add_argument("name", metavar="NAME")
        one.set_defaults(command=lambda options, done=done, word=f"{name}d": _change(options, opened, done, word))
    reset = actions.add_parser("reset-password", parents=[common], help="print a new first password; sessions end")
    reset.add_argument("name", metavar="NAME")
    reset.add_argument(
        "--second-factor", action="store_true", help="forget the second factor too, for a lost telephone"
    )
    reset.set_defaults(command=lambda options: _reset(options, opened))
    unlock = actions.add_parser("unlock", parents=[common], help="let somebody who mistyped try again at once")
    unlock.add_argument("name", metavar="NAME")
    unlock.set_defaults(command=lambda options: _unlock(options, opened))
    log = commands.add_parser("audit", parents=[common], help="who logged in, saw, exported and changed what")
    log.add_argument("--who", metavar="NAME", help="one account or token holder")
    log.add_argument("--about", metavar="TEXT", help="for example 'school 0007'")
    log.add_argument("--since", metavar="DATE", help="as 2026-11-23")
    log.add_argument("--limit", metavar="N", type=int, default=100, help="newest entries (100)")
    log.add_argument("--format", choices=("text", "json"), default="text")
    log.set_defaults(command=lambda options: _audit(options, opened))


def at_the_command_line() -> Who:
    """Return who is written down for what the server's own commands do."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return Who(f"command line, user {user}")


def _create(options: argparse.Namespace, opened: Open) -> int:
    wanted = WantedAccount(name=options.name, role=options.role, scope=options.scope, full_name=options.full_name)
    with opened(options) as database:
        password = accounts.create(database, wanted, at_the_command_line(), _now())
    return _tell(accounts.normal_name(options.name), password)


def _reset(options: argparse.Namespace, opened: Open) -> int:
    with opened(options) as database:
        who, lost = at_the_command_line(), options.second_factor
        password = accounts.reset_password(database, options.name, who, _now(), second_factor=lost)
    return _tell(accounts.normal_name(options.name), password)


def _change(
    options: argparse.Namespace, opened: Open, done: Callable[[Database, str, Who, datetime], None], word: str
) -> int:
    with opened(options) as database:
        done(database, options.name, at_the_command_line(), _now())
    print(f"account {accounts.normal_name(options.name)} is {word}", file=sys.stderr)
    return 0


def _unlock(options: argparse.Namespace, opened: Open) -> int:
    with opened(options) as database:
        lifted = accounts.unlock(database, options.name, at_the_command_line(), _now())
    said = "may try again at once" if lifted else "did not have to wait"
    print(f"account {accounts.normal_name(options.name)} {said}", file=sys.stderr)
    return 0


def _tell(name: str, password: str) -> int:
    print(f"the first password of {name}, shown only now; it has to be changed at the first login:", file=sys.stderr)
    print(password)
    return 0


def _list(options: argparse.Namespace, opened: Open) -> int:
    with opened(options) as database, database.admitting() as connection:
        found = stored.accounts(connection)
    if options.format == "json":
        return _print_json(found, len(found), None)
    rows = [
        (
            one.name,
            one.full_name or "",
            one.role + (f" {one.scope}" if one.scope else ""),
            "yes" if one.second_factor else "",
            _when(one.last_login_at) or "never",
            "out of use" if one.disabled_at else "first password" if one.must_change else "",
        )
        for one in found
    ]
    return _print_table(("Name", "Person", "Role", "Second factor", "Last login, UTC", "State"), rows)


def _audit(options: argparse.Namespace, opened: Open) -> int:
    wanted = Wanted(who=options.who, about=options.about, since=_since(options.since))
    with opened(options) as database, database.reading(MINISTRY) as connection:
        found = audit.entries(connection, wanted, limit=max(1, options.limit))
        total = audit.count(connection, wanted)
    if options.format == "json":
        return _print_json(found, total, None)
    print(f"entries: {total}, shown: {len(found)}", file=sys.stderr)
    for one in found:
        print(_printable(_line(one)))
    return 0


def _line(one: audit.AuditEntry) -> str:
    """Return an entry as one line, as people search through logs."""
    role = " ".join(part for part in (one.role, one.scope, one.address) if part)
    said = " ".join(part for part in (one.what, one.about) if part)
    detail = json.dumps(one.detail, ensure_ascii=False) if one.detail else ""
    return f"{_when(one.at)} {one.who}{f' ({role})' if role else ''}: {said} {detail}".rstrip()


def _print_json(items: object, total: int, cursor: str | None) -> int:
    sys.stdout.buffer.write(msgspec.json.encode({"items": items, "total": total, "cursor": cursor}) + b"\n")
    sys.stdout.buffer.flush()
    return 0


def _print_table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*[Text(_printable(cell)) for cell in row])
    Console().print(table)
    return 0


def _printable(text: str) -> str:
    """Return a text that moves no cursor and colours nothing: names come from outside."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"{text!r} is no date; write it as 2026-11-23") from error
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def _when(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _now() -> datetime:
    return datetime.now(UTC)
