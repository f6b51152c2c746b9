"""The rankings: one file each; the API, the pages, the menu and the commands are drawn from this folder.

A ranking module gives ``TITLE``, ``ABOUT`` (how the order comes about, for the people who read it), ``Row`` and
``rows(connection, window)``; if it likes also ``COLUMNS``, its own figures as people see them, and ``SHOWS_SPEEDS``,
false where speeds are not what it ranks. Adding a ranking is adding a file here.
"""

import importlib
import pkgutil
from collections.abc import Callable
from statistics import median
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from collector.errors import NotFound
from collector.periods import Period
from collector.readiness import Readiness
from collector.store.database import Connection


class Window(Struct, frozen=True):
    """What to rank: a period, and one region or all."""

    period: Period
    region_id: str | None = None


class Row(Struct, frozen=True, kw_only=True):
    """What every row of every ranking carries. Rates are typical values at the IP layer; null is "not known".

    Where only paced tests know a speed it is null, and ``at_least`` says what they prove. ``rank`` is null where there
    is no figure to rank by; ``meets`` is null for "not enough data".
    """

    rank: int | None = None
    id: str
    name: str
    tests: int
    download_bps: float | None
    upload_bps: float | None
    required_download_bps: float | None
    required_upload_bps: float | None
    meets: bool | None
    synthetic: bool
    download_at_least_bps: float | None = None
    upload_at_least_bps: float | None = None


class Column(Struct, frozen=True):
    """A figure of a ranking's own rows as people see it: under which heading, from which field, written how.

    ``of`` names the two counts behind a share, ``at_least`` the field that stands in where a rate is not known.
    ``is_wide``: left out where there is little room, as in a terminal.
    """

    heading: str
    field: str
    kind: Literal["number", "share", "mbit", "text"] = "number"
    of: tuple[str, str] | None = None
    at_least: str | None = None
    is_wide: bool = False

    def words(self, row: Row) -> tuple[str, str]:
        """Return what a row shows here, and a smaller remark beside it; a dash where nothing is known."""
        value = getattr(row, self.field)
        remark = f"{getattr(row, self.of[0])} of {getattr(row, self.of[1])}" if self.of else ""
        if self.kind == "mbit":
            least = getattr(row, self.at_least) if self.at_least and value is None else None
            return (f"≥ {least / 1e6:.1f}" if least is not None else _dash(value, lambda bps: f"{bps / 1e6:.1f}")), ""
        if self.kind == "share":
            return _dash(value, lambda share: f"{100 * share:.0f} %"), remark
        return _dash(value, str), remark


def _dash(value: Any, words: Callable[[Any], str]) -> str:
    return "–" if value is None else words(value)


class Ranking(Struct, frozen=True):
    """A ranking as its module gives it."""

    title: str
    about: str
    row: type[Row]
    rows: Callable[[Connection, Window], list[Row]]
    columns: tuple[Column, ...] = ()
    shows_speeds: bool = True


def names() -> tuple[str, ...]:
    """Return the names of all rankings: ``schools`` first, the others in alphabetical order."""
    found = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    return tuple(sorted(found, key=lambda name: (name != "schools", name)))


def get(name: str) -> Ranking:
    """Return a ranking; raises NotFound saying which there are."""
    if name not in names():
        raise NotFound(f"there is no ranking {name!r}; there are: {', '.join(names())}")
    module = importlib.import_module(f"{__name__}.{name}")
    columns, shows_speeds = getattr(module, "COLUMNS", ()), getattr(module, "SHOWS_SPEEDS", True)
    return Ranking(module.TITLE, module.ABOUT, module.Row, module.rows, columns, shows_speeds)


