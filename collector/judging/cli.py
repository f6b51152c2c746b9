"""The commands for verdicts; ``netready-collector`` adds them to its own."""

import argparse
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import get_args

import msgspec
from msgspec import UNSET
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.contract.errors import SettingsError
from collector.errors import NotFound
from collector.judging import running
from collector.settings import Settings
from collector.store import verdicts
from collector.store.database import MINISTRY, Database
from collector.store.verdicts import Line, Listed, Wanted
from collector.verdicts.facts import days_of
from collector.verdicts.verdict import State, Verdict
from collector.verdicts.weighing import Part

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
Read = Callable[[argparse.Namespace], Settings]
Open = Callable[[Settings], Database]

_STYLES = {"breach": "bold red", "watch": "yellow", "compliant": "green", "broken": "bold red", "kept": "green"}
_MONTH = re.compile("[0-9]{4}-(0[1-9]|1[0-2])")


def add(
    commands: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser, read: Read, opened: Open
) -> None:
    """Add the commands; ``read`` gives the settings that the options name, ``opened`` opens their database."""

    def command(name: str, work: Callable[..., int], about: str) -> argparse.ArgumentParser:
        made = actions.add_parser(name, parents=[common], help=about)
        made.set_defaults(command=lambda options: work(options, read(options), opened))
        return made

    group = commands.add_parser("verdicts", help="which lines kept their contract, month by month")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    listed = command("list", _list, "the newest verdict on each line's month, breaches first")
    listed.add_argument("--month", metavar="YYYY-MM", type=_month)
    listed.add_argument("--school", metavar="ID", type=str.strip)
    listed.add_argument("--operator", metavar="NAME")
    listed.add_argument("--state", choices=get_args(State))
    listed.add_argument("--limit", metavar="N", type=int, default=100)
    listed.add_argument("--format", choices=("table", "json"), default="table")
    show = command("show", _show, "all that one verdict says, and its versions")
    show.add_argument("--school", metavar="ID", type=str.strip, required=True)
    show.add_argument("--line", metavar="LINE", default="1")
    show.add_argument("--month", metavar="YYYY-MM", type=_month, required=True)
    show.add_argument("--operator", metavar="NAME")
    show.add_argument("--version", metavar="N", type=int, help="left out: the newest")
    show.add_argument("--format", choices=("table", "json"), default="table")
    judge = command("judge", _judge, "judge a month now, instead of when its turn comes")
    judge.add_argument("--month", metavar="YYYY-MM", type=_month, required=True)


def _month(text: str) -> str:
    if _MONTH.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no month such as 2026-10")
    return text


