"""The country's units from config/kz/regions.toml, and finding one by code, name, alias or former name at a date."""

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from agent.contract import shipped
from agent.contract.errors import SettingsError
from collector.store.schools import RegionRecord

Degrees = Annotated[float, Meta(ge=-180, le=180)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Place = Annotated[int, Meta(ge=0, le=99)]
# A code stands in addresses and files; an alias is typed by people.
Code = Annotated[str, Meta(pattern="^[A-Z]{2}-[0-9A-Z]{1,3}$")]
Name = Annotated[str, Meta(min_length=1, max_length=120)]


class Names(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name in the three languages of the pages."""

    kk: Name
    ru: Name
    en: Name


class Box(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds in degrees; what lies outside is plainly in another country, what lies inside proves nothing."""

    south: Latitude
    north: Latitude
    west: Degrees
    east: Degrees

    def holds(self, latitude: float, longitude: float) -> bool:
        """Tell whether a point lies inside."""
        return self.south <= latitude <= self.north and self.west <= longitude <= self.east


class Region(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One unit of the country.

    ``aliases`` mean the same area; ``former`` names meant another one. ``since``: the first day of these borders, where
    it matters. ``tile`` is (column, row) of the schematic map, ``centre`` (latitude, longitude) of the seat;
    ``population`` and ``urban_ratio`` serve ``simulate`` only.
    """

    region_id: Code = msgspec.field(name="code")
    kind: Literal["region", "city"]
    names: Names
    tile: tuple[Place, Place]
    centre: tuple[Latitude, Degrees]
    population: Annotated[int, Meta(gt=0)]
    urban_ratio: Annotated[float, Meta(ge=0, le=1)]
    aliases: tuple[Name, ...] = ()
    former: tuple[Name, ...] = ()
    since: date | None = None


class FormerRegion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unit that was: until which day (not included), and the codes of what its area is today."""

    region_id: Code = msgspec.field(name="code")
    names: Names
    until: date
    successors: Annotated[tuple[Code, ...], Meta(min_length=1)]
    aliases: tuple[Name, ...] = ()


Unit = Region | FormerRegion


class About(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The country as a whole."""

    code: Annotated[str, Meta(pattern="^[A-Z]{2}$")]
    names: Names
    time_zone: Name
    box: Box


class Country(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of a regions.toml, its regions in the order of their codes."""

    about: About = msgspec.field(name="country")
    regions: Annotated[tuple[Region, ...], Meta(min_length=1)]
    former_regions: tuple[FormerRegion, ...] = ()


class Found(NamedTuple):
    """The units a text may mean: none, one, or several when it is ambiguous; ``former`` if an old name was used."""

    regions: tuple[Unit, ...]
    former: bool


class Gazetteer:
    """Finds regions by what people write in a file; ``as_of`` is the date of the file, today without one."""

    def __init__(
        self, regions: Iterable[Region], former: Iterable[FormerRegion] = (), as_of: date | None = None
    ) -> None:
        self._as_of = as_of
        self._current: dict[str, list[Region]] = {}
        self._former: dict[str, list[Region]] = {}
        self._units: dict[str, list[FormerRegion]] = {}
        for unit in former:
            for key in dict.fromkeys(_plain(name) for name in (unit.region_id, *_all_names(unit))):
                self._units.setdefault(key, []).append(unit)
        for region in regions:
            for key in dict.fromkeys(_plain(name) for name in (region.region_id, *_all_names(region))):
                self._current.setdefault(key, []).append(region)
            for key in dict.fromkeys(_plain(name) for name in region.former):
                self._former.setdefault(key, []).append(region)

    def find(self, text: str) -> Found:
        """Return what the text may mean; case, spacing, hyphens and usual abbreviations make no difference.

        A name means what it meant at the date of the file. A code of today means today's area, whatever the date.
        """
        key = _plain(text)
        current = self._current.get(key, [])
        if self._as_of is not None:
            was = [unit for unit in self._units.get(key, []) if self._as_of < unit.until]
            was_already = [one for one in current if one.since is None or one.since <= self._as_of]
            if was or was_already:
                return Found((*was, *was_already), former=False)
        if current:
            return Found(tuple(current), former=False)
        return Found(tuple(self._former.get(key, ())), former=True)

    def once(self, text: str) -> tuple[FormerRegion, ...]:
        """Return the units that were called so once, whatever the date."""
        return tuple(self._units.get(_plain(text), ()))


def _all_names(unit: Unit) -> tuple[str, ...]:
    return (unit.names.kk, unit.names.ru, unit.names.en, *unit.aliases)


def load(file: Path) -> Country:
    """Read a country; raises SettingsError naming the file and what is wrong in it."""
    try:
        country = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Country)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from error
    for what in ("region_id", "tile"):
        values = [getattr(region, what) for region in country.regions]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise SettingsError(f"{file}: two regions have the {what} {twice}; give each its own")
    codes = {region.region_id for region in country.regions}
    for unit in country.former_regions:
        if unit.region_id in codes or not codes.issuperset(unit.successors):
            raise SettingsError(f"{file}: former region {unit.region_id}: it or a successor is not what it should be")
    ordered = tuple(sorted(country.regions, key=lambda region: region.region_id))
    return msgspec.structs.replace(country, regions=ordered)


@functools.cache
def shipped_country() -> Country:
    """Return the country that came with this installation."""
    return load(shipped.path("kz/regions.toml"))


def regions() -> tuple[Region, ...]:
    """Return the regions that came with this installation, in the order of their codes."""
    return shipped_country().regions


def region_records(regions: Iterable[Unit]) -> list[RegionRecord]:
    """Return what the store keeps of regions, former ones too where a school is known under no other."""
    return [
        RegionRecord(
            region_id=region.region_id,
            name_kk=region.names.kk,
            name_ru=region.names.ru,
            name_en=region.names.en,
        )
        for region in regions
    ]


_ABBREVIATIONS = {"обл": "область", "г": "город", "гор": "город", "қ": "қаласы"}
_HYPHENS = re.compile(r"\s*[-\u2010-\u2015\u2212]\s*")
_CYRILLIC = re.compile("[\u0400-\u04ff]")
# Old keyboards lacked these letters, so files have the Latin look-alikes (Жетiсу).
_LOOKALIKES = str.maketrans({"i": "і", "h": "һ"})


def _plain(name: str) -> str:
    """Return the name without what people write differently: case, ё, dots, hyphens, spaces, abbreviations."""
    text = unicodedata.normalize("NFKC", name).casefold().replace("ё", "е").replace(".", " ")
    if _CYRILLIC.search(text):
        text = text.translate(_LOOKALIKES)
    return " ".join(_ABBREVIATIONS.get(word, word) for word in _HYPHENS.sub("-", text).split())
