"""Contracts, exclusions and disputes as tables for people at a terminal."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from collector.agreements.contracts import HeldContract
from collector.agreements.disputes import ListedDispute
from collector.verdicts.exclusions import Exclusion

_STYLES = {
    "holds": "green",
    "in_force": "green",
    "no contract": "yellow",
    "claimed": "yellow",
    "refused": "red",
    "overdue": "bold red",
}


def contracts(rows: Sequence[HeldContract]) -> None:
    """Print contracts, and schools without one."""
    cells = []
    for one in rows:
        terms = one.terms
        if terms is None:
            cells.append((one.school, "", "", "", "", "", "", one.state))
            continue
        speeds = f"{_mbit(terms.download_bps)} / {_mbit(terms.upload_bps)}"
        span = f"{terms.valid_from} – {terms.valid_to or ''}{' (back-dated)' if one.backdated else ''}"
        named = f"{terms.contract} #{terms.number}"
        cells.append((one.school, terms.line, terms.operator, named, speeds, terms.rule, span, one.state))
    _print(("School", "Line", "Operator", "Contract", "Down / up, Mbit/s", "Rule", "Days", "State"), cells)


def exclusions(rows: Sequence[Exclusion], zone: tzinfo) -> None:
    """Print exclusions."""
    cells = [
        (
            one.id,
            one.kind.replace("_", " "),
            " ".join(filter(None, (one.region, one.school, one.line and f"line {one.line}", one.operator))),
            f"{_local(one.begins, zone)} – {_local(one.ends, zone)}",
            f"{one.author}{f' ({one.role})' if one.role else ''}",
            one.reason,
            one.state,
        )
        for one in rows
    ]
    _print(("Id", "What", "For", "When", "By", "Reason", "State"), cells)


def disputes(rows: Sequence[ListedDispute]) -> None:
    """Print disputes with what they wait for."""
    _print(("Id", "School", "Line", "Month", "Version", "Operator", "State", "Due"), [_dispute(one) for one in rows])


def printable(text: str) -> str:
    """Return a text that moves no cursor and colours nothing: names come from outside."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _dispute(one: ListedDispute) -> tuple[str, ...]:
    about, standing = one.dispute.about, one.standing
    state = one.dispute.outcome or (f"waits for {standing.waits_for}" if standing.waits_for else one.dispute.state)
    due = "" if standing.until is None else f"{standing.until}, working days left: {standing.days_left}"
    if standing.is_overdue:
        due = "overdue"
    return (one.dispute.id, about.school, about.line, about.month, str(about.version), about.operator, state, due)


def _print(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        *first, last = row
        style = _STYLES.get(last, "")
        # Text, not str: what people wrote is never read as rich's markup.
        table.add_row(*[Text(printable(cell)) for cell in first], Text(printable(last.replace("_", " ")), style))
    console = Console()
    console.print(table)
    console.print(f"{len(rows)} in all", style="dim", highlight=False)


def _local(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _mbit(bps: int | None) -> str:
    return "–" if bps is None else f"{bps / 1e6:g}"
