"""The country's, regions' and districts' pages, lists, breaches, rankings: who sees what, in three languages."""

import re
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from agent.contract.errors import SettingsError
from collector import periods, rankings
from collector.pages import country_glance
from collector.pages.country_names import row_of_periods
from collector.rankings import Window
from collector.settings import PolicySettings
from collector.store import schools
from collector.store.database import MINISTRY
from collector.store.schools import RegionRecord

PERIOD = "2026-Q4"
THEN = {"period": PERIOD}
ZONE = ZoneInfo(PolicySettings().time_zone)
HOSTILE = "<script>alert(1)</script>\"'&\u202e " + "я" * 300
PAGES = ("/country", "/regions/KZ-75", "/districts/KZ-75/Медеу", "/schools", "/breaches", "/open")


@pytest.fixture
def judged(database):
    """Write a row of school_period as the rollup would."""

    def write(school_id, meets, *, period=PERIOD, region="KZ-75", state=None, download=30e6):
        state = state or {True: "ready", False: "not ready", None: "not enough data"}[meets]
        with database.owning() as connection:
            connection.execute(
                "insert into school_period (school_id, period, operator, voice, region_id, synthetic, tests, computers,"
                " days, slots, slots_met, slots_missed, meets, state, reason, download_bps, upload_bps,"
                " required_download_bps, required_upload_bps, missing_download_bps, missing_upload_bps, absences)"
                " values (%s, %s, '', 'cable', %s, false, 40, 4, 20, 40, %s, %s, %s, %s, 'because', %s, 8e6, 20e6, 5e6,"
                " %s, 0, '{}')",
                (
                    school_id,
                    period,
                    region,
                    38 if meets else 4,
                    2 if meets else 36,
                    meets,
                    state,
                    download,
                    max(0.0, 20e6 - download),
                ),
            )

    return write


@pytest.fixture
def found(database):
    """Write what the ranking of causes found."""

    def write(school_id, cause, region="KZ-75"):
        body = f'{{"cause": "{cause}", "confidence": "high", "sentence": "x"}}'
        with database.owning() as connection:
            connection.execute(
                "insert into school_finding (school_id, period, ranking, operator, region_id, synthetic, class, score,"
                " body, rules_version, updated_at) values (%s, %s, 'causes', '', %s, false, 0, 3, %s, '1', now())",
                (school_id, PERIOD, region, body),
            )

    return write


@pytest.fixture
def country(add_school, judged, found):
    """Five schools of two regions: one ready, two below, one without an answer, one without a line."""
    add_school("1", name="Әуезов мектебі", district="Медеу", operator="A", connectivity_type="fibre")
    add_school("2", name="Абай мектебі", district="Медеу", operator="A", connectivity_type="fibre")
    add_school("3", name="Астана мектебі", district="Есіл", region_id="KZ-71", operator="B", connectivity_type="adsl")
    add_school("4", name="Ұлытау мектебі", district="Медеу", operator="B")
    add_school("5", name="Ыбырай мектебі", connected=False)
    judged("1", meets=True)
    judged("2", meets=False, download=12e6)
    judged("3", meets=False, region="KZ-71", download=5e6)
    judged("2", meets=True, period="2026-Q3")
    found("2", "ISP_LINE")
    found("3", "HOST", region="KZ-71")


def cards(text: str) -> list[int]:
    """Return the figures of the cards, in their order."""
    return [int(re.sub(r"\D", "", one)) for one in re.findall(r'<li class="card[^>]*><b>([^<]*)</b>', text)]


@pytest.mark.usefixtures("country")
def test_the_answer_comes_first(client):
    """How many schools meet the target, do not, are not judged, are not connected; each figure leads on."""
    text = client.get("/country", params=THEN).text
    assert "33 % of the judged schools meet the target: 1 of 3." in text.replace("\N{NO-BREAK SPACE}", " ")
    assert cards(text)[:4] == [1, 2, 1, 1]
    assert "/rankings/schools?period=2026-Q4&amp;state=not+ready" in text
    for place in ("/regions/KZ-75?period=2026-Q4", "/rankings/causes?period=2026-Q4&amp;cause=ISP_LINE", "/breaches"):
        assert place in text
    assert "the operator&#39;s line" in text
    assert "netready-collector simulate" not in text


@pytest.mark.usefixtures("country")
def test_what_figures_lead_to_is_what_they_count(client):
    """The lists under the cards hold as many schools as the cards say."""
    text = client.get("/country", params=THEN).text
    places = re.findall(r'<li class="card[^>]*><b>([^<]*)</b> <a href="(/(?:rankings/)?schools[^"]*)"', text)
    assert len(places) == 5
    for figure, place in places:
        page = client.get(place.replace("&amp;", "&")).text
        assert len(re.findall(r'href="/schools/\d', page)) == int(re.sub(r"\D", "", figure)), place


