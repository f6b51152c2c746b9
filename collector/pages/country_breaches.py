"""Lines in breach of their contract: the verdicts; and for whoever asks what only looks like it, worth a look."""

from fastapi import APIRouter, Response

from collector import periods, sla
from collector.context import In, PageBy, PageByWhom
from collector.pages import country_names
from collector.pages.asking import speech
from collector.pages.rendering import html
from collector.periods import Period
from collector.sla import Breach
from collector.store import schools, verdicts
from collector.store.database import Connection
from collector.store.verdicts import Listed, Wanted
from collector.words import Sentence, mark, say

ROWS = 50
_MOST_PAGES = 10_000
_PROMISES = {
    "download": mark("download speed"),
    "upload": mark("upload speed"),
    "download once a day": mark("download speed once a day"),
    "upload once a day": mark("upload speed once a day"),
    "round trip": mark("round trip time"),
}


def router() -> APIRouter:
    """Return the page's route."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/breaches")
    def breaches(
        context: In,
        viewer: PageBy,
        person: PageByWhom,
        period: str | None = None,
        region: str | None = None,
        page: int = 1,
        look: int | None = None,
    ) -> Response:
        when = context.period(period or None)
        first, last = periods.months(when)
        with context.database.reading(viewer) as connection:
            others = None if look is None else _to_look_at(connection, when, region)
            number = min(max(page, 1), _MOST_PAGES)
            wanted = Wanted(region=region or None, first=first, last=last, state="breach")
            rows, total = verdicts.listed(connection, wanted, limit=ROWS, offset=(number - 1) * ROWS)
            known = schools.regions(connection)
        look_pages = max(1, -(-len(others or ()) // ROWS))
        looked = min(max(look or 1, 1), look_pages)
        looked_at = (others or [])[(looked - 1) * ROWS : looked * ROWS]
        return html(
            "country/breaches.html",
            person=person,
            period=when.label,
            region=region or None,
            known=known,
            names=country_names,
            recent=country_names.recent(context, when),
            rows=rows,
            total=total,
            page=number,
            pages=max(1, -(-total // ROWS)),
            is_looked_at=others is not None,
            others=looked_at,
            look=looked,
            look_pages=look_pages,
            synthetic=country_names.any_synthetic([*rows, *looked_at]),
            below=_below,
            rests_on=rests_on,
        )

    return routes


def _to_look_at(connection: Connection, when: Period, region: str | None) -> list[Breach]:
    """Return the lines that no verdict accuses, and whose tests are below the registry's contract.

    That takes every test of the period, so that it is done only for whoever asks.
    """
    return [one for one in sla.breaches(connection, when) if not one.judged and region in (None, "", one.region)]


def _below(one: Breach) -> list[str]:
    """Return the directions in which a line is below its contract."""
    return [way for way, is_below in (("download", one.download_below), ("upload", one.upload_below)) if is_below]


def rests_on(one: Listed) -> list[Sentence]:
    """Return what a breach rests on: each promise that was not kept, and how long the line was down."""
    told = speech()
    found = [
        say(
            "{promise}: kept in {share} of {judged} judged, {limit} promised",
            promise=Sentence(_PROMISES.get(part.name, part.name)),
            share=told.share(part.share),
            judged=part.judged,
            limit=told.share(part.limit),
        )
        for part in one.verdict.parts
        if part.state == "broken" and part.share is not None
    ]
    down = one.verdict.availability
    if down is not None and down.is_breach:
        hours = told.number(down.outage_year_s / 3600, 1)
        found.append(say("the line was down: {hours} h in twelve months", hours=hours))
    return found
