"""The commands for contracts, exclusions and disputes; ``netready-collector`` adds them to its own."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from agent.contract.errors import SettingsError
from collector import policy
from collector.agreements import contracts, disputes, exclusions, printing, reading
from collector.agreements.disputes import Decision, Occasion
from collector.agreements.exclusions import Filing, Settlement
from collector.people.cli import at_the_command_line
from collector.settings import Settings
from collector.store.agreements import Wanted
from collector.store.database import MINISTRY, Database
from collector.verdicts.disputes import OUTCOMES
from collector.verdicts.exclusions import KINDS

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
Read = Callable[[argparse.Namespace], Settings]
Open = Callable[[Settings], Database]
_Make = Callable[..., argparse.ArgumentParser]


def add(
    commands: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser, read: Read, opened: Open
) -> None:
    """Add the commands; ``read`` gives the settings that the options name, ``opened`` opens their database."""

    def command(
        actions: "Commands[argparse.ArgumentParser]", name: str, work: Callable[..., int], about: str
    ) -> argparse.ArgumentParser:
        made = actions.add_parser(name, parents=[common], help=about)
        made.set_defaults(command=lambda options: work(options, read(options), opened))
        return made

    _add_contracts(commands, command)
    _add_exclusions(commands, command)
    _add_disputes(commands, command)


def _add_contracts(commands: "Commands[argparse.ArgumentParser]", command: _Make) -> None:
    about = "what operators promised, and who has no contract"
    actions = commands.add_parser("contracts", help=about).add_subparsers(required=True, metavar="ACTION")
    imported = command(actions, "import", _import, "record and amend contracts from a CSV or XLSX file, all or none")
    imported.add_argument("file", metavar="FILE", type=Path, help=f"columns {','.join(reading.COLUMNS[:4])}, ...")
    command(actions, "template", _template, "print the header of such a file")
    listed = command(actions, "list", _list_contracts, "what is recorded")
    listed.add_argument("--school", metavar="ID", type=str.strip)
    listed.add_argument("--operator", metavar="NAME")
    listed.add_argument("--day", metavar="DATE", type=_date, help="what holds on this day; else all records")
    listed.add_argument("--missing", action="store_true", help="schools without a contract only")
    _add_format(listed)


def _add_exclusions(commands: "Commands[argparse.ArgumentParser]", command: _Make) -> None:
    about = "spans of time that do not count"
    actions = commands.add_parser("exclusions", help=about).add_subparsers(required=True, metavar="ACTION")
    listed = command(actions, "list", _list_exclusions, "what is filed, and how it stands")
    listed.add_argument("--school", metavar="ID", type=str.strip)
    _add_format(listed)
    made = command(actions, "add", _file, "file one, for a school, an operator or a region")
    made.add_argument("--kind", required=True, choices=KINDS)
    for name in ("school", "line", "operator", "region"):
        made.add_argument(f"--{name}", metavar="VALUE", type=str.strip)
    for name in ("begins", "ends"):
        made.add_argument(f"--{name}", metavar="MOMENT", required=True, help="as 2026-10-05T14:00, local time")
    made.add_argument("--announced", metavar="MOMENT", help="when those concerned were told; now, if left out")
    made.add_argument("--reason", metavar="TEXT", required=True)
    for name in ("confirm", "refuse", "withdraw"):
        one = command(actions, name, _settle, f"{name} one; the record before stays")
        one.add_argument("id", metavar="ID")
        one.add_argument("--reason", metavar="TEXT", default="")
        one.set_defaults(action=name)


def _add_disputes(commands: "Commands[argparse.ArgumentParser]", command: _Make) -> None:
    about = "disputed verdicts; operators open them through the API"
    actions = commands.add_parser("disputes", help=about).add_subparsers(required=True, metavar="ACTION")
    listed = command(actions, "list", _list_disputes, "the most urgent first, with their deadlines")
    listed.add_argument("--school", metavar="ID", type=str.strip)
    listed.add_argument("--operator", metavar="NAME")
    _add_format(listed)
    shown = command(actions, "show", _show, "all steps of one, as JSON")
    shown.add_argument("id", metavar="ID")
    taken = command(actions, "file", _file_of, "write an attached file to standard output")
    taken.add_argument("id", metavar="ID")
    taken.add_argument("sha256", metavar="SHA256")
    decided = command(actions, "decide", _decide, "decide one; what follows is recorded and judged again")
    decided.add_argument("id", metavar="ID")
    decided.add_argument("--outcome", required=True, choices=OUTCOMES, help="upheld: what the operator claims is true")
    decided.add_argument("--reason", metavar="TEXT", required=True)
    decided.add_argument(
        "--exclude",
        metavar="KIND,BEGINS,ENDS",
        action="append",
        default=[],
        help="a span of the disputed line that does not count, local time; again for more",
    )


def _add_format(command: argparse.ArgumentParser) -> None:
    command.add_argument("--format", choices=("table", "json"), default="table")


def _import(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    rows = reading.read(options.file)
    zone = policy.zone_of(settings.policy)
    with opened(settings) as database, database.owning() as connection:
        taken = reading.take(connection, rows, options.file, who=at_the_command_line(), now=_now(), zone=zone)
    _say(f"{options.file}: {taken.sentence}")
    return 0


def _template(_options: argparse.Namespace, _settings: Settings, _opened: Open) -> int:
    sys.stdout.write(reading.template())
    return 0


def _list_contracts(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    zone = policy.zone_of(settings.policy)
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        found = contracts.listed(
            connection, school=options.school, operator=options.operator, day=options.day, zone=zone
        )
    if options.missing:
        found = [one for one in found if one.terms is None]
    return _print(options, found, printing.contracts)


def _list_exclusions(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    zone = policy.zone_of(settings.policy)
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        found = exclusions.listed(connection, school=options.school, begins=None, ends=None)
    return _print(options, found, lambda rows: printing.exclusions(rows, zone))


def _file(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    zone = policy.zone_of(settings.policy)
    wanted = Filing(
        kind=options.kind,
        school=options.school,
        line=options.line,
        operator=options.operator,
        region=options.region,
        begins=moment_of(options.begins, zone),
        ends=moment_of(options.ends, zone),
        announced_at=None if options.announced is None else moment_of(options.announced, zone),
        reason=options.reason,
    )
    with opened(settings) as database, database.owning() as connection:
        kept = exclusions.file(connection, _checked(wanted), who=at_the_command_line(), now=_now())
    _say("recorded; months that were judged already are judged again")
    print(kept.id)
    return 0


def _settle(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    wanted = Settlement(action=options.action, reason=options.reason)
    with opened(settings) as database, database.owning() as connection:
        kept = exclusions.settle(connection, options.id, _checked(wanted), who=at_the_command_line(), now=_now())
    _say(f"exclusion {kept.id} is {kept.state.replace('_', ' ')} from now on")
    return 0


def _list_disputes(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    days = disputes.working_days(settings.policy)
    wanted = Wanted(school=options.school, operator=options.operator)
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        found = disputes.listed(connection, wanted, days=days, now=_now())
    return _print(options, found, printing.disputes)


def _show(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    days = disputes.working_days(settings.policy)
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        disputes.one_of(connection, options.id)
        found = disputes.listed(connection, Wanted(id=options.id), days=days, now=_now())
    return _write(msgspec.json.encode(found[0]) + b"\n")


def _file_of(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        named, content = disputes.file_of(connection, options.id, options.sha256)
    _say(f"{printing.printable(named.name)}: {named.size} bytes")
    return _write(content)


def _decide(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    days = disputes.working_days(settings.policy)
    with opened(settings) as database, database.owning() as connection:
        known = disputes.one_of(connection, options.id)
        wanted = Decision(
            outcome=options.outcome,
            reason=options.reason,
            exclusions=tuple(_follows(one, known.about, days.zone, options.reason) for one in options.exclude),
        )
        on = Occasion(at_the_command_line(), _now(), days)
        done = disputes.decide(connection, options.id, _checked(wanted), on)
    _say(f"dispute {done.id} is decided: {done.outcome}; {done.about.month} is judged again")
    return 0


def _follows(text: str, about: Any, zone: Any, reason: str) -> Filing:
    kind, _, span = text.partition(",")
    begins, _, ends = span.partition(",")
    if kind not in KINDS:
        raise SettingsError(f"--exclude {text!r}: write KIND,BEGINS,ENDS with a kind of {', '.join(KINDS)}")
    return Filing(
        kind=kind,
        school=about.school,
        line=about.line,
        operator=about.operator,
        begins=moment_of(begins, zone),
        ends=moment_of(ends, zone),
        reason=reason,
    )


def _checked(wanted: Any) -> Any:
    """Return what somebody typed, with the bounds that the API has too; raises SettingsError."""
    try:
        return msgspec.json.decode(msgspec.json.encode(wanted), type=type(wanted))
    except msgspec.ValidationError as error:
        raise SettingsError(f"this cannot be: {error}") from error


def _print(options: argparse.Namespace, found: Sequence[Any], table: Callable[[Sequence[Any]], None]) -> int:
    if options.format == "json":
        return _write(msgspec.json.encode({"items": found, "total": len(found), "cursor": None}) + b"\n")
    table(found)
    return 0


def _write(raw: bytes) -> int:
    sys.stdout.buffer.write(raw)
    sys.stdout.buffer.flush()
    return 0


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2026-09-01") from error


def moment_of(text: str, zone: ZoneInfo) -> datetime:
    """Read a moment, by the local clock unless it names its zone; raises SettingsError where it is none."""
    try:
        given = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise SettingsError(f"{text!r} is no moment; write it as 2026-10-05T14:00") from error
    return (given if given.tzinfo else given.replace(tzinfo=zone)).astimezone(UTC)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _now() -> datetime:
    return datetime.now(UTC)
