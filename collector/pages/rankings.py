"""Every ranking as a page: its order explained, filters in the address, each row leads to what is under it."""

from collections.abc import Sequence
from typing import Any, get_args

from fastapi import APIRouter, Response
from msgspec import Struct

from collector import rankings
from collector.context import In, PageBy, PageByWhom
from collector.pages import PAGE_ROWS, country_names
from collector.pages.asking import speech
from collector.pages.rendering import html, mbit, percent
from collector.rankings import Column, GroupRow, Row, Window
from collector.rankings.causes import CAUSES
from collector.readiness import State
from collector.store import schools
from collector.store.schools import RegionRecord
from collector.words import Sentence, mark, say

_MOST_PAGES = 10_000
_DASH = "–"
_FORMATS = {"csv": "CSV", "xlsx": "XLSX", "parquet": "Parquet"}
FILTERS: tuple[tuple[str, str], ...] = (
    ("district", mark("District")),
    ("operator", mark("Operator")),
    ("technology", mark("Technology")),
)


class Cell(Struct, frozen=True):
    """What a row shows in a column, and a smaller remark beside it."""

    words: str
    remark: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """A row as the page shows it: its name in the page's language, and where it leads."""

    row: Row
    name: str
    address: str
    cells: Sequence[Cell]
    region: str | None = None


def router() -> APIRouter:
    """Return the page's route."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/rankings/{name}")
    def ranking(
        context: In,
        viewer: PageBy,
        person: PageByWhom,
        name: str,
        period: str | None = None,
        region: str | None = None,
        district: str | None = None,
        operator: str | None = None,
        technology: str | None = None,
        state: str | None = None,
        cause: str | None = None,
        page: int = 1,
    ) -> Response:
        wanted = rankings.get(name)
        number = min(max(page, 1), _MOST_PAGES)
        window = Window(
            context.period(period or None),
            region or None,
            district=district or None,
            operator=operator or None,
            technology=technology or None,
            state=state or None,
            cause=(cause or None) if name == "causes" else None,
            limit=PAGE_ROWS,
            offset=(number - 1) * PAGE_ROWS,
        )
        context.catch_up(window.period if wanted.rests_on_findings else None)
        with context.database.reading(viewer) as connection:
            found = wanted.ranked(connection, window)
            known = schools.regions(connection)
        return html(
            "ranking.html",
            person=person,
            name=name,
            ranking=wanted,
            all_rankings=[(one, rankings.get(one).title) for one in rankings.names()],
            window=window,
            known=known,
            names=country_names,
            recent=country_names.recent(context, window.period),
            lines=[line_of(name, wanted, row, window, known) for row in found.rows],
            page=number,
            pages=max(1, -(-found.total // PAGE_ROWS)),
            summary=found.counted,
            synthetic=found.synthetic,
            answers=get_args(State),
            causes=CAUSES if name == "causes" else {},
            filters=FILTERS,
            files=_files(name, window) if "export" in person.rights else (),
            answer_words=answer_words,
        )

    return routes


def line_of(name: str, ranking: rankings.Ranking, row: Row, window: Window, known: dict[str, RegionRecord]) -> Line:
    """Return a row with its words in the page's language."""
    region = getattr(row, "region", None)
    return Line(
        row=row,
        name=_name(name, row, known),
        address=_address(name, row, window),
        cells=[_cell(column, row) for column in ranking.columns],
        region=None if region is None else country_names.region_name(known, region),
    )


def _name(name: str, row: Row, known: dict[str, RegionRecord]) -> str:
    told = speech()
    if name == "regions":
        return country_names.region_name(known, row.id)
    region = getattr(row, "region", None)
    if not isinstance(row, GroupRow) or region is None:
        return row.name
    within = country_names.region_name(known, region)
    if name == "plan":
        operator = getattr(row, "operator", None)
        if operator is None:
            return told.say("{region}, no operator", region=within)
        return told.say("{region}, {name}", region=within, name=operator)
    return told.say("{name}, {region}", region=within, name=row.id.partition(" ")[2])


def _address(name: str, row: Row, window: Window) -> str:
    """Return where a row leads: to the school, the region, the district; else to the schools that it counts."""
    period = window.period.label
    if not isinstance(row, GroupRow):
        return country_names.school_address(row.id, period)
    if name == "regions":
        chosen: dict[str, Any] = {"region": row.id}
    elif name == "districts":
        chosen = {"region": getattr(row, "region", None), "district": row.id.partition(" ")[2]}
    elif name == "plan":
        chosen = {"region": getattr(row, "region", None), "operator": getattr(row, "operator", None)}
    else:
        chosen = {"region": window.region_id, "operator" if name == "operators" else "technology": row.id}
    return country_names.address("/rankings/schools", **chosen, period=period)


def _cell(column: Column, row: Row) -> Cell:
    """Return what a row shows in a column, figures as the language writes them."""
    told = speech()
    value = getattr(row, column.field)
    if column.kind == "mbit":
        least = getattr(row, column.at_least) if column.at_least and value is None else None
        return Cell(f"≥ {mbit(least)}" if least is not None else mbit(value))
    if column.kind == "share":
        counts = [getattr(row, field) for field in column.of or ()]
        remark = (
            told.say("{count} of {total}", count=counts[0], total=counts[1]) if counts and None not in counts else ""
        )
        return Cell(percent(value), remark if value is not None else "")
    if column.kind == "text":
        word = getattr(row, column.of_word or column.field)
        return Cell(_DASH if word is None else told.text((column.names or {}).get(word, word)))
    lacks = getattr(row, column.lacking) if column.lacking else None
    remark = told.say("{rate} Mbit/s", rate=told.number(lacks / 1e6)) if lacks else ""
    return Cell(_DASH if value is None else told.number(value), remark)


def _files(name: str, window: Window) -> list[tuple[str, str]]:
    """Return the formats of the ranking as a file, each with its address: the same rows, all of them."""
    chosen = {
        "period": window.period.label,
        "region": window.region_id,
        "district": window.district,
        "operator": window.operator,
        "technology": window.technology,
        "state": window.state,
    }
    return [
        (words, country_names.address(f"/api/v1/rankings/{name}", **chosen, format=kind))
        for kind, words in _FORMATS.items()
    ]


def answer_words(row: Row) -> Sentence:
    """Return the answer on a row in words."""
    if isinstance(row, GroupRow):
        return {True: say("all judged meet it"), False: say("not all meet it"), None: say("not enough data")}[row.meets]
    state = getattr(row, "state", None)
    return Sentence(country_names.STATES[state]) if state in country_names.STATES else _PLAIN[row.meets]


_PLAIN = {
    True: say("meets the target"),
    False: say("does not meet the target"),
    None: say("not enough data"),
}