@pytest.mark.usefixtures("country")
def test_the_map_has_all_units(client):
    """Twenty tiles, each a link with the unit's name and figure in words; one without schools says so."""
    text = client.get("/country", params=THEN).text
    tiles = re.findall(r'<a href="(/regions/KZ-\d\d)\?period=2026-Q4" aria-label="([^"]*)">', text)
    assert len({address for address, _ in tiles}) == 20
    words = dict(tiles)
    assert words["/regions/KZ-71"].startswith("Astana: 0")
    assert "no school judged yet" in words["/regions/KZ-10"]
    assert 'role="img"' not in text.partition('class="chart tiles"')[2].partition("</svg>")[0]


@pytest.mark.usefixtures("country")
def test_regions_stand_in_the_rankings_order(database):
    """The page's own sum by region gives what the ranking of regions gives."""
    period = periods.parse(PERIOD, ZONE)
    with database.reading(MINISTRY) as connection:
        parts = country_glance.gathered(connection, Window(period)).parts
        ranked = rankings.get("regions").ranked(connection, Window(period)).rows
    kept = [(row.id, row.rank, row.schools, row.judged, row.ready, row.ready_share) for row in ranked]
    assert [(one.id, one.rank, one.schools, one.judged, one.ready, one.ready_share) for one in parts] == kept


@pytest.mark.usefixtures("country")
def test_the_trend_goes_back_five_periods(client, database):
    """The same as a table; a period without an answer has a dash, not a nought."""
    period = periods.parse(PERIOD, ZONE)
    assert row_of_periods(period) == ["2026-Q4", "2026-Q3", "2026-Q2", "2026-Q1", "2025-Q4"]
    with database.reading(MINISTRY) as connection:
        trend = dict(country_glance.gathered(connection, Window(period)).trend)
    assert (trend["2026-Q3"].judged, trend["2026-Q3"].ready) == (1, 1)
    assert country_glance.share_of(trend["2025-Q4"]) is None
    assert "quarter 3 of 2026" in client.get("/country", params=THEN).text


@pytest.mark.usefixtures("country")
def test_a_region_and_its_districts(client, bearer):
    """A region sees itself by district, and no other; the country is not its page."""
    own = bearer("region", "KZ-75")
    text = client.get("/regions/KZ-75", params=THEN, headers=own).text
    assert cards(text)[:4] == [1, 1, 1, 1]
    assert f"/districts/KZ-75/{quote('Медеу')}?period=2026-Q4" in text
    assert "Астана мектебі" not in text
    assert client.get("/regions/KZ-71", params=THEN, headers=own).status_code == 403
    assert client.get("/country", params=THEN, headers=own).status_code == 403
    page = client.get(f"/districts/KZ-75/{quote('Медеу')}", params=THEN, headers=own).text
    assert page.index("Абай мектебі") < page.index("Әуезов мектебі") < page.index("Ұлытау мектебі")
    assert "Ыбырай" not in page


@pytest.mark.usefixtures("country")
@pytest.mark.parametrize(("role", "scope"), [("operator", "A"), ("school", "1")])
def test_others_are_told_where_they_belong(client, bearer, role, scope):
    """Neither an operator nor a school sees the country's or a region's page, or another's schools in lists."""
    own = bearer(role, scope)
    for path in ("/country", "/regions/KZ-75", "/districts/KZ-75/Медеу", "/map/country.svg"):
        assert client.get(path, headers=own).status_code == 403, path
    text = client.get("/schools", params=THEN, headers=own).text
    assert "Әуезов мектебі" in text
    assert "Астана мектебі" not in text


@pytest.mark.usefixtures("country")
@pytest.mark.parametrize(
    "path", ["/regions/KZ-99", "/regions/nowhere", "/districts/KZ-75/Nowhere", "/districts/KZ-75/"]
)
def test_what_is_not_there_is_said(client, path):
    """A code or a district of nobody is "not found", in words."""
    answer = client.get(path, params=THEN)
    assert answer.status_code == 404
    assert "region" in answer.text


@pytest.mark.usefixtures("country")
def test_schools_are_found_by_part_of_name_and_id(client):
    """Whatever the case; filters narrow it; nothing found says what to do."""
    ask = lambda **question: re.findall(r'href="/schools/(\d)', client.get("/schools", params=THEN | question).text)  # noqa: E731
    assert ask() == ["2", "3", "1", "4", "5"]  # Абай, Астана, Әуезов, Ұлытау, Ыбырай
    assert ask(order="rank")[0] == "1"
    assert ask(q="ӘУЕЗ") == ["1"]
    assert ask(q="3") == ["3"]
    assert ask(region="KZ-71") == ["3"]
    assert ask(operator="B") == ["3", "4"]
    assert ask(technology="fibre", state="not ready") == ["2"]
    assert ask(state="not connected") == ["5"]
    assert ask(region="KZ-75", district="Медеу") == ["2", "1", "4"]
    assert "No school fits" in client.get("/schools", params=THEN | {"q": "%_'"}).text


