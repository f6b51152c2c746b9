"""The list of schools: found by a part of the name or by id, filtered, in the alphabet's order or by readiness."""

import heapq
from collections.abc import Sequence
from functools import lru_cache

from fastapi import APIRouter, Response
from msgspec import Struct

from collector.context import In, PageBy, PageByWhom
from collector.pages import country_names
from collector.pages.rendering import html
from collector.periods import Period
from collector.store import glance, schools
from collector.store.database import Connection
from collector.store.glance import Key, ListedSchool
from collector.words import tongue

ROWS = 50
_MOST_PAGES = 10_000
_LONGEST_SEARCH = 200
_ORDERS = ("name", "rank")


class Asked(Struct, frozen=True, kw_only=True):
    """Which schools, and which page of them."""

    period: Period
    search: str = ""
    region: str | None = None
    district: str | None = None
    state: str | None = None
    operator: str | None = None
    technology: str | None = None
    order: str = "name"
    page: int = 1


class Found(Struct, frozen=True, kw_only=True):
    """A page of a list, and how many schools it has in all."""

    rows: Sequence[ListedSchool]
    total: int
    page: int
    pages: int
    synthetic: bool


def router() -> APIRouter:
    """Return the page's route."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/schools")
    def all_schools(
        context: In,
        viewer: PageBy,
        person: PageByWhom,
        period: str | None = None,
        q: str | None = None,
        region: str | None = None,
        district: str | None = None,
        state: str | None = None,
        operator: str | None = None,
        technology: str | None = None,
        order: str | None = None,
        page: int = 1,
    ) -> Response:
        asked = Asked(
            period=context.period(period or None),
            search=(q or "").strip()[:_LONGEST_SEARCH],
            region=region or None,
            district=district or None,
            state=state or None,
            operator=operator or None,
            technology=technology or None,
            order=order if order in _ORDERS else "name",
            page=page,
        )
        context.catch_up()
        with context.database.reading(viewer) as connection:
            found = listed(connection, asked)
            known = schools.regions(connection)
            operators = schools.operators(connection)
            choices = glance.school_choices(connection, asked.region)
        return html(
            "country/schools.html",
            person=person,
            asked_for=asked,
            found=found,
            known=known,
            operators=sorted(operators, key=sort_key),
            technologies=sorted(choices.technologies, key=sort_key),
            districts=sorted(choices.districts, key=sort_key) if asked.region else (),
            recent=country_names.recent(context, asked.period),
            names=country_names,
            longest_search=_LONGEST_SEARCH,
        )

    return routes


def listed(connection: Connection, asked: Asked) -> Found:
    """Return a page of the schools that the viewer may see."""
    chosen = glance.Filter(
        period=asked.period.label,
        start=asked.period.start.date(),
        region=asked.region,
        district=asked.district,
        operator=asked.operator,
        technology=asked.technology,
        state=asked.state,
    )
    keys = glance.school_keys(connection, chosen)
    if asked.search:
        wanted = _plain(asked.search)
        keys = [key for key in keys if wanted in _plain(key.name) or wanted in _plain(key.id)]
    pages = max(1, -(-len(keys) // ROWS))
    number = min(max(asked.page, 1), pages, _MOST_PAGES)
    chosen_keys = _first(keys, number * ROWS, asked.order)[(number - 1) * ROWS :]
    return Found(
        rows=glance.listed_schools(connection, asked.period.label, [key.id for key in chosen_keys]),
        total=len(keys),
        page=number,
        pages=pages,
        synthetic=any(key.synthetic for key in keys),
    )


def _first(keys: list[Key], count: int, order: str) -> list[Key]:
    """Return the first so many; the first pages, which people look at, without putting the whole country into order."""
    if order == "rank":
        return sorted(keys, key=_by_rank)[:count]
    return heapq.nsmallest(count, keys, key=_by_name) if 8 * count < len(keys) else sorted(keys, key=_by_name)[:count]


@lru_cache(maxsize=20_000)
def sort_key(name: str) -> str:
    """Return a name's place in the Kazakh alphabet; a country's names are asked for time and again."""
    return tongue("kk").sort_key(name)


@lru_cache(maxsize=40_000)
def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("ё", "е").split())


def _by_name(row: Key) -> str:
    return f"{sort_key(row.name)}\0{row.id}"


def _by_rank(row: Key) -> tuple[float, float, str]:
    fitness = -1.0 if row.fitness is None else row.fitness
    return -(row.score if row.score is not None else -1.0 if row.fitness is not None else -2.0), -fitness, row.id
