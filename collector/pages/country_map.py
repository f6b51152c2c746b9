"""The map of the country: where each unit's tile is, its colour, its figure, and its page."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from collector import registry
from collector.pages.asking import speech
from collector.pages.country_glance import Part
from collector.pages.country_names import region_address
from collector.pages.drawing import tilemap
from collector.pages.drawing.shapes import Place
from collector.pages.drawing.tilemap import Tile
from collector.store.schools import RegionRecord


def places(rows: Sequence[Part], known: Mapping[str, RegionRecord], period: str) -> dict[str, Place]:
    """Return each unit of today with its figure; one without schools has none."""
    found = {row.id: row for row in rows}
    return {
        unit.region_id: _place(unit, found.get(unit.region_id), period, known_name(unit, known))
        for unit in registry.regions()
    }


def known_name(unit: registry.Region, known: Mapping[str, RegionRecord]) -> str:
    """Return a unit's name in the page's language, as the database knows it; else as it came with the program."""
    language = speech().language
    stored = known.get(unit.region_id)
    return str(getattr(unit.names, language) if stored is None else getattr(stored, f"name_{language}"))


def _place(unit: registry.Region, row: Part | None, period: str, name: str) -> Place:
    told = speech()
    share = None if row is None else row.ready_share
    if row is None or share is None:
        label = told.say("{name}: no school judged yet", name=name)
        figure = "–"
    else:
        figure = told.share(share, 0)
        label = told.say(
            "{name}: {share} of the judged schools meet the target ({ready} of {judged})",
            name=name,
            share=figure,
            ready=row.ready,
            judged=row.judged,
        )
    return Place(
        code=unit.region_id,
        name=name,
        share=share,
        figure=figure,
        label=label,
        address=region_address(unit.region_id, period),
        is_city=unit.kind == "city",
    )


def drawn_tiles(found: Mapping[str, Place]) -> Markup:
    """Return the map of tiles."""
    tiles = [Tile(place=found[unit.region_id], column=unit.tile[0], row=unit.tile[1]) for unit in registry.regions()]
    return tilemap.tilemap(tiles, speech().say("Map of tiles: share of judged schools that meet the target, by region"))
