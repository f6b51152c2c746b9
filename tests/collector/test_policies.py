import re
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from agent.contract import signing, wire
from agent.contract.errors import SettingsError
from agent.contract.wire import Release, Shift
from collector import access, policies, policy
from collector.errors import NotAllowed, NotFound
from collector.settings import PolicySettings, Server
from collector.slots import Figures
from collector.store import audit, rollups, schools
from collector.store import policies as stored
from collector.store.audit import Who
from collector.store.database import MINISTRY, Viewer
from collector.store.policies import Scope
from collector.store.rollups import Rollup
from tests.fakes.computer import batch, throughput

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
BASE = PolicySettings(servers=("wss://base.example:4443",))
REGION = Scope("KZ-75")
SCHOOL = Scope("KZ-75", "0042")
MINISTER = Who("the ministry", "ministry")
DAY = Rollup(
    school_id="0042",
    begins=date(2026, 11, 20),
    voice="any",
    operator="",
    region_id="KZ-75",
    synthetic=False,
    figures=Figures(tests=1),
)


@pytest.fixture
def change(database, add_school):
    """Change a policy; school 0042 stands in the region."""
    add_school("0042", pupils=1000)

    def do(scope: Scope, who: Who = MINISTER, at: datetime = NOW, **body):
        with database.ingesting() as connection:
            return policies.change(connection, scope, body, BASE, who=who, note="because", now=at)

    return do


@pytest.fixture
def effective(database):
    """Return what holds at school 0042, now or then."""

    def ask(at: datetime | None = None) -> PolicySettings:
        with database.ingesting() as connection:
            return policies.effective(connection, schools.visible_school(connection, "0042"), BASE, at)

    return ask


@pytest.fixture
def token(database):
    """Make API tokens with the rights that the role may have."""

    def make(role: str, scope: str | None = None) -> dict[str, str]:
        with database.owning() as connection:
            made = access.create(
                connection,
                role=role,
                scope=scope,
                name=f"{role} {scope}",
                days=30,
                now=datetime.now(UTC),
                rights=access.ROLE_RIGHTS[role],
            )
        return {"authorization": f"Bearer {made}"}

    return make


def test_the_narrower_wins_field_by_field(change, effective):
    """Each scope sets some fields; what none of them sets is the settings file's."""
    change(Scope(), capacity_sessions_per_day=6, long_capacity_days=14, weekdays=[1, 2, 3, 4, 5, 6])
    change(REGION, long_capacity_days=30, time_zone="Asia/Aqtobe")
    change(SCHOOL, weekdays=[1, 2, 3, 4, 5])
    change(Scope("KZ-71"), capacity_sessions_per_day=1)
    assert effective() == msgspec.structs.replace(
        BASE, capacity_sessions_per_day=6, long_capacity_days=30, time_zone="Asia/Aqtobe", weekdays=(1, 2, 3, 4, 5)
    )