def test_a_long_list_has_pages(client, add_school):
    """Fifty rows each; a page beyond the last is the last; filters stay in the address."""
    for number in range(101):
        add_school(f"{number:03}", name=f"Мектеп № {number}")
    first = client.get("/schools", params={"q": "мектеп"}).text
    assert len(re.findall(r'href="/schools/\d', first)) == 50
    assert "Page 1 of 3" in first
    assert "q=%D0%BC%D0%B5%D0%BA%D1%82%D0%B5%D0%BF&amp;page=2" in first
    assert first.index("№ 9<") < first.index("№ 10<")
    for page in ("999999999", "-5", "3"):
        assert client.get("/schools", params={"page": page}).status_code == 200
    assert len(re.findall(r'href="/schools/\d', client.get("/schools", params={"page": "999"}).text)) == 1


@pytest.mark.parametrize("path", PAGES)
def test_an_empty_country_says_what_to_do(client, path):
    """No school, no district: each page says what is missing, and none breaks."""
    answer = client.get(path)
    assert answer.status_code == (404 if path.startswith("/districts") else 200)
    assert "None" not in answer.text


def test_hostile_names_are_only_names(client, add_school, judged):
    """Markup, quotes, right-to-left marks and 300 letters stay text, on every page and in every link."""
    add_school("1", name=HOSTILE, district=HOSTILE, operator=HOSTILE, connectivity_type=HOSTILE)
    judged("1", meets=False, download=1e6)
    district = client.get("/regions/KZ-75", params=THEN)
    link = re.search(r'href="(/districts/[^"]*)"', district.text)
    assert link is not None
    pages = [
        *("/regions/KZ-75", "/schools?region=KZ-75", "/breaches", link[1].replace("&amp;", "&")),
        *(f"/rankings/{name}" for name in rankings.names()),
    ]
    for path in pages:
        answer = client.get(path, params=None if "period" in path else THEN)
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text, path
    assert client.get("/schools", params={"q": HOSTILE}).status_code == 200


@pytest.mark.usefixtures("country")
@pytest.mark.parametrize("period", ["2026", "2026-11", "2025-Q1"])
def test_any_period(client, period):
    """Years, months and quarters long ago; nonsense is told in words."""
    for path in ("/country", "/regions/KZ-75", "/schools", "/breaches"):
        assert client.get(path, params={"period": period}).status_code == 200
        assert client.get(path, params={"period": "soon"}).status_code in (400, 422)


@pytest.mark.usefixtures("country")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("kk", ("талапқа сай", "Өңірлер", "Себептер", "Көрсету", "тоқсан")),
        ("ru", ("соответствуют норме", "Регионы", "Причины", "Показать", "квартал")),
    ],
)
def test_pages_speak_the_readers_language(client, language, words):
    """No English sentence of these pages is left in Kazakh or Russian; regions have their names."""
    text = client.get("/country", params=THEN | {"lang": language}).text
    for word in words:
        assert word in text
    everything = "".join(
        client.get(path, params=THEN | {"lang": language}).text
        for path in (*PAGES, *(f"/rankings/{name}" for name in rankings.names()))
    )
    visible = re.sub(r"<[^>]*>|netready[a-z -]*", " ", everything)
    for english in ("Ordered by", "Region", "School", "meets", "not enough", "Show", "Period", "Answer", "judged"):
        assert english not in visible, english


@pytest.mark.usefixtures("country")
def test_every_ranking_leads_on(client, bearer):
    """Each row leads to a page that is there; files are offered to those who may have them."""
    for name in rankings.names():
        text = client.get(f"/rankings/{name}", params=THEN).text
        for place in set(re.findall(r'<th scope="row"[^>]*><a href="([^"]*)"', text)):
            assert client.get(place.replace("&amp;", "&")).status_code == 200, place
        files = re.findall(r'href="(/api/v1/rankings/[^"]*)"', text)
        assert len(files) == 3, name
        for place in files:
            answer = client.get(place.replace("&amp;", "&"), headers=bearer("ministry"))
            assert answer.status_code == 200, place


@pytest.mark.usefixtures("country")
def test_causes_can_be_chosen(client):
    """The figure of a cause leads to just the schools that have it."""
    text = client.get("/rankings/causes", params=THEN | {"cause": "HOST"}).text
    assert re.findall(r'href="/schools/(\d)', text) == ["3"]
    assert client.get("/rankings/causes", params=THEN | {"cause": "'"}).status_code == 200


def test_a_former_region_keeps_its_name(client, database, add_school, judged):
    """A unit that was split has no tile, and stands in the table by its name."""
    with database.owning() as connection:
        old = RegionRecord(
            region_id="KZ-ALM", name_kk="Алматы облысы", name_ru="Алматинская область", name_en="Old Almaty"
        )
        schools.keep_regions(connection, [old])
    add_school("1", region_id="KZ-ALM")
    judged("1", meets=True, region="KZ-ALM")
    text = client.get("/country", params=THEN).text
    assert "Old Almaty" in text
    assert client.get("/regions/KZ-ALM", params=THEN).status_code == 200


def test_periods_have_names():
    """Only what a period can be is asked for."""
    with pytest.raises(SettingsError):
        periods.parse("2026-Q5", ZONE)
