"""The fleet as pages: the country by region, a region's schools, a school's computers."""

from fastapi import APIRouter, Response

from collector import fleet
from collector.context import In, PageBy, PageByWhom, note_school
from collector.errors import NotAllowed
from collector.pages import PAGE_ROWS, html
from collector.store import fleet as stored
from collector.store import schools
from collector.store.fleet import Asked

_MOST_COMPUTERS = 500


def router() -> APIRouter:
    """Return the pages' routes."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/fleet")
    def country(
        context: In,
        viewer: PageBy,
        person: PageByWhom,
        region: str | None = None,
        state: str | None = None,
        page: int = 1,
    ) -> Response:
        if viewer.role == "operator":
            raise NotAllowed("operators judge lines; the state of schools' computers is not shown to them")
        with context.database.reading(viewer) as connection:
            regions = schools.regions(connection)
            names = {region_id: one.name_en for region_id, one in regions.items()}
            everybody = stored.by_school(connection, Asked(region_id=region or None))
            judged = stored.mark(connection)
        rows = [one for one in everybody if not state or one.state == state]
        pages = max(1, -(-len(rows) // PAGE_ROWS))
        number = min(max(page, 1), pages)
        return html(
            "fleet.html",
            person=person,
            zone=context.zone,
            judged=judged,
            regions=fleet.by_region(everybody, names),
            known=regions,
            region=region or None,
            state=state or None,
            rows=rows[(number - 1) * PAGE_ROWS : number * PAGE_ROWS],
            page=number,
            pages=pages,
            settings=context.settings.fleet,
        )

    @routes.get("/fleet/schools/{school_id:path}")
    def school(context: In, viewer: PageBy, person: PageByWhom, school_id: str) -> Response:
        if viewer.role in ("operator", "region"):
            raise NotAllowed("single computers are the school's own matter; /fleet has them counted by school")
        with context.database.reading(viewer) as connection:
            found = schools.visible_school(connection, school_id)
            note_school(context, person, school_id, part="computers")
            asked = Asked(school_id=school_id)
            rows, total = stored.by_computer(connection, asked, limit=_MOST_COMPUTERS, offset=0)
            judged = stored.mark(connection)
        return html(
            "fleet_school.html",
            person=person,
            zone=context.zone,
            judged=judged,
            school=found,
            rows=rows,
            total=total,
            advice=fleet.ADVICE,
            settings=context.settings.fleet,
        )

    return routes
