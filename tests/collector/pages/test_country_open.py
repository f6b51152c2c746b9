"""The public page: whole quarters, nothing but what the extract has, and words for what is missing."""

import csv
import io
import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx
import pytest

from collector import opendata, periods
from collector.app import make_app
from collector.settings import OpenDataSettings, PolicySettings, Serve, Settings
from collector.store.database import MINISTRY
from tests.collector.conftest import serving

ZONE = ZoneInfo(PolicySettings().time_zone)
OPEN = OpenDataSettings(licence="CC-BY-4.0", licence_url="https://example.org/by", publisher="Ministry <of> Education")
AFAR = {"x-forwarded-for": "203.0.113.9", "accept-language": "en"}


@pytest.fixture
def last_quarter():
    """The newest quarter that is over."""
    return periods.before(periods.quarter_of(datetime.now(UTC), ZONE))


@pytest.fixture
def public(database):
    """Browsers of strangers, who come through a proxy; with and without a licence."""
    with (
        serving(make_app(database, Settings(serve=Serve(listen="127.0.0.1:0"), open_data=OPEN))) as address,
        httpx.Client(base_url=address, headers=AFAR) as made,
    ):
        yield made


@pytest.fixture
def judged(database, add_school, last_quarter):
    """Two real schools, one measured by a single computer, and a synthetic one."""

    def write(school_id, computers, *, synthetic=False):
        add_school(school_id, synthetic=synthetic, operator="Secret Operator", district="Медеу")
        with database.owning() as connection:
            connection.execute(
                "insert into school_period (school_id, period, operator, voice, region_id, synthetic, tests, computers,"
                " days, slots, slots_met, slots_missed, meets, state, reason, download_bps, required_upload_bps,"
                " absences) values (%s, %s, '', 'cable', 'KZ-75', %s, 9, %s, 9, 9, 9, 0, true, 'ready', 'x', 31e6, 5e6,"
                " '{}')",
                (school_id, last_quarter.label, synthetic, computers),
            )

    write("1", 5)
    write("2", 1)
    write("s", 5, synthetic=True)


@pytest.mark.usefixtures("judged")
def test_anybody_sees_what_the_extract_has(public, database, last_quarter):
    """No login; the figures and the files are the extract's, byte by byte; licence and publisher stand beside them."""
    text = public.get("/open").text
    assert "2 of 2" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert 'href="https://example.org/by"' in text
    assert "Ministry &lt;of&gt; Education" in text
    for secret in ("Secret Operator", "synthetic-", "School 1", "School s"):
        assert secret not in text
    with database.reading(MINISTRY) as connection:
        rows, regions = opendata.extract(connection, last_quarter, OPEN)
    base = f"/open/{last_quarter.label}"
    listed = list(csv.DictReader(io.StringIO(public.get(f"{base}/schools.csv").text)))
    assert [row["school_id"] for row in listed] == [row.school_id for row in rows] == ["1", "2"]
    assert [row["download_bps"] for row in listed] == ["31000000.0", ""]
    assert [row["region_id"] for row in public.get(f"{base}/regions.json").json()] == [one.region_id for one in regions]
    package = json.loads(public.get(f"{base}/datapackage.json").content)
    for one in package["resources"]:
        assert len(public.get(f"{base}/{one['path']}").content) == one["bytes"]


@pytest.mark.usefixtures("judged")
@pytest.mark.parametrize("path", ["/open/2020-Q1/schools.csv", "/open?period=2026", "/open?period=x", "/open/x/../y"])
def test_only_whole_quarters_and_known_files(public, path):
    """Nothing else can be asked for; the quarter that goes on is not published."""
    assert public.get(path).status_code == 404
    running = periods.quarter_of(datetime.now(UTC), ZONE).label
    assert public.get(f"/open/{running}/schools.csv").status_code == 404
    assert public.get("/open", params={"period": running}).status_code == 404


@pytest.mark.usefixtures("judged")
def test_without_a_licence_nothing_is_published(client, last_quarter):
    """The page says what is missing, and the files are not there."""
    text = client.get("/open").text
    assert "[open_data] licence" in text
    assert "1 of" not in text
    assert client.get(f"/open/{last_quarter.label}/schools.csv").status_code == 404


def test_synthetic_schools_are_no_data(public, add_school):
    """A country that a program made up publishes nothing."""
    add_school("s", synthetic=True)
    assert "synthetic" in public.get("/open").text
    assert public.get("/open", params={"lang": "kk"}).headers["content-language"] == "kk"