def of_line(one: Readiness) -> dict[str, Any]:
    """Return what every row of a ranking of schools carries, for a school's line."""
    return {
        "id": one.school.school_id,
        "name": one.school.name,
        "tests": one.tests,
        "download_bps": one.download_bps,
        "upload_bps": one.upload_bps,
        "download_at_least_bps": one.download_at_least_bps,
        "upload_at_least_bps": one.upload_at_least_bps,
        "required_download_bps": one.target.download_bps,
        "required_upload_bps": one.target.upload_bps,
        "meets": one.meets,
        "synthetic": one.school.synthetic,
    }


_AnyRow = TypeVar("_AnyRow", bound=Row)


def numbered(
    rows: list[_AnyRow], score: Callable[[_AnyRow], float | None], *, judged_first: bool = True
) -> list[_AnyRow]:
    """Order rows by falling score and number them; equal scores share a rank and stand in the order of their ids.

    Rows without a score come last, without a rank; before them, where ``meets`` is what is ranked (``judged_first``),
    those without enough data.
    """

    def place(row: _AnyRow) -> tuple[bool, bool, float, str]:
        value = score(row)
        return (value is None, judged_first and row.meets is None, -(value or 0.0), row.id)

    numbered_rows: list[_AnyRow] = []
    last: tuple[bool, bool, float] | None = None
    rank = 0
    for index, row in enumerate(sorted(rows, key=place), start=1):
        here = place(row)[:3]
        if here[0]:
            numbered_rows.append(row)
            continue
        rank = rank if here == last else index
        last = here
        numbered_rows.append(msgspec.structs.replace(row, rank=rank))
    return numbered_rows


def fitness(row: Row) -> float | None:
    """Return how far typical speeds reach the target in the weaker direction: 1.0 is exactly the target.

    A speed of which only "at least" is known counts as that.
    """
    download = row.download_bps if row.download_bps is not None else row.download_at_least_bps
    upload = row.upload_bps if row.upload_bps is not None else row.upload_at_least_bps
    pairs = ((download, row.required_download_bps), (upload, row.required_upload_bps))
    ratios = [measured / needed for measured, needed in pairs if measured is not None and needed]
    return min(ratios) if len(ratios) == len(pairs) else None


class GroupRow(Row, frozen=True, kw_only=True):
    """The schools of a region or operator together: shares of those judged, medians of speeds and of what they need.

    ``meets`` is true when every judged school meets the target.
    """

    schools: int
    judged: int
    ready: int
    ready_share: float | None
    not_connected: int


_AnyGroup = TypeVar("_AnyGroup", bound=GroupRow)


def group_row(kind: type[_AnyGroup], key: str, name: str, schools: list[Readiness], **more: Any) -> _AnyGroup:
    """Sum up schools in a row of the wanted kind; ``more`` are its own further fields."""
    judged = [one for one in schools if one.meets is not None]
    ready = sum(one.meets is True for one in judged)
    return kind(
        id=key,
        name=name,
        tests=sum(one.tests for one in schools),
        download_bps=_median([one.download_bps for one in schools]),
        upload_bps=_median([one.upload_bps for one in schools]),
        download_at_least_bps=_at_least([(one.download_bps, one.download_at_least_bps) for one in schools]),
        upload_at_least_bps=_at_least([(one.upload_bps, one.upload_at_least_bps) for one in schools]),
        required_download_bps=_median([one.target.download_bps for one in schools]),
        required_upload_bps=_median([one.target.upload_bps for one in schools]),
        meets=ready == len(judged) if judged else None,
        synthetic=any(one.school.synthetic for one in schools),
        schools=len(schools),
        judged=len(judged),
        ready=ready,
        ready_share=ready / len(judged) if judged else None,
        not_connected=sum(one.state == "not connected" for one in schools),
        **more,
    )


def _at_least(known: list[tuple[float | None, float | None]]) -> float | None:
    """Return the median of what lower bounds prove, where no school of a group has a typical speed."""
    return None if any(typical is not None for typical, _ in known) else _median([proven for _, proven in known])


def _median(values: list[float | None] | list[int | None] | list[int]) -> float | None:
    known = [value for value in values if value is not None]
    return float(median(known)) if known else None
