"""The commands for test servers; ``netready-collector`` adds them to its own."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table
from rich.text import Text

from collector import records
from collector.records import NewServer
from collector.store import records as stored
from collector.store.audit import Who
from collector.store.database import MINISTRY, Database
from collector.store.records import ServerKey

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
Opened = Callable[[argparse.Namespace], Database]
_MOST = 1000
_WIDE = 240  # letters, where no terminal sets a limit


class ListedKey(Struct, frozen=True, kw_only=True):
    """A test server's key as it is listed."""

    url: str
    place: str
    operator: str | None
    key_id: str
    key: str
    since: datetime
    ended_at: datetime | None


def add(
    commands: "Commands[argparse.ArgumentParser]",
    common: argparse.ArgumentParser,
    opened: Opened,
    who: Callable[[], Who],
    lease_key: Callable[[argparse.Namespace], bytes],
) -> None:
    """Add the commands.

    Args:
        commands: where to.
        common: the options of every command.
        opened: opens the database that the options name.
        who: says who gives the command.
        lease_key: the public key of the tickets that this computer's collector signs.
    """
    actions = commands.add_parser("servers", help="test servers, and the records that they sign").add_subparsers(
        required=True, metavar="ACTION"
    )
    new = actions.add_parser("add", parents=[common], help="believe the records of tests that a server signs")
    new.add_argument("--url", required=True, metavar="URL", help="as computers test against it (ws:// or wss://)")
    new.add_argument("--key", required=True, metavar="HEX", help="as 'netready-agent reflect --state DIR' says it")
    new.add_argument(
        "--place", required=True, choices=("inside", "outside"), help="of the network of the operators it judges"
    )
    new.add_argument("--operator", metavar="NAME", help="whose network it stands in")
    new.add_argument("--since", metavar="MOMENT", type=_moment, help="from when on it counts; left out: from now on")
    new.set_defaults(command=lambda options: _add(options, opened, who()))
    listed = actions.add_parser("list", parents=[common], help="the servers and their keys, with those that ended")
    listed.add_argument("--format", choices=("table", "json"), default="table")
    listed.set_defaults(command=lambda options: _list(options, opened))
    end = actions.add_parser("end", parents=[common], help="believe no record of a test that begins from now on")
    end.add_argument("server", metavar="URL|KEY", help="a server's address (all its keys end), one key or its id")
    end.add_argument("--at", metavar="MOMENT", type=_moment, help="the moment from which on; left out: now")
    end.set_defaults(command=lambda options: _end(options, opened, who()))
    gone = actions.add_parser("missing", parents=[common], help="tests that servers recorded and no report told of")
    gone.add_argument("--school", metavar="ID", help="of one school")
    gone.add_argument("--format", choices=("table", "json"), default="table")
    gone.set_defaults(command=lambda options: _missing(options, opened))
    key = actions.add_parser(
        "lease-key", parents=[common], help="print the key by which a test server believes this collector's leases"
    )
    key.set_defaults(command=lambda options: _lease_key(lease_key(options)))


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no moment; write it as 2026-10-05T07:00:00Z") from error
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no time zone; write for example {text.strip()}Z")
    return found.astimezone(UTC)


def _lease_key(public_key: bytes) -> int:
    print(public_key.hex())
    return 0


def _add(options: argparse.Namespace, opened: Opened, who: Who) -> int:
    wanted = NewServer(
        url=options.url, key=options.key, place=options.place, operator=options.operator, since=options.since
    )
    with opened(options) as database, database.owning() as connection:
        kept = records.add_server(connection, wanted, who, _now())
    print(f"{kept.url}: the key {kept.key_id} counts for tests from {_day(kept.since)} UTC on", file=sys.stderr)
    return 0


def _end(options: argparse.Namespace, opened: Opened, who: Who) -> int:
    with opened(options) as database, database.owning() as connection:
        ended = records.end_server(connection, options.server, who, _now(), options.at)
    for one in ended:
        print(
            f"{one.url}: the key {one.key_id} ended at {_day(one.ended_at or _now())} UTC; records of earlier tests"
            f" are taken in for {records.BROUGHT_AFTER.days} days more, and stay believed",
            file=sys.stderr,
        )
    return 0


def _list(options: argparse.Namespace, opened: Opened) -> int:
    with opened(options) as database, database.reading(MINISTRY) as connection:
        found = [listed(one) for one in stored.keys(connection).values()]
    found.sort(key=lambda one: (one.ended_at is not None, one.url, one.since))
    rows = [
        (
            one.url,
            one.place,
            one.operator or "",
            one.key_id,
            _day(one.since),
            _day(one.ended_at) if one.ended_at else "",
        )
        for one in found
    ]
    return _print(options.format, found, ("Server", "Place", "Operator", "Key", "Since, UTC", "Ended"), rows)


def listed(one: ServerKey) -> ListedKey:
    """Return a key as it is listed."""
    return ListedKey(
        url=one.url,
        place=one.place,
        operator=one.operator,
        key_id=one.key_id,
        key=one.public_key.hex(),
        since=one.since,
        ended_at=one.ended_at,
    )


def _missing(options: argparse.Namespace, opened: Opened) -> int:
    with opened(options) as database, database.reading(MINISTRY) as connection:
        found = records.missing(connection, _now(), options.school, limit=_MOST)
        servers = stored.keys(connection)
    rows = [
        (one.school_id, _day(one.began_at), servers[one.key_id].url, one.agent_id or "", one.test_id) for one in found
    ]
    return _print(options.format, found, ("School", "Test began, UTC", "Server", "Computer", "Test"), rows)


def _print(kind: str, items: Sequence[Struct], headings: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    if kind == "json":
        print(msgspec.json.encode({"items": items, "total": len(items), "cursor": None}).decode())
        return 0
    if not rows:
        print("none", file=sys.stderr)
        return 0
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text("".join(letter if letter.isprintable() else " " for letter in cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)
    return 0


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _now() -> datetime:
    return datetime.now(UTC)
