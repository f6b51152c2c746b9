"""Official boundaries: read from GeoJSON, made small, drawn; a wrong file is refused in words and changes nothing."""

import json
import math
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from collector import cli, registry
from collector.errors import RegistryError
from collector.pages import map as drawn_map
from collector.pages import map_reading
from collector.store import boundaries
from collector.store.database import MINISTRY

COUNTRY = registry.shipped_country()
LICENCE = "Ministry of <Justice>, CC-BY-4.0"


def around(latitude, longitude, count=80, radius=0.5):
    ring = [
        [
            longitude + radius * math.cos(2 * math.pi * one / count),
            latitude + radius * math.sin(2 * math.pi * one / count),
        ]
        for one in range(count)
    ]
    return [*ring, ring[0]]


def feature(code, ring, name="iso", kind="Polygon"):
    coordinates = [ring] if kind == "Polygon" else [[ring]]
    return {"type": "Feature", "properties": {name: code}, "geometry": {"type": kind, "coordinates": coordinates}}


def collection(**more):
    kinds = ["iso", "ISO3166-2", "iso_3166_2", "shapeISO", "code"]
    features = [
        feature(unit.region_id, around(*unit.centre), kinds[number % 5], ("Polygon", "MultiPolygon")[number % 2])
        for number, unit in enumerate(COUNTRY.regions)
    ]
    return {"type": "FeatureCollection", "features": features} | more


def read(document):
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return map_reading.read(raw, COUNTRY)


@pytest.fixture
def imported(tmp_path, database_url, capsys):
    """Run the command on a document; return its exit status and what it said."""
    where = conninfo_to_dict(database_url)
    host, port = quote(str(where["host"]), safe=""), where.get("port", "5432")
    url = f"postgresql://{where['user']}@/{where['dbname']}?host={host}&port={port}"

    def run(document, *options):
        file = tmp_path / "map.geojson"
        file.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        status = cli.main(["map", "import", str(file), "--database", url, *options])
        return status, capsys.readouterr().err

    return run


def test_all_units_by_whatever_name_their_code_has():
    """Each unit is found by its ISO 3166-2 code, and its ring is smaller than it was."""
    found = read(collection())
    assert sorted(found.units) == [unit.region_id for unit in COUNTRY.regions]
    assert all(4 <= len(ring) < 81 for rings in found.units.values() for ring in rings)
    assert all(ring[0] == ring[-1] for rings in found.units.values() for ring in rings)


@given(st.lists(st.tuples(st.floats(50, 80), st.floats(41, 55)), min_size=3, max_size=60))
def test_nothing_moves_further_than_the_tolerance(points):
    """What is left out lies within the tolerance of what is left; the ring stays closed."""
    ring = [*points, points[0]]
    made = map_reading.simplified(ring, 0.01)
    assert made[0] == made[-1]
    for point in ring:
        near = min(to_segment(point, one, other) for one, other in zip(made, made[1:] or made, strict=False))
        assert near <= 0.0102


def to_segment(point, begin, end):
    along = (end[0] - begin[0], end[1] - begin[1])
    squared = along[0] ** 2 + along[1] ** 2
    part = 0 if not squared else ((point[0] - begin[0]) * along[0] + (point[1] - begin[1]) * along[1]) / squared
    part = min(1, max(0, part))
    return math.dist(point, (begin[0] + part * along[0], begin[1] + part * along[1]))


def swapped():
    return collection(features=[feature("KZ-75", [[y, x] for x, y in around(43, 77)])])


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"", "truncated"),
        (b'{"type": "FeatureCollection",\n"features": [}', "line 2"),
        (b"\xff\xfe", "no GeoJSON"),
        (b"[" * 100_000, "no GeoJSON"),
        (json.dumps(collection()).replace("[77", "[NaN", 1).encode(), "line 1"),
        ({"type": "Topology"}, "no GeoJSON"),
        ({"type": "FeatureCollection", "features": []}, "features"),
        (collection(features=[feature("KZ-75", around(43, 77)) | {"geometry": None}]), "geometry"),
        (
            collection(features=[feature("KZ-75", 0) | {"geometry": {"type": "Point", "coordinates": [77, 43]}}]),
            "Point",
        ),
        (collection(features=[feature("KZ-75", [["x", 43]] * 4)]), "features[0].geometry"),
        (collection(features=[feature("KZ-75", [[77]] * 4)]), "features[0].geometry"),
        (collection(features=[feature("KZ-75", [[77, 43], [78, 43], [77, 43]])]), "feature 1 (KZ-75): a ring of 3"),
        (collection(features=[feature("KZ-75", around(43, 77)[:-1])]), "does not end where it begins"),
        (collection(features=[feature("KZ-75", around(50, 7))]), "another country"),
        (swapped(), "longitude, latitude"),
        (collection(features=[feature("KZ-ALM", around(43, 77))]), "no unit of today"),
        (collection(features=[feature(None, around(43, 77))]), "feature 1 names no unit"),
        (collection(features=[feature("KZ-75", around(43, 77))]), "lacks KZ-10"),
        (collection(crs={"properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}), "WGS 84"),
        (
            collection(
                features=[
                    feature("KZ-75", 0)
                    | {"geometry": {"type": "MultiPolygon", "coordinates": [[around(43, 77, 3)]] * 2_001}}
                ]
            ),
            "2001 rings",
        ),
    ],
)
def test_what_is_wrong_is_said(document, words):
    """Where, and what it should be; whatever a file holds."""
    with pytest.raises(RegistryError) as caught:
        read(document)
    assert words in str(caught.value)


def test_a_huge_file_is_not_even_read(monkeypatch):
    """The limit is said."""
    monkeypatch.setattr(map_reading, "MAX_BYTES", 1_000)
    with pytest.raises(RegistryError, match="1000 are the most"):
        read(collection())


def test_the_page_draws_what_was_imported(imported, client, database):
    """A map of its own address with links and figures, the licence beside it; without one, tiles."""
    assert client.get("/map/country.svg").status_code == 404
    status, said = imported(collection())
    assert (status, "--licence" in said) == (2, True)
    assert 'class="map"' not in client.get("/country").text
    status, said = imported(collection(), "--licence", LICENCE)
    assert (status, "20 units" in said) == (0, True)
    text = client.get("/country").text
    assert "Ministry of &lt;Justice&gt;, CC-BY-4.0" in text
    assert 'src="/map/country.svg?' in text
    assert 'class="chart tiles"' in text
    answer = client.get("/map/country.svg", params={"period": "2026-Q4"})
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text.count("<a href=") == 20
    assert "style=" not in answer.text


def test_a_refused_file_changes_nothing(imported, database):
    """What was imported before stays, whole."""
    assert imported(collection(licence="first"))[0] == 0
    assert imported(collection(features=[feature("KZ-75", around(43, 77))]), "--licence", "second")[0] == 1
    with database.reading(MINISTRY) as connection:
        assert len(boundaries.boundaries(connection)) == 20
        source = boundaries.boundary_source(connection)
    assert source is not None
    assert msgspec.structs.asdict(source)["licence"] == "first"


def test_the_drawing_keeps_its_frame():
    """Every point lies inside of the drawing; the north is above."""
    found = read(collection()).units
    drawn, (width, height) = drawn_map.projected(found)
    assert all(0 <= x <= width and 0 <= y <= height for rings in drawn.values() for ring in rings for x, y in ring)
    assert drawn["KZ-59"][0][0][1] < drawn["KZ-75"][0][0][1]
