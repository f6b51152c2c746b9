"""The commands for enrolling many computers, and for computers that move or leave; netready-collector adds them."""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from agent.contract.errors import SettingsError
from collector import enrollment, export
from collector.errors import NotFound
from collector.people.cli import at_the_command_line
from collector.store import agents, audit, schools
from collector.store.database import Connection, Database

_Actions = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
_Open = Callable[[argparse.Namespace], Database]
_MOST_USES = 1_000


class Row(Struct, frozen=True, kw_only=True):
    """One school of a file of tokens: ``command`` enrols a computer there, ``address`` does as a QR code."""

    school_id_govt: str
    school: str
    district: str | None
    token: str
    uses: int
    expires_on: str
    command: str
    address: str


def add(actions: "_Actions[argparse.ArgumentParser]", common: argparse.ArgumentParser, opened: _Open) -> None:
    """Add what concerns tokens."""
    made = actions.add_parser("file", parents=[common], help="a token for each school of a region, in a CSV file")
    made.add_argument("--region", required=True, metavar="CODE", help="for example KZ-75")
    made.add_argument(
        "--collector", required=True, metavar="URL", type=_address, help="what agents call this collector"
    )
    made.add_argument("--output", required=True, metavar="FILE.csv", type=Path, help="a new file; keep it safe")
    made.add_argument("--uses", type=_uses, default=30, metavar="N", help="computers of each school (30)")
    made.add_argument("--expires", type=_days, default=90, metavar="DAYS", help="days that they are good for (90)")
    made.set_defaults(command=lambda options: _file(options, opened))
    listed = actions.add_parser("regions", parents=[common], help="the regions' tokens that still enrol")
    listed.set_defaults(command=lambda options: _list(options, opened))
    ended = actions.add_parser("end", parents=[common], help="let a region's token enrol nobody from now on")
    ended.add_argument("mark", metavar="MARK", help="as 'enrollment regions' shows it")
    ended.set_defaults(command=lambda options: _end(options, opened))


def add_moves(actions: "_Actions[argparse.ArgumentParser]", common: argparse.ArgumentParser, opened: _Open) -> None:
    """Add what concerns single computers."""
    left = actions.add_parser("leave", parents=[common], help="mark a computer as one that left its school today")
    left.add_argument("agent", metavar="AGENT", help="its id")
    left.set_defaults(command=lambda options: _leave(options, opened))
    moved = actions.add_parser("move", parents=[common], help="the same, and print a token for its new school")
    moved.add_argument("agent", metavar="AGENT", help="its id")
    moved.add_argument("--school", required=True, metavar="ID", type=str.strip, help="where it goes")
    moved.set_defaults(command=lambda options: _move(options, opened))
    keys = actions.add_parser("keys", parents=[common], help="every key that a computer had, as JSON lines")
    keys.add_argument("agent", metavar="AGENT", help="the id of any of them")
    keys.set_defaults(command=lambda options: _keys(options, opened))


def tokens_of_region(
    connection: Connection, region_id: str, collector: str, *, uses: int, days: int, now: datetime
) -> list[Row]:
    """Make a token for each open school of a region.

    Raises:
        NotFound: there is no such region, or it has no school.
    """
    listed = [one for one in schools.schools(connection, region_id) if one.closed_on is None]
    if not listed:
        raise NotFound(f"the registry has no open school in the region {region_id!r}; codes are as KZ-75")
    rows = []
    for school in listed:
        token = enrollment.create_token(connection, school.school_id, uses=uses, days=days, now=now)
        row = Row(
            school_id_govt=school.school_id,
            school=school.name,
            district=school.district,
            token=token,
            uses=uses,
            expires_on=(now + timedelta(days=days)).date().isoformat(),
            command=f"netready-agent enroll --collector {collector} --token {token}",
            address=f"{collector}/enroll#{token}",
        )
        rows.append(row)
    return rows


