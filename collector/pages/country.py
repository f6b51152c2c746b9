"""The country at a glance, a region, a district: the answer first, and every figure leads to what is under it."""

from typing import Any

from fastapi import APIRouter, Response
from markupsafe import Markup

from collector import rankings, registry
from collector.context import Context, In, PageBy, PageByWhom
from collector.errors import NotFound
from collector.pages import country_breaches, country_glance, country_names, country_open, country_schools
from collector.pages import map as pages_of_map
from collector.pages import rankings as pages_of_rankings
from collector.pages.asking import speech
from collector.pages.country_map import drawn_tiles, places
from collector.pages.country_names import region_name
from collector.pages.country_schools import Asked, listed
from collector.pages.drawing import bars
from collector.pages.rendering import html
from collector.rankings import Window
from collector.store import boundaries, schools
from collector.store.database import Connection
from collector.words import say


def router() -> APIRouter:
    """Return the routes of these pages, and of the lists, rankings, map and open data that they lead to."""
    routes = APIRouter(include_in_schema=False)
    for one in (country_schools, country_breaches, country_open, pages_of_rankings, pages_of_map):
        routes.include_router(one.router())

    @routes.get("/country")
    def country(context: In, viewer: PageBy, person: PageByWhom, period: str | None = None) -> Response:
        country_names.require_country(person)
        window = Window(context.period(period or None))
        context.catch_up(window.period)
        with context.database.reading(viewer) as connection:
            view = country_glance.gathered(connection, window)
            known = schools.regions(connection)
            source = boundaries.boundary_source(connection)
        drawn = drawn_tiles(places(view.parts, known, window.period.label))
        names = registry.shipped_country().about.names
        return html(
            "country/country.html",
            person=person,
            title=getattr(names, speech().language),
            map=drawn,
            source=source,
            **_shown(context, window, view, known),
        )

    @routes.get("/regions/{code}")
    def region(context: In, viewer: PageBy, person: PageByWhom, code: str, period: str | None = None) -> Response:
        country_names.require_region(person, code)
        window = Window(context.period(period or None), code)
        context.catch_up(window.period)
        with context.database.reading(viewer) as connection:
            known = _known(connection, code)
            view = country_glance.gathered(connection, window)
        return html(
            "country/region.html",
            person=person,
            code=code,
            title=region_name(known, code),
            sees_country=person.viewer.role in country_names.ALL_SEEING,
            **_shown(context, window, view, known),
        )

    @routes.get("/districts/{code}/{name:path}")
    def district(
        context: In, viewer: PageBy, person: PageByWhom, code: str, name: str, period: str | None = None, page: int = 1
    ) -> Response:
        country_names.require_region(person, code)
        window = Window(context.period(period or None), code, district=name)
        context.catch_up(window.period)
        with context.database.reading(viewer) as connection:
            known = _known(connection, code)
            counted = rankings.get("plan").ranked(connection, window).counted
            found = listed(connection, Asked(period=window.period, region=code, district=name, page=page))
        if not counted.schools:
            raise NotFound(
                say("there is no school in a district «{name}» of this region; the region's page lists them", name=name)
            )
        return html(
            "country/district.html",
            person=person,
            code=code,
            name=name,
            region=region_name(known, code),
            sees_country=person.viewer.role in country_names.ALL_SEEING,
            counted=counted,
            found=found,
            known=known,
            window=window,
            recent=country_names.recent(context, window.period),
            names=country_names,
        )

    return routes


def _known(connection: Connection, code: str) -> dict[str, schools.RegionRecord]:
    known = schools.regions(connection)
    if code not in known:
        raise NotFound(say("there is no region «{code}»; codes are those of ISO 3166-2, for example KZ-75", code=code))
    return known


def _shown(context: Context, window: Window, view: country_glance.View, known: Any) -> dict[str, Any]:
    """Return what both templates show of a view."""
    return {
        "view": view,
        "window": window,
        "known": known,
        "names": country_names,
        "recent": country_names.recent(context, window.period),
        "trend": country_glance.trend_drawn(view),
        "share_of": country_glance.share_of,
        "bar": bars.bar,
        "longest": max((one.schools for one in view.causes), default=0),
        "headline": headline(view),
    }


def headline(view: country_glance.View) -> Markup | str:
    """Return the answer in a sentence."""
    told = speech()
    if not view.counted.schools:
        return told.say("There is no school here yet: import the registry, then enrol computers.")
    if not view.judged:
        return told.say("No school has been judged in this period yet: too little was measured.")
    return told.say(
        "{share} of the judged schools meet the target: {ready} of {judged}.",
        share=told.share(view.counted.ready / view.judged, 0),
        ready=view.counted.ready,
        judged=view.judged,
    )
