"""The fleet as pages: the country by region, a region's schools; a school's computers are on the school's own page."""

from urllib.parse import quote

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from collector import fleet
from collector.context import In, PageBy, PageByWhom
from collector.errors import NotAllowed
from collector.pages import PAGE_ROWS, html
from collector.pages.admin import number_of
from collector.pages.asking import asked
from collector.store import fleet as stored
from collector.store import schools
from collector.store.fleet import Asked, SchoolFleet
from collector.words import Language, say

_NAME: dict[Language, str] = {"kk": "name_kk", "ru": "name_ru", "en": "name_en"}


def router() -> APIRouter:
    """Return the pages' routes."""
    routes = APIRouter(include_in_schema=False)
    routes.get("/fleet")(country)
    routes.get("/fleet/schools/{school_id:path}")(school)
    return routes


def country(
    context: In,
    viewer: PageBy,
    person: PageByWhom,
    region: str | None = None,
    state: str | None = None,
    q: str = "",
    page: str = "1",
) -> Response:
    """Answer how the computers of the country or a region are, school by school."""
    if viewer.role == "operator":
        raise NotAllowed(say("operators judge lines; the state of schools' computers is not shown to them"))
    with context.database.reading(viewer) as connection:
        regions = schools.regions(connection)
        names = {region_id: getattr(one, _NAME[asked().language]) for region_id, one in regions.items()}
        everybody = stored.by_school(connection, Asked(region_id=region or None))
        judged = stored.mark(connection)
    rows = [one for one in everybody if (not state or one.state == state) and _is_named(one, q.strip())]
    pages = max(1, -(-len(rows) // PAGE_ROWS))
    number = min(number_of(page), pages)
    return html(
        "fleet.html",
        person=person,
        zone=context.zone,
        judged=judged,
        regions=fleet.by_region(everybody, names),
        names=names,
        region=region or None,
        state=state or None,
        q=q,
        total=len(rows),
        rows=rows[(number - 1) * PAGE_ROWS : number * PAGE_ROWS],
        page=number,
        pages=pages,
        settings=context.settings.fleet,
    )


def school(_person: PageByWhom, school_id: str) -> Response:
    """Lead to the school's page of its computers."""
    return RedirectResponse(f"/it/computers/{quote(school_id, safe='')}", status_code=303)


def _is_named(one: SchoolFleet, query: str) -> bool:
    """Tell whether a school is looked for: by its id, or a part of its name or district."""
    wanted = query.casefold()
    return not wanted or wanted == one.id.casefold() or wanted in f"{one.name}\n{one.district or ''}".casefold()
