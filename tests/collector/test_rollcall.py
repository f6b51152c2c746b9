from datetime import UTC, datetime, timedelta

import pytest

from collector import access, ingest, rollcall, rollup
from collector.settings import FleetSettings, PolicySettings
from collector.store import agents, fleet
from collector.store.database import MINISTRY, Viewer
from collector.store.fleet import Asked
from tests.fakes.computer import Computer, throughput

CALENDARS = rollup.calendars_of(PolicySettings())
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)  # a Wednesday


@pytest.fixture
def take(database):
    """Deliver reports as if they came in at a moment."""

    def deliver(*envelopes: bytes, when: datetime) -> list[str]:
        with database.ingesting() as connection:
            return [one.answer for one in ingest.accept(connection, envelopes, when)]

    return deliver


@pytest.fixture
def call(database):
    """Hold a roll call; return what is known of the computers."""

    def hold(now: datetime = NOW, settings: FleetSettings | None = None) -> dict[str, fleet.ComputerHealth]:
        rollcall.run(database, CALENDARS.at, settings or FleetSettings(), now)
        with database.reading(MINISTRY) as connection:
            return {one.id: one for one in fleet.by_computer(connection, Asked(), limit=100, offset=0)[0]}

    return hold


@pytest.fixture
def school_of(database):
    """Return what is known of a school's computers."""

    def find(school_id: str) -> fleet.SchoolFleet:
        with database.reading(MINISTRY) as connection:
            (found,) = fleet.by_school(connection, Asked(school_id=school_id))
        return found

    return find


def made_at(moment: datetime, **changes) -> dict:
    """Return how a report of a moment is made."""
    return {"at": moment, **changes}


def test_computers_and_schools_are_judged_by_what_came_in(add_school, enrolled, take, call, school_of):
    """Live, silent and never reported side by side; the school is in the state of its best computer."""
    add_school("1")
    add_school("2")
    fresh, old, mute = (enrolled("1", seed) for seed in (1, 2, 3))
    take(fresh.report(throughput(3e7, 8e6), **made_at(NOW - timedelta(hours=3))), when=NOW - timedelta(hours=3))
    take(old.report(throughput(3e7, 8e6), **made_at(NOW - timedelta(days=20))), when=NOW - timedelta(days=20))
    known = call()
    assert {known[one.id].state for one in (fresh,)} == {"live"}
    assert (known[old.id].state, known[old.id].days) == ("silent", 13)
    assert known[mute.id].state == "never_reported"
    one = school_of("1")
    assert (one.state, one.days, one.computers, one.live, one.silent, one.never_reported) == ("live", 0, 3, 1, 1, 1)
    assert one.versions == {"netready test": 3}
    assert (school_of("2").state, school_of("2").computers, school_of("2").days) == ("none_enrolled", 0, None)


def test_a_computer_out_of_service_is_not_counted(database, add_school, enrolled, call, school_of):
    """Who was revoked is neither silent nor missing."""
    add_school("1")
    gone = enrolled("1")
    assert set(call()) == {gone.id}
    with database.owning() as connection:
        agents.revoke(connection, gone.id)
    assert call() == {}
    assert school_of("1").state == "none_enrolled"


def test_a_copied_disk_is_found(add_school, enrolled, take, call, school_of):
    """Two computers with one key: what is refused is remembered, and both going on gives them away."""
    add_school("1")
    first = enrolled("1")
    copy = Computer("1", 1)
    moment = NOW - timedelta(hours=8)
    answers = []
    for number in range(6):
        one, name = (first, "boot-a") if number % 2 == 0 else (copy, "boot-b")
        moment += timedelta(hours=1)
        answers += take(one.report(throughput(3e7, 8e6), **made_at(moment, boot_id=name)), when=moment)
    assert answers.count("refused") == 3
    known = call()[first.id]
    assert (known.identity, known.refused) == ("copied", 3)
    assert school_of("1").copied == 1


def test_a_restored_disk_is_told_from_a_copied_one(add_school, enrolled, take, call):
    """A computer that repeats its numbers once and goes on alone was set back to an earlier state."""
    add_school("1")
    first = enrolled("1")
    moment = NOW - timedelta(hours=8)
    for _ in range(3):
        moment += timedelta(minutes=30)
        take(first.report(throughput(3e7, 8e6), **made_at(moment, boot_id="before")), when=moment)
    again = Computer("1", 1)
    for _ in range(5):
        moment += timedelta(minutes=30)
        take(again.report(throughput(2e7, 8e6), **made_at(moment, boot_id="after")), when=moment)
    known = call()[first.id]
    assert (known.identity, known.refused) == ("restored", 3)


def test_a_snapshot_is_seen_over_several_roll_calls(add_school, enrolled, take, call):
    """A clock since boot that went back between two looks is noticed, and each report is counted once."""
    add_school("1")
    one = enrolled("1")
    begun = NOW - timedelta(days=1)
    for number, monotonic_s in enumerate((100.0, 200.0, 50.0, 60.0)):
        moment = begun + timedelta(hours=number)
        take(one.report(throughput(3e7, 8e6), **made_at(moment, monotonic_s=monotonic_s)), when=moment)
        for _ in range(2):
            known = call(moment + timedelta(minutes=10))
    assert known[one.id].identity == "restored"