def _file(options: argparse.Namespace, opened: _Open) -> int:
    now = datetime.now(UTC)
    with opened(options) as database, database.owning() as connection:
        rows = tokens_of_region(
            connection, options.region, options.collector, uses=options.uses, days=options.expires, now=now
        )
        detail = {"enrollment": "tokens created", "schools": len(rows), "uses": options.uses, "days": options.expires}
        audit.note(connection, at_the_command_line(), "changed", f"region {options.region}", now=now, detail=detail)
        # Before the commit: tokens that nobody could read are not made.
        _write_new(options.output, export.export(rows, Row, "csv"))
    print(f"{options.output}: {len(rows)} schools; whoever has it can enrol computers there", file=sys.stderr)
    return 0


def _list(options: argparse.Namespace, opened: _Open) -> int:
    with opened(options) as database, database.owning() as connection:
        found = agents.region_tokens(connection, datetime.now(UTC))
    for one in found:
        print(f"{one.mark}  {one.region_id}  used {one.used} of {one.uses}  until {one.expires_at:%Y-%m-%d}")
    if not found:
        print("no region has a token that still enrols", file=sys.stderr)
    return 0


def _end(options: argparse.Namespace, opened: _Open) -> int:
    now = datetime.now(UTC)
    with opened(options) as database, database.owning() as connection:
        if not agents.end_region_token(connection, options.mark.strip(), now):
            raise NotFound(f"no region's token that still enrols is marked {options.mark!r}")
        detail = {"enrollment": "token ended", "token": options.mark.strip()}
        audit.note(connection, at_the_command_line(), "changed", "regions", now=now, detail=detail)
    print("it enrols nobody any more; computers that it enrolled stay", file=sys.stderr)
    return 0


def _leave(options: argparse.Namespace, opened: _Open) -> int:
    with opened(options) as database, database.owning() as connection:
        school = _ended(connection, options.agent, "left")
    print(f"computer {options.agent} has left school {school}; what it measured before stays", file=sys.stderr)
    return 0


def _move(options: argparse.Namespace, opened: _Open) -> int:
    with opened(options) as database, database.owning() as connection:
        token = enrollment.create_token(connection, options.school, uses=1, days=30, now=datetime.now(UTC))
        school = _ended(connection, options.agent, "moved", to=options.school)
        if school == options.school:
            raise SettingsError(f"computer {options.agent} is at school {school} already; nothing was changed")
    print(
        f"computer {options.agent} has left school {school}, where its history stays. On the computer run:"
        f" netready-agent enroll --token TOKEN, with this token of school {options.school} (one use, 30 days):",
        file=sys.stderr,
    )
    print(token)
    return 0


def _keys(options: argparse.Namespace, opened: _Open) -> int:
    with opened(options) as database, database.owning() as connection:
        found = _in_service(connection, options.agent)
        keys = agents.keys_of_computer(connection, found.school_id, found.agent_id)
    for one in keys:
        print(msgspec.json.encode(one).decode())
    return 0


def _in_service(connection: Connection, agent_id: str) -> agents.AgentRecord:
    found = agents.agents_by_id(connection, [agent_id]).get(agent_id)
    if found is None:
        raise NotFound(f"there is no computer {agent_id!r}")
    return found


def _ended(connection: Connection, agent_id: str, ended_by: str, **more: str) -> str:
    """End a computer's time at its school and return that school; raises NotFound where it is in none."""
    found, now = _in_service(connection, agent_id), datetime.now(UTC)
    if found.ended_at is not None or agents.end(connection, found.school_id, agent_id, ended_by, now) is None:
        raise NotFound(f"computer {agent_id!r} is not in service any more")
    detail = {"service": ended_by, **more}
    audit.note(connection, at_the_command_line(), "changed", f"computer {agent_id}", now=now, detail=detail)
    return found.school_id


def _write_new(file: Path, content: bytes) -> None:
    try:
        with file.open("xb") as new:
            file.chmod(0o600)
            new.write(content)
    except OSError as error:
        raise SettingsError(f"cannot write {file}: {error.strerror}; name a new file") from error


def _address(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} is not a collector's address, as https://collector.example")
    return text.strip().rstrip("/")


def _uses(text: str) -> int:
    return _number(text, _MOST_USES)


def _days(text: str) -> int:
    return _number(text, enrollment.MAX_DAYS)


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {most}")
    return int(text)
