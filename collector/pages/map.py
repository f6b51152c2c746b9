"""The map with the ministry's own boundaries: a file of its own, which the country's page shows as an image."""

import math
from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Response

from collector import rankings
from collector.context import In, PageBy, PageByWhom
from collector.errors import NotFound
from collector.pages import country_glance, country_names
from collector.pages.asking import speech
from collector.pages.country_map import places
from collector.pages.drawing import shapes
from collector.pages.drawing.shapes import Ring
from collector.rankings import Window
from collector.store import boundaries, schools
from collector.words import say

_WIDTH = 1_000.0
_MARGIN = 10.0
# Albers' equal-area conic: regions of one size look so. Two parallels of the country, its middle (degrees).
_PARALLELS, _MIDDLE = (43.0, 53.0), (67.0, 48.0)


def router() -> APIRouter:
    """Return the file's route."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/map/country.svg")
    def country(context: In, viewer: PageBy, person: PageByWhom, period: str | None = None) -> Response:
        country_names.require_country(person)
        window = Window(context.period(period or None))
        context.catch_up()
        with context.database.reading(viewer) as connection:
            found = boundaries.boundaries(connection)
            if not found:
                raise NotFound(say("no official boundaries were imported; {command} does it", command=_HOW))
            parts = country_glance.regions(rankings.get("plan").ranked(connection, window).rows)
            known = schools.regions(connection)
        drawn, size = projected(found)
        named = places(parts, known, window.period.label)
        title = speech().say("Map: share of judged schools that meet the target, by region")
        content = shapes.country([(named[unit], rings) for unit, rings in drawn.items() if unit in named], title, size)
        return Response(str(content), media_type="image/svg+xml", headers={"cache-control": "no-store"})

    return routes


_HOW = "netready-collector map import FILE.geojson"


def projected(found: Mapping[str, Sequence[Ring]]) -> tuple[dict[str, list[Ring]], tuple[float, float]]:
    """Return all rings in the drawing's units, and its width and height."""
    flat = {unit: [[_albers(place) for place in ring] for ring in rings] for unit, rings in found.items()}
    every = [place for rings in flat.values() for ring in rings for place in ring]
    west, east = min(x for x, _ in every), max(x for x, _ in every)
    south, north = min(y for _, y in every), max(y for _, y in every)
    scale = (_WIDTH - 2 * _MARGIN) / (east - west or 1.0)

    def moved(place: tuple[float, float]) -> tuple[float, float]:
        return _MARGIN + (place[0] - west) * scale, _MARGIN + (north - place[1]) * scale

    drawn: dict[str, list[Ring]] = {
        unit: [[moved(one) for one in ring] for ring in rings] for unit, rings in flat.items()
    }
    return drawn, (_WIDTH, (north - south) * scale + 2 * _MARGIN)


def _albers(place: tuple[float, float]) -> tuple[float, float]:
    low, high = (math.radians(degrees) for degrees in _PARALLELS)
    cone = (math.sin(low) + math.sin(high)) / 2
    constant = math.cos(low) ** 2 + 2 * cone * math.sin(low)

    def radius(latitude: float) -> float:
        return math.sqrt(max(0.0, constant - 2 * cone * math.sin(latitude))) / cone

    turned = cone * math.radians(place[0] - _MIDDLE[0])
    far = radius(math.radians(place[1]))
    return far * math.sin(turned), radius(math.radians(_MIDDLE[1])) - far * math.cos(turned)