def test_backlog_is_told(add_school, enrolled, take, call, school_of):
    """A report that waited for days is a backlog; one from a computer whose clock is wrong is not."""
    add_school("1")
    late, wrong = enrolled("1", 1), enrolled("1", 2)
    came = NOW - timedelta(hours=1)
    take(late.report(throughput(3e7, 8e6), **made_at(came - timedelta(days=3), dropped=7)), when=came)
    take(wrong.report(throughput(3e7, 8e6), **made_at(came - timedelta(days=400), waiting=0)), when=came)
    known = call()
    assert known[late.id].is_delayed
    assert (known[late.id].delay_s, known[late.id].dropped) == (3 * 86_400, 7)
    assert not known[wrong.id].is_delayed
    assert school_of("1").delayed == 1


def test_what_is_old_is_forgotten(database, add_school, enrolled, take, call):
    """Boots and refusals of long ago go, and with them the doubt about a key."""
    add_school("1")
    first, copy = enrolled("1"), Computer("1", 1)
    moment = NOW - timedelta(hours=5)
    for one, name in ((first, "a"), (copy, "b"), (first, "a"), (copy, "b")):
        moment += timedelta(hours=1)
        take(one.report(throughput(3e7, 8e6), **made_at(moment, boot_id=name)), when=moment)
    assert call()[first.id].identity == "copied"
    known = call(NOW + timedelta(days=60))[first.id]
    assert (known.identity, known.refused, known.state) == ("one", 0, "silent")
    with database.owning() as connection:
        assert connection.execute("select count(*) from agent_boot").fetchone() == (0,)


@pytest.fixture
def two_regions(database, add_school, enrolled):
    """Two schools in two regions with a computer each, after a roll call; return how a holder of a token asks."""
    add_school("1", operator="A")
    add_school("2", operator="A", region_id="KZ-71")
    enrolled("1", 1)
    enrolled("2", 2)
    rollcall.run(database, CALENDARS.at, FleetSettings(), NOW)

    def token(role: str, scope: str | None = None) -> dict[str, str]:
        with database.owning() as connection:
            made = access.create(connection, role=role, scope=scope, name="x", days=1, now=datetime.now(UTC))
        return {"authorization": f"Bearer {made}"}

    return token


@pytest.mark.parametrize(
    ("role", "scope", "regions", "schools", "computers"),
    [
        ("ministry", None, {"KZ-75", "KZ-71"}, {"1", "2"}, 2),
        ("auditor", None, {"KZ-75", "KZ-71"}, {"1", "2"}, 2),
        ("region", "KZ-71", {"KZ-71"}, {"2"}, None),
        ("school", "1", {"KZ-75"}, {"1"}, 1),
        ("operator", "A", None, None, None),
    ],
)
def test_everybody_sees_the_part_of_the_fleet_that_is_theirs(
    client, two_regions, role, scope, regions, schools, computers
):
    """Regions see their schools counted, schools their own computers, operators nothing: by refusal, not by zeros."""
    headers = two_regions(role, scope)

    def ask(path: str) -> list[dict] | None:
        answer = client.get(path, headers=headers)
        if answer.status_code == 403:
            return None
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["total"] == len(body["items"])
        assert body["judged_at"] == "2026-11-25T09:00:00Z"
        return body["items"]

    def ids(rows: list[dict] | None) -> set[str] | None:
        return None if rows is None else {row["id"] for row in rows}

    assert ids(ask("/api/v1/fleet")) == regions
    assert ids(ask("/api/v1/fleet/schools")) == schools
    found = ask("/api/v1/fleet/computers")
    assert (None if found is None else len(found)) == computers


def test_the_database_itself_hides_the_fleet(database, two_regions):
    """Even a question that forgets who asks shows nothing that is not theirs."""
    for viewer, expected in ((Viewer("operator", "A"), (0, 0)), (Viewer("region", "KZ-71"), (0, 1))):
        with database.reading(viewer) as connection:
            found = tuple(
                connection.execute(f"select count(*) from {table}").fetchone()[0]  # noqa: S608 - two fixed names
                for table in ("computer_health", "school_fleet")
            )
        assert found == expected


def test_lists_have_pages_and_filters(client, two_regions):
    """A cursor goes on where the page ended, and belongs to its question."""
    headers = two_regions("ministry")
    first = client.get("/api/v1/fleet/computers?limit=1", headers=headers).json()
    second = client.get(f"/api/v1/fleet/computers?limit=1&cursor={first['cursor']}", headers=headers).json()
    assert (first["total"], second["total"], second["cursor"]) == (2, 2, None)
    assert first["items"][0]["id"] != second["items"][0]["id"]
    other = client.get(f"/api/v1/fleet/computers?state=live&cursor={first['cursor']}", headers=headers)
    assert other.status_code == 400
    assert client.get("/api/v1/fleet/computers?state=live", headers=headers).json()["total"] == 0
    assert client.get("/api/v1/fleet/schools?region=KZ-71", headers=headers).json()["total"] == 1


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/fleet", "Almaty"),
        ("/fleet?region=KZ-71&state=never_reported", "School 2"),
        ("/fleet?state=live&page=99", "No school is in this state"),
        ("/it/computers/1", "its own"),
    ],
)
def test_the_pages_show_it(client, two_regions, path, told):
    """The country, a region, a school: as pages in the look of the others."""
    answer = client.get(path)
    assert answer.status_code == 200
    assert told in answer.text


def test_an_empty_country_says_so(client):
    """Before the first roll call nobody is silent."""
    assert "Nobody was counted yet" in client.get("/fleet").text