def _list(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    if options.limit < 1:
        raise SettingsError(f"--limit {options.limit}: at least 1")
    wanted = Wanted(
        school=options.school,
        first=options.month,
        last=options.month,
        operator=options.operator,
        state=options.state,
    )
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        found, total = verdicts.listed(connection, wanted, limit=options.limit, offset=0)
    if options.format == "json":
        print(msgspec.json.encode({"items": found, "total": total, "cursor": None}).decode())
        return 0
    if not found:
        print("No verdicts yet: they are made for schools with a contract; see 'netready-collector contracts list'.")
        return 0
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Month", "School", "Line", "Operator", "Verdict", "Chance", "Half hours", "Version"):
        table.add_column(heading, no_wrap=heading != "Operator")
    for one in found:
        table.add_row(*_cells(one))
    console = Console()
    console.print(table)
    if total > len(found):
        console.print(f"{len(found)} of {total}; more with --limit", style="dim")
    return 0


def _cells(one: Listed) -> list[str | Text]:
    said = one.verdict
    judged = max((part.judged for part in said.parts), default=0)
    state = f"{one.state}{', again' if one.is_recurring else ''}"
    version = "so far" if one.is_preliminary else str(one.version)
    mark = " (synthetic)" if one.synthetic else ""
    return [
        one.month,
        Text(f"{one.school}{mark}"),
        Text(one.line),
        Text(one.operator),
        Text(state, style=_STYLES.get(one.state, "")),
        "" if said.chance is None else _chance(said.chance),
        str(judged),
        version,
    ]


def _show(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    with opened(settings) as database, database.reading(MINISTRY) as connection:
        line = Line(options.school, options.line)
        found = verdicts.versions(connection, line, options.month, options.operator)
    shown = [one for one in found if options.version in (None, one.version)]
    if not shown:
        raise NotFound(
            f"there is no such verdict on line {options.line} of school {options.school} in {options.month};"
            " see 'netready-collector verdicts list'"
        )
    newest = {one.operator: one for one in reversed(shown)}
    if options.format == "json":
        print(msgspec.json.encode({"items": shown, "total": len(shown), "cursor": None}).decode())
        return 0
    for one in newest.values():
        _print(one, [other.version for other in found if other.operator == one.operator])
    return 0


def _print(one: Listed, versions: list[int]) -> None:
    console, said = Console(), one.verdict
    title = Text(f"{one.school} {one.name or ''}, line {one.line}, {one.month}, {one.operator}: ", style="bold")
    console.print(title + Text(one.state.upper(), style=_STYLES.get(one.state, "")), soft_wrap=True)
    for sentence in _sentences(one, versions):
        console.print(Text(f"  {sentence}"), soft_wrap=True)
    if not said.parts:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Promise", "Good", "Worth", "Share", "At most", "Asked", "Chance", ""):
        table.add_column(heading, no_wrap=True, justify="left" if heading in ("Promise", "") else "right")
    for part in said.parts:
        table.add_row(*_part(part))
    console.print(table)


def _part(part: Part) -> list[str | Text]:
    return [
        part.name,
        f"{part.good} of {part.judged}",
        f"{part.effective:.0f}",
        _share(part.share),
        _share(part.bound),
        _share(part.limit),
        "" if part.chance is None else _chance(part.chance),
        Text(part.state, style=_STYLES.get(part.state, "")),
    ]


def _sentences(one: Listed, versions: list[int]) -> list[str]:
    said = one.verdict
    found = [f"{said.tests} tests, {said.used} used; rule {said.rule}; {said.reports} reports"]
    found += _more(said)
    if said.excluded:
        reasons = ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in said.excluded.items())
        found.append(f"not against the line: {reasons}")
    if one.is_preliminary:
        found.append("the month is not closed: this may change")
    else:
        found.append(f"version {one.version} of {max(versions)}, made {one.judged_at:%Y-%m-%d %H:%M %Z}")
    found.append(f"sha256 {one.sha256}")
    return found


def _more(said: Verdict) -> list[str]:
    found = []
    if said.is_recurring:
        found.append("it happens again: a breach in two of three months")
    if said.availability is not None and said.availability.outages:
        down = said.availability
        month_h, year_h = down.outage_s / 3600, down.outage_year_s / 3600
        found.append(f"down {down.outages} times, {month_h:.1f} h at least; {year_h:.1f} h in a year")
    if said.kept_by_record:
        found.append(
            f"{said.kept_by_record} half hours would be bad, did not a test server tell of a good test in them"
        )
    if said.kept_unreported is not UNSET:
        found.append(f"{said.kept_unreported} of these half hours rest on tests that no computer of the school knows")
    if said.discovery is not None:
        rare = said.discovery
        found.append(f"among {rare.lines} lines of the operator {rare.accused} stand as breaches")
    if said.reduction is not None:
        found.append(f"the price falls by {said.reduction.amount} {said.reduction.currency or ''}".rstrip())
    return found


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _chance(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _judge(options: argparse.Namespace, settings: Settings, opened: Open) -> int:
    now = datetime.now(UTC)
    with opened(settings) as database:
        with database.owning() as connection:
            verdicts.mark_all(connection, options.month, days_of(options.month)[1], now - timedelta(minutes=5))
        count = 0
        console = Console(stderr=True)
        while done := running.run(database, settings, now=now, within_s=5):
            count += done
            console.print(f"  {count} school-months judged")
        with database.reading(MINISTRY) as connection:
            _, total = verdicts.listed(connection, Wanted(first=options.month, last=options.month), limit=1, offset=0)
    console.print(
        f"{total} verdicts for {options.month}; see 'netready-collector verdicts list --month {options.month}'"
    )
    return 0