def test_what_held_in_the_past_can_be_asked(database, change, effective):
    """Versions are only added: a day is judged by what held on it, and everybody sees who changed what, and why."""
    change(REGION, capacity_sessions_per_day=6)
    change(REGION, Who("office"), NOW + timedelta(days=3), capacity_sessions_per_day=2)
    change(REGION, at=NOW + timedelta(days=5))
    told = [effective(NOW + timedelta(days=days)).capacity_sessions_per_day for days in (-1, 0, 2, 4, 6)]
    assert told == [4, 6, 6, 2, 4]
    with database.reading(MINISTRY) as connection:
        found = stored.history(connection, REGION)
        log = audit.entries(connection, audit.Wanted(), limit=10)
    assert [(one.version, one.author, one.note, one.body) for one in found] == [
        (3, "the ministry", "because", {}),
        (2, "office", "because", {"capacity_sessions_per_day": 2}),
        (1, "the ministry", "because", {"capacity_sessions_per_day": 6}),
    ]
    assert [(one.who, one.what, one.about) for one in log][1:] == [
        ("office", "changed", "policy of region:KZ-75"),
        ("the ministry", "changed", "policy of region:KZ-75"),
    ]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"colour": 1}, "policy.colour: there is no such setting"),
        ({"start": "08:00"}, "policy.start: write shifts"),
        ({"capacity_sessions_per_day": 49}, "policy.capacity_sessions_per_day: "),
        ({"shifts": [{"start": "8", "end": "12:00"}]}, "policy.shifts"),
        ({"shifts": [{"start": "08:00", "end": "13:00"}, {"start": "12:00", "end": "18:00"}]}, "policy.shifts: they "),
        ({"shifts": [{"start": "13:00", "end": "18:00"}, {"start": "08:00", "end": "12:00"}]}, "policy.shifts: they "),
        ({"shifts": [{"start": "08:00", "end": "12:00"}, {"start": "20:00", "end": "09:00"}]}, "policy.shifts: they "),
        ({"terms": [{"first": "2026-09-01", "last": "2026-08-01"}]}, "policy.terms: the term that begins"),
        ({"holidays": ["2026-12-16"], "extra_days": ["2026-12-16"]}, "policy.holidays: 2026-12-16 is one of"),
        ({"holidays": ["16.12.2026"]}, "policy.holidays"),
        ({"time_zone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'"),
        ({"servers": ["http://x"]}, "policy.servers: 'http://x'"),
        ({"servers": [{"url": "wss://["}]}, "policy.servers: 'wss://['"),
        ({"servers": [{"url": "wss://x", "place": "beside"}]}, "policy.servers"),
        ({"servers": [{"url": "wss://x", "tests": 0}]}, "policy.servers"),
        ({"engines": ["iperf"]}, "policy.engines"),
        ({"standard": "mars"}, "policy.standard: no standard is called 'mars'"),
        ({"slot_minutes": 7}, "policy.slot_minutes"),
        ({"cameras": [{"name": "gate", "url": "http://x"}]}, "policy.cameras: gate"),
        ({"platforms": [{"name": "P", "url": "ftp://x"}]}, "policy.platforms: P"),
        ({"survey_rooms": ["  "]}, "policy.survey_rooms"),
        ({"paused": "yes"}, "policy.paused"),
        ({"update": {"version": "latest"}}, "policy.update: 'latest' is no version"),
        ({"update": {"version": "../0.2.0"}}, "policy.update: '../0.2.0' is no version"),
        ({"update": {"version": "0.2.0", "percent": 101}}, "policy.update.percent"),
        ({"update": {"version": "0.2.0", "mirrors": ["file:///etc"]}}, "policy.update: 'file:///etc' is no http"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(body, sentence):
    """Unknown and wrong fields are named at entry."""
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        policies.checked(body, BASE)


def test_a_field_of_a_newer_version_is_passed_over(database, change, effective):
    """A body written by a later version of the program holds as far as this one knows it."""
    change(REGION, capacity_sessions_per_day=6)
    with database.owning() as connection:
        connection.execute("update policy_change set body = body || '{\"later\": 1}'")
    assert effective().capacity_sessions_per_day == 6


def test_a_version_goes_out_region_by_region(change, effective):
    """A tenth of the country, all of one region, and none of a school that was told to wait; a school has no say."""
    assert effective().update is None
    change(policies.COUNTRY, update={"version": "0.2.0", "percent": 10})
    assert effective().update == Release(version="0.2.0", percent=10)
    change(REGION, update={"version": "0.2.0", "mirrors": ["http://mirror.example/netready"]})
    assert effective().update == Release(version="0.2.0", mirrors=("http://mirror.example/netready",))
    change(SCHOOL, update=None)
    assert effective().update is None
    with pytest.raises(NotAllowed, match="cannot set update"):
        change(SCHOOL, Who("school 0042", "school", "0042"), update={"version": "0.2.0"})


def test_a_school_may_pause_and_shorten_its_hours_and_nothing_else(change, effective):
    """Targets, servers and longer hours are the ministry's; what it set for the school stays."""
    head = Who("school 0042", "school", "0042")
    change(REGION, shifts=[{"start": "08:00", "end": "13:00"}, {"start": "13:30", "end": "19:00"}])
    change(SCHOOL, target_download_bps=50_000_000, paused=True)
    change(SCHOOL, head, shifts=[{"start": "08:30", "end": "12:30"}], holidays=["2026-12-16"], paused=True)
    assert effective().target_download_bps == 50_000_000
    assert effective().shifts == (Shift(start="08:30", end="12:30"),)
    assert effective().holidays == (date(2026, 12, 16),)
    for wrong in (
        {"target_download_bps": 1_000_000},
        {"servers": ["wss://own.example"]},
        {"shifts": [{"start": "07:00", "end": "12:00"}]},
        {"shifts": [{"start": "12:00", "end": "14:00"}]},
        {"weekdays": [1, 6]},
        {"quiet_start": "17:00"},
        {"quiet_weekdays": [7]},
    ):
        with pytest.raises(NotAllowed):
            change(SCHOOL, head, **wrong)
    change(REGION, paused=True, holidays=["2027-01-07"])
    with pytest.raises(NotAllowed, match="paused"):
        change(SCHOOL, head, paused=False, holidays=["2027-01-07"])
    with pytest.raises(NotAllowed, match="holidays"):
        change(SCHOOL, head, holidays=["2026-12-16"], paused=True)


@pytest.mark.parametrize(
    ("viewer", "may"),
    [
        (Viewer("ministry"), {"country", "region:KZ-75", "school:0042"}),
        (Viewer("admin"), {"country", "region:KZ-75", "school:0042"}),
        (Viewer("region", "KZ-75"), {"region:KZ-75", "school:0042"}),
        (Viewer("region", "KZ-71"), set()),
        (Viewer("school", "0042"), {"school:0042"}),
        (Viewer("school", "0043"), set()),
        (Viewer("operator", "KZ-75"), set()),
        (Viewer("auditor"), set()),
    ],
)
def test_each_role_changes_its_own(viewer, may):
    """The ministry everything, a region its own and its schools', a school its own; others nothing."""
    allowed = set()
    for scope in (Scope(), REGION, SCHOOL):
        try:
            policies.check_may_change(viewer, scope)
            allowed.add(str(scope))
        except NotAllowed:
            pass
    assert allowed == may


def test_a_scope_has_to_be_there(database, add_school):
    """Scopes are named by words that the registry knows, and that the viewer may see."""
    add_school("0042")
    with database.reading(Viewer("region", "KZ-71")) as connection:
        assert policies.scope_named(connection, "region:KZ-75") == REGION
        for name in ("school:0042", "region:KZ-99", "planet", "", "region", "school:"):
            with pytest.raises(NotFound):
                policies.scope_named(connection, name)


def test_a_change_has_the_last_weeks_added_up_again(database, change):
    """Hours and targets of before made the rollups: days of schools in the scope are judged again, others are not."""
    with database.owning() as connection:
        rollups.replace_days(connection, [("0042", date(2026, 11, 20))], [DAY])
        connection.execute("delete from dirty_day")
    waiting = "select school_id, day from dirty_day"
    change(REGION, capacity_sessions_per_day=2)
    change(Scope("KZ-71"), holidays=["2026-11-20"])
    with database.owning() as connection:
        assert connection.execute(waiting).fetchall() == []
    change(REGION, holidays=["2026-11-20"])
    with database.owning() as connection:
        assert connection.execute(waiting).fetchall() == [("0042", date(2026, 11, 20))]


def test_agents_are_told_all_of_it(change, effective):
    """Shifts, calendar, places, engines and the rest reach the agents, and old agents the hours around all shifts."""
    change(
        REGION,
        shifts=[{"start": "08:00", "end": "12:50"}, {"start": "13:30", "end": "18:20"}],
        terms=[{"first": "2026-09-01", "last": "2026-10-25"}],
        holidays=["2026-09-02"],
        extra_days=["2026-09-05"],
        servers=[{"url": "wss://in.example", "place": "inside", "tests": 5}, "wss://out.example"],
        engines=["ndt7", "msak"],
        target_upload_bps=9_000_000,
        standard="kz-floor",
        slot_minutes=15,
        paused=True,
    )
    school = schools.SchoolRecord(school_id="0042", name="x", region_id="KZ-75", pupils=1000)
    told = policy.policy_for(school, effective())
    assert (told.hours.start, told.hours.end) == ("08:00", "18:20")
    assert [shift.start for shift in told.shifts] == ["08:00", "13:30"]
    assert (told.terms[0].last, told.holidays, told.extra_days) == (
        date(2026, 10, 25),
        (date(2026, 9, 2),),
        (date(2026, 9, 5),),
    )
    assert told.servers == ("wss://in.example", "wss://out.example")
    assert [one.place for one in told.places] == ["inside", None]
    assert (told.engines, told.slot_minutes, told.paused, told.lease) == (("ndt7", "msak"), 15, True, True)
    assert (told.target.download_bps, told.target.upload_bps) == (100_000_000, 9_000_000)
    assert effective().all_servers[0] == Server(url="wss://in.example", place="inside", tests=5)


def test_an_agent_fetches_only_what_changed(client, database, add_school, enrolled, token):
    """The tag of the policy it has is answered with 304; a change is told with the next receipts, and fetched whole."""
    add_school("0042")
    computer = enrolled("0042")
    signed = {"authorization": signing.sign_request("GET", wire.POLICY_PATH, computer.key)}
    first = client.get(wire.POLICY_PATH, headers=signed)
    again = client.get(wire.POLICY_PATH, headers=signed | {"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    told = client.post(wire.REPORTS_PATH, content=batch(computer.report(throughput(30e6, 6e6)))).json()
    assert told["policy_version"] == first.json()["version"]
    wish = {"body": {"capacity_sessions_per_day": 7}, "note": "more"}
    put = client.put("/api/v1/policies/school:0042", json=wish, headers=token("ministry"))
    assert put.status_code == 200, put.text
    assert put.json()["effective"]["capacity_sessions_per_day"] == 7
    told = client.post(wire.REPORTS_PATH, content=batch(computer.report(throughput(30e6, 6e6)))).json()
    assert told["policy_version"] not in {None, first.json()["version"]}
    new = client.get(wire.POLICY_PATH, headers=signed | {"if-none-match": first.headers["etag"]})
    assert new.status_code == 200
    assert new.json()["version"] == told["policy_version"]
    assert new.json()["capacity_sessions_per_day"] == 7


def test_policies_over_the_api(client, add_school, token):
    """A region sets its own with a note, sees it and its history; others and nonsense are refused in a sentence."""
    add_school("0042")
    office, other = token("region", "KZ-75"), token("region", "KZ-71")
    address = "/api/v1/policies/region:KZ-75"
    assert client.get(address, headers=office).json()["version"] == 0
    wish = {"body": {"holidays": ["2026-12-16"]}, "note": "Independence Day"}
    kept = client.put(address, json=wish, headers=office).json()
    assert (kept["version"], kept["author"], kept["note"]) == (1, "region KZ-75", "Independence Day")
    assert client.get("/api/v1/policies/school:0042", headers=office).json()["effective"]["holidays"] == ["2026-12-16"]
    history = client.get("/api/v1/policy-changes", params={"scope": "region:KZ-75"}, headers=office).json()
    assert (history["total"], history["items"][0]["body"]) == (1, wish["body"])
    assert client.get("/api/v1/policies", headers=office).json()["total"] == 1
    assert client.put(address, json=wish, headers=other).status_code == 403
    assert client.put(address, json=wish).status_code == 401
    wrong = client.put(address, json={"body": {"holidays": "all"}}, headers=office)
    assert wrong.status_code == 400
    assert "policy.holidays" in wrong.json()["detail"]
    assert client.put(address, content=b"[" * 100_000, headers=office).status_code == 400
    assert client.put(address, json={"bodies": {}}, headers=office).status_code == 400
    head = token("school", "0042")
    assert client.put("/api/v1/policies/school:0042", json={"body": {"paused": True}}, headers=head).status_code == 200
    refused = client.put("/api/v1/policies/school:0042", json={"body": {"servers": []}}, headers=head)
    assert refused.status_code == 403
    assert "education office" in refused.json()["detail"]
