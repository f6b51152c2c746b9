"""The rankings: one file each; the API, the pages, the menu and the commands are drawn from this folder.

A ranking module gives ``TITLE``, ``ABOUT`` (how the order comes about, for the people who read it; both marked for
translators, as are headings of columns), ``Row`` and
``ranked(connection, window)``; if it likes also ``COLUMNS``, its own figures as people see them, and ``SHOWS_SPEEDS``,
false where speeds are not what it ranks. What takes too long for all schools at every question is found one school at
a time and kept (collector.findings): for that a module gives ``find(connection, school, period, operator)``, which
returns null where an operator may not see it; one that only reads what others keep says so with ``RESTS_ON_FINDINGS``.
Adding a ranking is adding a file here.
"""

import functools
import importlib
import math
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct

from agent.contract.standards import shipped_standards, target_for
from collector import readiness
from collector.errors import NotFound
from collector.periods import Period, before
from collector.store import standings
from collector.store.database import Connection
from collector.store.findings import Finding
from collector.store.schools import SchoolRecord
from collector.words import Sentence


class Window(Struct, frozen=True):
    """What to rank: a period beside the one before it, which schools, and which rows of the whole (null: all)."""

    period: Period
    region_id: str | None = None
    district: str | None = None
    operator: str | None = None
    technology: str | None = None
    state: str | None = None
    cause: str | None = None
    limit: int | None = None
    offset: int = 0

    def question(self) -> dict[str, Any]:
        """Return what the database is asked with."""
        return {
            "period": self.period.label,
            "before": before(self.period).label,
            "start": self.period.start.date(),
            "region": self.region_id,
            "district": self.district,
            "operator": self.operator,
            "technology": self.technology,
            "state": self.state,
            "cause": self.cause,
            "limit": self.limit,
            "offset": self.offset,
        }


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
    rank_before: int | None = None
    share: float | None = None
    share_low: float | None = None
    share_high: float | None = None
    share_before: float | None = None


class Counted(Struct, frozen=True, kw_only=True):
    """How many schools there are in a ranking, by their answer; ``off`` have no line."""

    schools: int = 0
    ready: int = 0
    below: int = 0
    off: int = 0


_AnyRow_co = TypeVar("_AnyRow_co", bound=Row, covariant=True)


class Ranked(Struct, Generic[_AnyRow_co], frozen=True, kw_only=True):
    """Some rows of a ranking, in their order; ``total`` and ``counted`` are of all its rows."""

    rows: Sequence[_AnyRow_co]
    total: int
    counted: Counted
    synthetic: bool


class Column(Struct, frozen=True):
    """A figure of a ranking's own rows as people see it: under which heading, from which field, written how.

    ``of`` names the two counts behind a share, ``at_least`` the field that stands in where a rate is not known,
    ``lacking`` the rate that a number of schools lack together. ``is_wide``: left out where there is little room, as in
    a terminal. ``names`` are what the words of a text are called, marked for translators; ``of_word`` is the field with
    the word where that is another one.
    """

    heading: str
    field: str
    kind: Literal["number", "share", "mbit", "text"] = "number"
    of: tuple[str, str] | None = None
    at_least: str | None = None
    is_wide: bool = False
    lacking: str | None = None
    names: Mapping[str, str] | None = None
    of_word: str | None = None

    def words(self, row: Row) -> tuple[str, str]:
        """Return what a row shows here, and a smaller remark beside it; a dash where nothing is known."""
        value = getattr(row, self.field)
        counts = [getattr(row, name) for name in self.of or ()]
        remark = "" if not counts or None in counts else f"{counts[0]} of {counts[1]}"
        if self.kind == "mbit":
            least = getattr(row, self.at_least) if self.at_least and value is None else None
            return (f"≥ {least / 1e6:.1f}" if least is not None else _dash(value, lambda bps: f"{bps / 1e6:.1f}")), ""
        if self.kind == "share":
            return _dash(value, lambda share: f"{100 * share:.0f} %"), remark
        if self.lacking and getattr(row, self.lacking):
            remark = f"{getattr(row, self.lacking) / 1e6:.0f} Mbit/s"
        return _dash(value, str), remark


def _dash(value: Any, words: Callable[[Any], str]) -> str:
    return "–" if value is None else words(value)


Find = Callable[[Connection, SchoolRecord, Period, str], Finding | None]


