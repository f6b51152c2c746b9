"""How the benchmarks look: tables with the limits beside the figures, and a word on what is being measured just now.

A table is printed however its part ends; what was measured until then is not lost.
"""

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

_WORDS = {"by", "note", "way"}
console = Console(width=max(150, Console().width))


@contextmanager
def table(title: str, *columns: str, note: str = "") -> Iterator[Table]:
    """Give a table; the first column is words, the others figures."""
    made = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        words = number == 0 or column in _WORDS
        made.add_column(column, justify="left" if words else "right", no_wrap=column != "note")
    try:
        yield made
    finally:
        console.print(made)
        if note:
            console.print(note, style="dim", markup=False, highlight=False)


class Now:
    """Says what is being measured: on a terminal in the line below, else one line each on stderr."""

    def __init__(self, status: Status | None) -> None:
        self._status = status
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """Say it."""
        text = f"{time.monotonic() - self._began:5.0f} s  {text}"
        if self._status is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self._status.update(escape(text))


@contextmanager
def telling() -> Iterator[Now]:
    """Tell what is being measured as long as it lasts."""
    if not console.is_terminal:
        yield Now(None)
        return
    with console.status("beginning") as status:
        yield Now(status)


def note(*parts: str | None) -> str:
    """Put together what there is to say beside a row."""
    return escape("; ".join(part for part in parts if part))


def percent(share: float, digits: int = 1, *, sign: bool = False) -> str:
    """Print a share."""
    text = f"{100 * share:{'+' if sign else ''}z.{digits}f} %"
    return "-" if math.isnan(share) else text


def megabits(bps: float | None) -> str:
    """Print a rate in Mbit/s."""
    return "-" if bps is None else f"{bps / 1e6:.3g}" if bps < 1e8 else f"{bps / 1e6:.1f}"


def judged(text: str, *, fine: bool) -> str:
    """Print a figure with the word that it deserves."""
    return f"{text} [green]OK[/green]" if fine else f"{text} [bold red]MISSED[/bold red]"


class Summary:
    """The figures that there are limits for, each beside its limit."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._rows: list[tuple[str, str, str]] = []

    def most(self, what: str, figure: float, limit: float, unit: str = "%") -> None:
        """Add a figure that may be at most its limit; a share is printed in percent."""
        self._add(what, figure, f"at most {_text(limit, unit)}", unit, fine=figure <= limit)

    def least(self, what: str, figure: float, limit: float, unit: str = "%") -> None:
        """Add a figure that has to be at least its limit."""
        self._add(what, figure, f"at least {_text(limit, unit)}", unit, fine=figure >= limit)

    def told(self, what: str, text: str, reason: str) -> None:
        """Add what counts neither for nor against, with the reason where the others have their limit."""
        self._rows.append((what, text, reason))

    def _add(self, what: str, figure: float, limit: str, unit: str, *, fine: bool) -> None:
        if not math.isnan(figure):
            self._rows.append((what, judged(_text(figure, unit), fine=fine), limit))
        else:
            self._rows.append((what, "not measured", limit))

    def show(self) -> None:
        """Print them."""
        with table(self._title, "figure", "measured", "limit") as made:
            for row in self._rows:
                made.add_row(*row)


def _text(figure: float, unit: str) -> str:
    return percent(figure, 2) if unit == "%" else f"{figure:.2f} {unit}".replace(".00 ", " ")
