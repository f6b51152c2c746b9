"""Reads official boundaries from GeoJSON (RFC 7946), and makes them as small as a page needs; pure, trusts nothing."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from collector.errors import RegistryError
from collector.registry import Country

MAX_BYTES = 64 * 1024 * 1024
MAX_RINGS = 2_000
MAX_POINTS = 500_000
MAX_LICENCE = 4_000
TOLERANCE_DEGREES = 0.01  # about a kilometre: a third of a unit of the drawing
_DECIMALS = 4
_FEWEST_POINTS = 4  # the first one is the last one (RFC 7946, 3.1.6)
_CODES = ("iso", "iso3166-2", "iso_3166-2", "iso_3166_2", "shapeiso", "code")

Point = tuple[float, float]
Ring = list[Point]
_Position = Annotated[list[float], Meta(min_length=2, max_length=4)]
_Rings = list[list[_Position]]


class _Polygon(Struct, tag="Polygon", tag_field="type"):
    coordinates: _Rings


class _MultiPolygon(Struct, tag="MultiPolygon", tag_field="type"):
    coordinates: list[_Rings]


class _Feature(Struct, tag="Feature", tag_field="type"):
    geometry: _Polygon | _MultiPolygon
    properties: dict[str, Any] | None = None


class _Collection(Struct, tag="FeatureCollection", tag_field="type"):
    features: Annotated[list[_Feature], Meta(min_length=1, max_length=1_000)]
    crs: Any = None
    licence: str | None = None
    license: str | None = None


class Boundaries(Struct, frozen=True):
    """The rings of each unit by its code, and the licence that the file itself names."""

    units: dict[str, list[Ring]]
    licence: str | None


def read(raw: bytes, country: Country) -> Boundaries:
    """Return each unit's boundary, simplified.

    Raises:
        RegistryError: what is wrong, and where: nothing of such a file is kept.
    """
    if len(raw) > MAX_BYTES:
        raise RegistryError(f"the file has {len(raw)} bytes; {MAX_BYTES} are the most: export it with less detail")
    collection = _decoded(raw)
    if collection.crs is not None and not any(name in str(collection.crs) for name in ("CRS84", "4326")):
        raise RegistryError("the file is in another coordinate system; export it in degrees (WGS 84, EPSG:4326)")
    units: dict[str, list[Ring]] = defaultdict(list)
    codes = {one.region_id for one in country.regions}
    _check_amount(collection)
    for number, feature in enumerate(collection.features, start=1):
        code = _code(feature, number)
        if code not in codes:
            raise RegistryError(
                f"feature {number} is {code!r}, which is no unit of today; there are: {', '.join(sorted(codes))}"
            )
        rings = [_ring(ring, country, f"feature {number} ({code})") for ring in _rings(feature)]
        units[code] += [ring for ring in map(simplified, rings) if len(ring) >= _FEWEST_POINTS]
    missing = sorted(code for code in codes if not units.get(code))
    if missing:
        raise RegistryError(f"the file lacks {', '.join(missing)}; a map shows all units or none")
    return Boundaries(dict(units), collection.licence or collection.license)


def _decoded(raw: bytes) -> _Collection:
    try:
        return msgspec.json.decode(raw.removeprefix(b"\xef\xbb\xbf"), type=_Collection)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RegistryError(f"this is no GeoJSON with areas: {_place(raw, str(error))}") from error


def _place(raw: bytes, said: str) -> str:
    """Return a decoder's sentence with the line in which it stopped, where it says the byte."""
    before, found, number = said.partition("(byte ")
    digits = number.rstrip(")")
    if not found or not digits.isdecimal():
        return said
    line = raw[: int(digits)].count(b"\n") + 1
    return f"{before}(line {line}, byte {digits})"


def _check_amount(collection: _Collection) -> None:
    rings = [ring for feature in collection.features for ring in _rings(feature)]
    points = sum(len(ring) for ring in rings)
    if len(rings) > MAX_RINGS or points > MAX_POINTS:
        raise RegistryError(
            f"the file has {len(rings)} rings of {points} points; {MAX_RINGS} and {MAX_POINTS} are the most:"
            " leave small islands out, or export it with less detail"
        )


def _rings(feature: _Feature) -> Iterator[list[list[float]]]:
    if isinstance(feature.geometry, _Polygon):
        yield from feature.geometry.coordinates
    else:
        for polygon in feature.geometry.coordinates:
            yield from polygon


def _code(feature: _Feature, number: int) -> str:
    named = {name.casefold(): value for name, value in (feature.properties or {}).items()}
    for name in _CODES:
        value = named.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip().upper()
    raise RegistryError(f"feature {number} names no unit: give it a property 'iso' with its ISO 3166-2 code, as KZ-75")


def _ring(ring: Sequence[Sequence[float]], country: Country, of: str) -> Ring:
    points = [(place[0], place[1]) for place in ring]
    if len(points) < _FEWEST_POINTS or points[0] != points[-1]:
        raise RegistryError(f"{of}: a ring of {len(points)} points that does not end where it begins is no area")
    for longitude, latitude in points:
        if not (math.isfinite(longitude) and math.isfinite(latitude)):
            raise RegistryError(f"{of}: a point is not a number")
        if not country.about.box.holds(latitude, longitude):
            raise RegistryError(
                f"{of}: longitude {longitude:g}, latitude {latitude:g} is in another country; degrees are"
                " [longitude, latitude]"
            )
    return points


def simplified(ring: Ring, tolerance: float = TOLERANCE_DEGREES) -> Ring:
    """Return a ring without the points that lie within the tolerance of the line that is left (Douglas and Peucker).

    A ring that would become a line is returned as it was given, rounded: a small island stays one.
    """
    middle = max(range(len(ring)), key=lambda place: _squared(ring[place], ring[0]))
    kept = [*_chain(ring, 0, middle, tolerance), *_chain(ring, middle, len(ring) - 1, tolerance), len(ring) - 1]
    chosen = kept if len(kept) >= _FEWEST_POINTS else range(len(ring))
    rounded = [(round(ring[place][0], _DECIMALS), round(ring[place][1], _DECIMALS)) for place in chosen]
    return [one for number, one in enumerate(rounded) if number == 0 or one != rounded[number - 1]]


def _chain(ring: Ring, first: int, last: int, tolerance: float) -> list[int]:
    """Return the places that a stretch keeps, its last one left out; without recursion, whatever the ring's length."""
    kept, waiting = {first}, [(first, last)]
    while waiting:
        begin, end = waiting.pop()
        far, place = 0.0, begin
        for one in range(begin + 1, end):
            distance = _distance(ring[one], ring[begin], ring[end])
            if distance > far:
                far, place = distance, one
        if far > tolerance:
            kept.add(place)
            waiting += [(begin, place), (place, end)]
    return sorted(kept)


def _distance(point: Point, begin: Point, end: Point) -> float:
    """Return how far a point is from the straight line between two; from the first where they are one."""
    along = (end[0] - begin[0], end[1] - begin[1])
    length = math.hypot(*along)
    if not length:
        return math.dist(point, begin)
    return abs(along[0] * (begin[1] - point[1]) - (begin[0] - point[0]) * along[1]) / length


def _squared(one: Point, other: Point) -> float:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2