class Ranking(Struct, frozen=True):
    """A ranking as its module gives it; ``about`` is English, ``told`` what is said in any language."""

    title: str
    about: str
    told: Sentence | str
    row: type[Row]
    ranked: Callable[[Connection, Window], Ranked[Row]]
    columns: tuple[Column, ...] = ()
    shows_speeds: bool = True
    find: Find | None = None
    rests_on_findings: bool = False

    @property
    def is_of_groups(self) -> bool:
        """Tell whether its rows are groups of schools."""
        return issubclass(self.row, GroupRow)


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of all rankings: ``schools`` first, the others in alphabetical order."""
    found = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    return tuple(sorted(found, key=lambda name: (name != "schools", name)))


@functools.cache
def get(name: str) -> Ranking:
    """Return a ranking; raises NotFound saying which there are."""
    if name not in names():
        raise NotFound(f"there is no ranking {name!r}; there are: {', '.join(names())}")
    module = importlib.import_module(f"{__name__}.{name}")
    find = getattr(module, "find", None)
    return Ranking(
        title=module.TITLE,
        about=str(module.ABOUT),
        told=module.ABOUT,
        row=module.Row,
        ranked=module.ranked,
        columns=getattr(module, "COLUMNS", ()),
        shows_speeds=getattr(module, "SHOWS_SPEEDS", True),
        find=find,
        rests_on_findings=find is not None or getattr(module, "RESTS_ON_FINDINGS", False),
    )


def of_line(kind: type[Row], row: dict[str, Any]) -> dict[str, Any]:
    """Return those columns of a school that this kind of row has; without any test what can be said without one."""
    known = {name: row[name] for name in kind.__struct_fields__ if name in row}
    if known["tests"] is None:
        judged = readiness.untested(target_for(row["pupils"]), connected=row["connected"])
        known |= {name: getattr(judged, name) for name in known if hasattr(judged, name)}
    return known


_AnyRow = TypeVar("_AnyRow", bound=Row)


_NO_ANSWER = {
    "tests": 0,
    "meets": None,
    "download_bps": None,
    "upload_bps": None,
    "download_at_least_bps": None,
    "upload_at_least_bps": None,
}


def of_findings(
    connection: Connection, window: Window, ranking: str, kind: type[_AnyRow], *, own_answer: bool = False
) -> Ranked[_AnyRow]:
    """Rank schools by what a ranking found of them; its own fields have their defaults where nothing was found yet.

    ``own_answer``: speeds and the answer, by which schools are counted, are the ranking's own, not their lines'.
    """
    page = standings.findings(connection, window.question() | {"ranking": ranking, "own_answer": own_answer})
    nothing = _NO_ANSWER if own_answer else {}
    rows = [kind(**of_line(kind, row) | (row["body"] or nothing)) for row in page.rows]
    return Ranked(rows=rows, total=page.total, counted=Counted(**page.counted), synthetic=page.synthetic)


class GroupRow(Row, frozen=True, kw_only=True):
    """The schools of a region, district, operator or technology together: shares of those judged, medians of speeds.

    ``meets`` is true when every judged school meets the target. ``missing_download_bps`` is what its schools' typical
    downloads lack of what they need, added up over those of which it is known.
    """

    schools: int
    judged: int
    ready: int
    ready_share: float | None
    not_connected: int
    missing_download_bps: float | None = None


_AnyGroup = TypeVar("_AnyGroup", bound=GroupRow)


def groups(
    connection: Connection,
    window: Window,
    kind: type[_AnyGroup],
    by: standings.By,
    more: Callable[[str], dict[str, Any]],
) -> Ranked[_AnyGroup]:
    """Rank groups of schools; ``more`` gives a group's name and own fields by its id."""
    found = standings.groups(connection, window.question() | {"by": by})
    rows = [group(kind, row, more(row["id"])) for row in found.rows]
    return Ranked(rows=rows, total=found.total, counted=Counted(**found.counted), synthetic=found.synthetic)


def group(kind: type[_AnyGroup], row: dict[str, Any], more: dict[str, Any]) -> _AnyGroup:
    """Return the row of a group from the database's columns, with fields of its own besides."""
    bounds = _wilson(row["ready"], row["judged"])
    own = {name: row[name] for name in kind.__struct_fields__ if name in row}
    meets = row["ready"] == row["judged"] if row["judged"] else None
    return kind(**own, meets=meets, ready_share=row["share"], share_low=bounds[0], share_high=bounds[1], **more)


def _wilson(ready: int, judged: int) -> tuple[float | None, float | None]:
    """Return Wilson's score bounds of a share of schools, with the readiness rule's confidence."""
    if not judged:
        return None, None
    z = NormalDist().inv_cdf(shipped_standards().readiness.confidence)
    share = ready / judged
    spread = z * math.sqrt(share * (1 - share) / judged + z * z / (4 * judged * judged))
    middle, scale = share + z * z / (2 * judged), 1 + z * z / judged
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
