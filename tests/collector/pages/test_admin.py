"""The administration: who sees which part, what is shown once, what is asked before it is done, what two tabs do."""

import contextlib
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from collector import backup, enrollment
from collector.pages.admin import JOB_WORDS
from collector.people import accounts
from collector.people.accounts import Wanted
from collector.registry import COLUMNS
from collector.serving import jobs_of
from collector.settings import Settings
from collector.store import access, agents, audit, schools
from collector.store import policies as stored_policies
from collector.store.audit import Who
from collector.store.database import MINISTRY
from collector.timetable import EVERY_S
from collector.words import tongue
from tests.collector.test_login import Browser

NOBODY = Who("a test")
ZONE = ZoneInfo("Asia/Almaty")
OWN = "seven green horses sleep"
HOSTILE = '<b onclick="x">"\u202e' + "ә" * 280
KEY = re.compile(r'name="key" value="([^"]+)"')
VERSION = re.compile(r'name="version" value="(\d+)"')
SEALED = re.compile(r'name="sealed" value="([^"]+)"')
CSV = ",".join(COLUMNS)


@pytest.fixture
def another(client):
    """Make browsers that are not at the collector's own computer, and read English."""
    with contextlib.ExitStack() as open_ones:

        def make(language: str = "en") -> Browser:
            made = Browser(str(client.base_url))
            made.http.headers["accept-language"] = language
            open_ones.enter_context(made.http)
            return made

        yield make


@pytest.fixture
def somebody(database, add_school, another):
    """Somebody of a role who has logged in; two schools."""
    add_school("0001", name="School <i>one</i>")
    add_school("0002", region_id="KZ-71")

    def make(role: str = "admin", scope: str | None = None, name: str = "root", language: str = "en") -> Browser:
        browser = another(language)
        now = datetime.now(UTC)
        first = accounts.create(database, Wanted(name=name, role=role, scope=scope), NOBODY, now)
        browser.log_in(name, first)
        browser.open("/account/password")
        assert browser.send("/account/password", old=first, new=OWN, again=OWN).status_code == 303
        return browser

    return make


def entries(database, about: str | None = None):
    """Return what the audit log tells, newest first."""
    with database.reading(MINISTRY) as connection:
        return audit.entries(connection, audit.Wanted(about=about), limit=100)


def upload(browser: Browser, content: str | bytes, **fields: str):
    """Send a registry file as a browser does."""
    token = re.search(r'name="form_token" value="([0-9a-f]{64})"', browser.page)[1]
    origin = {"origin": str(browser.http.base_url).rstrip("/")}
    body = {"form_token": token, "do": "preview", "form": "netready", "as_of": ""} | fields
    files = {"file": ("registry.csv", content, "text/csv")}
    answer = browser.http.post("/admin/registry", data=body, files=files, headers=origin)
    browser.page = answer.text
    return answer


def apply(browser: Browser, sealed: str):
    """Press the second button."""
    token = re.search(r'name="form_token" value="([0-9a-f]{64})"', browser.page)[1]
    origin = {"origin": str(browser.http.base_url).rstrip("/")}
    body = {"form_token": token, "do": "apply", "sealed": sealed}
    return browser.http.post(
        "/admin/registry", files={name: (None, told) for name, told in body.items()}, headers=origin
    )


PLACES = ("/admin", "/admin/registry", "/admin/policy", "/admin/servers", "/accounts", "/admin/tokens", "/admin/agents")
SEEN = {
    "admin": {*PLACES, "/admin/audit", "/admin/jobs"},
    "ministry": {"/admin", "/admin/policy", "/admin/servers", "/admin/audit", "/admin/jobs"},
    "auditor": {"/admin", "/accounts", "/admin/audit", "/admin/jobs"},
    "region": {"/admin", "/admin/policy"},
    "school": {"/admin", "/admin/policy"},
    "operator": set(),
}
SCOPES = {"region": "KZ-75", "school": "0001", "operator": "Operator B"}


@pytest.mark.parametrize("role", sorted(SEEN))
def test_each_part_is_for_its_right(somebody, add_school, role):
    """Everybody gets the parts of their rights, in the tabs too; a part of another right says so."""
    add_school("3", operator="Operator B")
    browser = somebody(role, SCOPES.get(role))
    answers = {place: browser.open(place) for place in (*PLACES, "/admin/audit", "/admin/jobs")}
    assert {place for place, answer in answers.items() if answer.status_code == 200} == SEEN[role]
    assert {answer.status_code for answer in answers.values()} <= {200, 403}
    for place in SEEN[role]:
        shown = set(re.findall(r'<a href="(/(?:admin|accounts)[a-z/]*)"', answers[place].text.partition("</nav>")[2]))
        assert {one for one in shown if one in (*PLACES, "/admin/audit", "/admin/jobs")} <= SEEN[role]
        assert answers[place].headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("language", "word"), [("kk", "Әкімшілендіру"), ("ru", "Администрирование"), ("en", "Administration")]
)
def test_every_part_speaks_the_language(somebody, language, word):
    """Each page comes in the language that the browser asks for."""
    browser = somebody(language=language)
    for place in (*PLACES, "/admin/audit", "/admin/jobs", "/admin/policy/country", "/fleet", "/account"):
        answer = browser.open(place)
        assert (answer.status_code, answer.headers["content-language"]) == (200, language), place
        assert word in answer.text


def test_an_api_token_is_shown_once_and_made_once(somebody, database):
    """Shown to who made it; the same form sent again makes none; revoked, it is listed so. The log has no token."""
    browser = somebody()
    page = browser.open("/admin/tokens").text
    fields = {
        "do": "create",
        "key": KEY.search(page)[1],
        "name": HOSTILE[:190],
        "role": "region",
        "scope": "KZ-75",
        "days": "30",
    }
    made = browser.send("/admin/tokens", right_read="yes", **fields)
    token = re.search(r'class="secret">(nr_[^<]+)<', made.text)[1]
    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
    assert "<b onclick" not in made.text
    again = browser.send("/admin/tokens", right_read="yes", **fields)
    assert "sent twice" in again.text
    assert token not in again.text
    with database.admitting() as connection:
        (kept,) = access.access_list(connection)
    assert (kept.role, kept.scope, kept.rights) == ("region", "KZ-75", ["read"])
    assert token not in str(entries(database))
    assert "already" in browser.send("/admin/tokens", right_read="yes", **{**fields, "key": "another"}).text
    for _ in range(2):
        assert browser.send("/admin/tokens", do="revoke", name=kept.name).status_code == 303
    assert "revoked" in browser.open("/admin/tokens").text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "who holds"),
        ({"name": "x", "role": "king"}, "no role"),
        ({"name": "x", "role": "region"}, "limited"),
        ({"name": "x", "role": "ministry", "scope": "KZ-75"}, "whole country"),
        ({"name": "x", "role": "school", "scope": "9"}, "does not know"),
        ({"name": "x", "role": "school", "scope": "0001", "right_accounts": "yes"}, "cannot have"),
        ({"name": "x", "role": "ministry", "days": "99999"}, "whole number"),
        ({"do": "enrol", "school": "9", "uses": "1", "expires": "1"}, "no school"),
        ({"do": "enrol", "school": "0001", "uses": "0", "expires": "1"}, "whole number"),
    ],
)
def test_a_token_that_cannot_be(somebody, database, fields, said):
    """A sentence, what was typed stays in the form, and nothing is made."""
    browser = somebody()
    browser.open("/admin/tokens")
    answer = browser.send("/admin/tokens", **{"do": "create", "right_read": "yes", "key": "k"} | fields)
    assert answer.status_code == 400
    assert said in answer.text
    with database.admitting() as connection:
        assert access.access_list(connection) == []


def test_an_enrolment_token_enrols(somebody, database):
    """Shown once; the second press says so."""
    browser = somebody()
    page = browser.open("/admin/tokens").text
    fields = {"do": "enrol", "key": KEY.search(page)[1], "school": " 0001 ", "uses": "3", "expires": "5"}
    assert re.search(r'class="secret">[0-9a-z]{20}<', browser.send("/admin/tokens", **fields).text)
    assert "sent twice" in browser.send("/admin/tokens", **fields).text
    assert len(entries(database, "school 0001")) == 1


OPEN = re.compile(r'name="token" value="([0-9a-f]{16})"')


def test_an_open_enrolment_token_is_listed_and_ended(somebody, database):
    """Whose, by whom, how often still; not the token itself. Ended, it enrols nobody; a second press does nothing."""
    browser = somebody(name="aigul")
    page = browser.open("/admin/tokens").text
    assert "No enrolment token is open" in page
    fields = {"do": "enrol", "key": KEY.search(page)[1], "school": "0001", "uses": "3", "expires": "5"}
    token = re.search(r'class="secret">([0-9a-z]{20})<', browser.send("/admin/tokens", **fields).text)[1]
    with database.owning() as connection:
        enrollment.create_token(connection, "0002", uses=1, days=1, now=datetime.now(UTC) - timedelta(days=2))
        enrollment.create_token(connection, "0002", uses=7, days=1, now=datetime.now(UTC))
    page = browser.open("/admin/tokens").text
    assert token not in page
    assert all(told in page for told in ("School &lt;i&gt;one", "aigul", "3 of 3", "7 of 7"))
    assert "1 of 1" not in page
    assert "not known" in page
    assert OPEN.findall(browser.open("/admin/tokens?school=0001").text) == [enrollment.mark_of(token)]
    for _ in range(2):
        answer = browser.send("/admin/tokens", do="end", school="0001", token=enrollment.mark_of(token))
        assert answer.status_code == 303
    assert OPEN.findall(browser.open("/admin/tokens?school=0001").text) == []
    ended = [one for one in entries(database, "school 0001") if one.detail.get("enrollment") == "token ended"]
    assert [one.detail["token"] for one in ended] == [enrollment.mark_of(token)]
    with database.ingesting() as connection:
        assert agents.token_for_use(connection, enrollment.token_hash(token)).expires_at <= datetime.now(UTC)


def test_a_regions_token_is_made_listed_and_ended(somebody, database):
    """For an engineer: shown once, a second press makes no other, in the list by its region until it is ended."""
    browser = somebody()
    page = browser.open("/admin/tokens").text
    fields = {"do": "enrol-region", "key": KEY.search(page)[1], "region_uses": "5", "region_expires": "2"}
    assert "hoose a region from" in browser.send("/admin/tokens", **fields, region="KZ-00").text
    answer = browser.send("/admin/tokens", **fields, region="KZ-75").text
    token = re.search(r'class="secret">([0-9a-z]{20})<', answer)[1]
    assert "sent twice" in browser.send("/admin/tokens", **fields, region="KZ-75").text
    page = browser.open("/admin/tokens").text
    assert token not in page
    assert "5 of 5" in page
    assert OPEN.findall(page) == [enrollment.mark_of(token)]
    for _ in range(2):
        assert browser.send("/admin/tokens", do="end-region", token=enrollment.mark_of(token)).status_code == 303
    assert OPEN.findall(browser.open("/admin/tokens").text) == []
    assert [one.detail["token"] for one in entries(database, "regions")] == [enrollment.mark_of(token)]


def test_the_last_backup_is_told(somebody, database, tmp_path):
    """None was made, with how to make one; then when one was made."""
    browser = somebody()
    page = browser.open("/admin").text
    assert "none was made yet" in page
    assert "netready-collector backup create" in page
    backup.create(database, tmp_path / "country.tar.zst", lambda _: None)
    assert "none was made yet" not in browser.open("/admin").text
    (entry,) = entries(database, "backup")
    assert (entry.detail["done"], entry.who.startswith("command line")) == ("created", True)


def test_a_restored_database_tells_of_its_backup(somebody, database):
    """It has no entry of the backup that it came from, made after what is in it; the restore tells of it."""
    browser = somebody()
    told = {"done": "restored", "backup_of": "2026-03-04T05:06:07+00:00"}
    with database.owning() as connection:
        audit.note(connection, NOBODY, "changed", "backup", now=datetime(2026, 5, 6, tzinfo=UTC), detail=told)
    page = browser.open("/admin").text
    assert "restored from a backup" in page
    assert tongue("en").day(datetime(2026, 3, 4, tzinfo=UTC)) in page
    assert tongue("en").moment(datetime(2026, 5, 6, tzinfo=UTC).astimezone(ZONE)) in page


def test_every_job_has_its_words_and_its_time():
    """What runs, what the page calls it, and how often: one list."""
    assert {one.name: one.every_s for one in jobs_of(Settings())} == EVERY_S
    assert set(EVERY_S) == set(JOB_WORDS)


def test_a_computer_goes_out_of_service_once(somebody, database, enrolled):
    """Only after the box was ticked; a second press changes nothing; found by what its id begins with."""
    browser = somebody()
    computer = enrolled("0001")
    place = f"/admin/agents/{computer.id}"
    assert "School &lt;i&gt;one" in browser.open(place).text
    assert browser.send(place).status_code == 400
    for _ in range(2):
        assert browser.send(place, sure="yes").headers["location"] == place
    assert "out of service" in browser.open(place).text
    assert len(entries(database, f"computer {computer.id}")) == 1
    assert browser.open("/admin/agents/" + "0" * 64).status_code == 404
    assert browser.open("/admin/agents?q=0001").status_code == 200


def test_a_computer_shows_all_its_keys(somebody, database, enrolled):
    """After a re-image: each key's page names the other and leads there; the earlier one says that it ended."""
    browser = somebody()
    old, new = enrolled("0001", 1), enrolled("0001", 2)
    assert "Keys of this computer" not in browser.open(f"/admin/agents/{new.id}").text
    with database.owning() as connection:
        assert agents.succeed(connection, "0001", new.id, old.id, datetime.now(UTC))
    assert f'href="/admin/agents/{old.id}"' in browser.open(f"/admin/agents/{new.id}").text
    told = browser.open(f"/admin/agents/{old.id}").text
    assert f'href="/admin/agents/{new.id}"' in told
    assert "or has a newer key" in told


ROW = "0001,Renamed school,KZ-75,,,,500,fibre,,,"
NEW = "0009,New & <b>school</b>,KZ-75,,,,100,fibre,,,"


def test_a_registry_is_shown_before_it_changes(somebody, database):
    """New and changed field by field; nothing changes before the second press; a third one does no harm."""
    browser = somebody()
    browser.open("/admin/registry")
    answer = upload(browser, f"{CSV}\n{ROW}\n{NEW}\n")
    assert answer.status_code == 200, answer.text
    assert "Renamed school" in answer.text
    assert "New &amp; &lt;b&gt;school" in answer.text
    with database.reading(MINISTRY) as connection:
        assert [one.school_id for one in schools.schools(connection)] == ["0001", "0002"]
    sealed = SEALED.search(answer.text)[1]
    for _ in range(2):
        done = apply(browser, sealed)
        assert (done.status_code, done.headers.get("location")) == (303, "/admin/registry?done=yes"), done.text
    with database.reading(MINISTRY) as connection:
        assert [one.name for one in schools.schools(connection)][::2] == ["Renamed school", "New & <b>school</b>"]
    (entry,) = entries(database, "registry")
    assert (entry.who, entry.detail["added"], entry.detail["renewed"]) == ("root", 1, 1)


def test_a_bad_row_changes_nothing(somebody, database):
    """Each is named with its line and column, and there is nothing to press."""
    browser = somebody()
    browser.open("/admin/registry")
    answer = upload(browser, f"{CSV}\n{NEW}\n0010,,KZ-99,,,,many,fibre,,,\n")
    assert answer.status_code == 400
    assert SEALED.search(answer.text) is None
    found = re.findall(r'<td class="number">3</td><td><bdi>([a-z0-9_]+)</bdi>', answer.text)
    assert {"school_name", "admin1", "num_students"} <= set(found)
    with database.reading(MINISTRY) as connection:
        assert len(schools.schools(connection)) == 2


@pytest.mark.parametrize(
    ("language", "wrong", "doubt"),
    [
        ("kk", "бос; мектептің атауын жазыңыз", "ендік немесе бойлық жазылмаған"),
        ("ru", "пусто; напишите название школы", "не указана широта или долгота"),
        ("en", "empty; write the school", "one of latitude and longitude is missing"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_the_language(somebody, language, wrong, doubt):
    """Problems and warnings; nothing of them is English for those who read Kazakh or Russian."""
    browser = somebody(language=language)
    browser.open("/admin/registry")
    answer = upload(browser, f"{CSV}\n0010,,KZ-99,,,,many,fibre,,,\n")
    assert wrong in answer.text
    assert 'lang="en"' not in answer.text.partition("<main")[2]
    answer = upload(browser, f"{CSV}\n0010,Name,KZ-75,,43.2,,5,fibre,,,\n")
    assert doubt in answer.text
    assert 'lang="en"' not in answer.text.partition("<main")[2]
    assert 'lang="en"' not in upload(browser, b"%PDF-1.7").text.partition("<main")[2]


def test_a_registry_that_changed_in_between_is_not_overwritten(somebody, add_school, database):
    """What was shown is done, or nothing; nor is what somebody made up, or what another person was shown."""
    browser = somebody()
    browser.open("/admin/registry")
    sealed = SEALED.search(upload(browser, f"{CSV}\n{NEW}\n").text)[1]
    other = somebody(name="dana")
    other.open("/admin/registry")
    for wrong in (sealed[:-4] + "AAAA", "x", "", "ә"):
        assert apply(browser, wrong).status_code == 400
    assert apply(other, sealed).status_code == 400
    add_school("0002", region_id="KZ-71", pupils=7)
    answer = apply(browser, sealed)
    assert answer.status_code == 400
    assert "has changed" in answer.text
    with database.reading(MINISTRY) as connection:
        assert len(schools.schools(connection)) == 2


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"PK\x03\x04nonsense", b"%PDF-1.7", b"a,b\n1,2\n"])
def test_a_file_that_is_no_registry(somebody, content):
    """A sentence, and no error of ours."""
    browser = somebody()
    browser.open("/admin/registry")
    assert upload(browser, content).status_code == 400


def policy_of(database, scope: str = "country"):
    """Return what a scope sets."""
    with database.reading(MINISTRY) as connection:
        return stored_policies.newest(connection, None).get(scope)


def test_a_policy_is_changed_with_a_form(somebody, database):
    """What is ticked is set, the rest is left; sent again with the back button it changes nothing."""
    browser = somebody("ministry")
    version = VERSION.search(browser.open("/admin/policy/country").text)[1]
    fields = {
        "version": version,
        "paused": "",
        "set_shifts": "yes",
        "shift1_start": "08:00",
        "shift1_end": "13:00",
        "shift2_start": "13:30",
        "shift2_end": "19:00",
        "set_holidays": "yes",
        "holidays": "2026-12-16 2026-12-17\n2027-01-01",
        "set_terms": "yes",
        "terms": "2026-09-01 2026-10-25",
        "set_monthly_bytes": "yes",
        "monthly_bytes": "20",
        "tests_per_slot": "9",
        "set_servers": "yes",
        "server1_url": "wss://one.example",
        "server1_place": "outside",
        "server1_mbit": "1000",
        "set_platforms": "yes",
        "platforms": "Kundelik | https://kundelik.kz",
        "note": HOSTILE[:300],
    }
    for _ in range(2):
        answer = browser.send("/admin/policy/country", **fields)
        assert answer.headers.get("location") == "/admin/policy/country?done=yes", answer.text
    kept = policy_of(database)
    assert kept.version == 1
    assert kept.body == {
        "shifts": [{"start": "08:00", "end": "13:00"}, {"start": "13:30", "end": "19:00"}],
        "holidays": ["2026-12-16", "2026-12-17", "2027-01-01"],
        "terms": [{"first": "2026-09-01", "last": "2026-10-25"}],
        "monthly_bytes": 20 * 10**9,
        "servers": [{"url": "wss://one.example", "place": "outside", "capacity_bps": 1000 * 10**6}],
        "platforms": [{"name": "Kundelik", "url": "https://kundelik.kz"}],
    }
    page = browser.open("/admin/policy/country").text
    assert "13:30–19:00" in page
    assert "<b onclick" not in page
    assert "wss://one.example" in browser.open("/admin/servers").text


def test_two_tabs_change_one_policy(somebody, database):
    """The second one is told what changed meanwhile and who did it; what was typed is still there, and can be saved."""
    first = somebody("ministry", name="aigul")
    second = somebody("ministry", name="dana")
    version = VERSION.search(first.open("/admin/policy/country").text)[1]
    second.open("/admin/policy/country")
    told = {"version": version, "set_tests_per_slot": "yes"}
    assert first.send("/admin/policy/country", tests_per_slot="5", **told).status_code == 303
    answer = second.send("/admin/policy/country", tests_per_slot="7", note="mine", **told)
    assert answer.status_code == 409
    assert "aigul changed this policy" in answer.text
    assert "<bdi>–</bdi> → <b><bdi>5</bdi></b>" in answer.text
    assert 'name="tests_per_slot" value="7"' in answer.text
    assert 'value="mine"' in answer.text
    assert policy_of(database).body == {"tests_per_slot": 5}
    told["version"] = VERSION.search(answer.text)[1]
    assert second.send("/admin/policy/country", tests_per_slot="7", **told).status_code == 303
    assert policy_of(database).body == {"tests_per_slot": 7}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"set_shifts": "yes", "shift1_start": "8", "shift1_end": "13:00"}, "shifts"),
        ({"set_shifts": "yes"}, "shifts"),
        (
            {
                "set_shifts": "yes",
                "shift1_start": "08:00",
                "shift1_end": "13:00",
                "shift2_start": "12:00",
                "shift2_end": "18:00",
            },
            "shifts",
        ),
        ({"set_weekdays": "yes"}, "weekdays"),
        ({"set_terms": "yes", "terms": "2026-09-01"}, "terms"),
        ({"set_terms": "yes", "terms": "2026-09-01 2026-08-01"}, "terms"),
        ({"set_holidays": "yes", "holidays": "31.12.2026"}, "holidays"),
        ({"set_quiet_start": "yes", "quiet_start": "25:00"}, "quiet_start"),
        ({"set_tests_per_slot": "yes", "tests_per_slot": "0"}, "tests_per_slot"),
        ({"set_monthly_bytes": "yes", "monthly_bytes": "-1"}, "monthly_bytes"),
        ({"set_servers": "yes", "server1_url": "http://x"}, "servers"),
        ({"set_servers": "yes", "server1_url": "wss://x", "server1_tests": "many"}, "servers"),
        ({"set_platforms": "yes", "platforms": "Kundelik"}, "platforms"),
        ({"set_platforms": "yes", "platforms": "Kundelik | ftp://x"}, "platforms"),
    ],
)
def test_a_wrong_field_is_named_beside_it(somebody, database, fields, name):
    """What was typed stays; nothing is saved."""
    browser = somebody("ministry")
    browser.open("/admin/policy/country")
    answer = browser.send("/admin/policy/country", version="0", **fields)
    assert answer.status_code == 400
    assert f'id="wrong-{name}"' in answer.text
    assert policy_of(database) is None


def test_a_policy_stays_within_its_scope(somebody, database):
    """A region changes its own, a school a part of its own; neither another's."""
    region = somebody("region", "KZ-75", name="office")
    region.open("/admin/policy/region:KZ-75")
    assert region.send("/admin/policy/region:KZ-75", version="0", paused="yes").status_code == 303
    assert region.send("/admin/policy/country", version="0", paused="yes").status_code == 403
    assert region.open("/admin/policy/school:0002").status_code == 404
    school = somebody("school", "0001", name="teacher")
    assert "server1_url" not in school.open("/admin/policy/school:0001").text
    fields = {"set_weekdays": "yes", "weekdays_1": "yes", "set_servers": "yes", "server1_url": "wss://mine"}
    assert school.send("/admin/policy/school:0001", version="0", **fields).status_code == 303
    assert policy_of(database, "school:0001").body == {"weekdays": [1]}
    assert school.open("/admin/policy/0001").status_code == 200
    assert school.open("/admin/policy/school:0002").status_code == 404


def test_the_audit_log_is_read_by_pages(somebody, database):
    """Fifty at a time, newest first; filters stand in the address; a wrong date is named."""
    browser = somebody()
    now = datetime.now(UTC) + timedelta(seconds=1)
    with database.admitting() as connection:
        for number in range(60):
            audit.note(connection, Who(HOSTILE), "saw", f"school {number:04d}", now=now)
    page = browser.open("/admin/audit?what=saw").text
    assert ("60 entries" in page, "school 0059" in page, "school 0009" in page) == (True, True, False)
    assert "<b onclick" not in page
    older = re.search(r'href="(/admin/audit\?[^"]*before=\d+)"', page)[1].replace("&amp;", "&")
    page = browser.open(older).text
    assert ("school 0059" in page, "school 0009" in page) == (False, True)
    assert "1 entry" in browser.open("/admin/audit?about=school+0007").text
    assert "no date" in browser.open("/admin/audit?since=yesterday").text
    assert browser.open("/admin/audit?before=" + "9" * 30).status_code == 200


def test_the_list_of_accounts_is_found_and_paged(somebody, database):
    """Fifty a page; found by a part of the name and by role; what was typed into a refused form stays."""
    browser = somebody()
    with database.admitting() as connection:
        connection.execute(
            "insert into account (name, role, password_hash)"
            " select 'person' || n, 'auditor', 'none' from generate_series(1, 60) as n"
        )
    assert browser.open("/accounts").text.count('scope="row"') == 50
    assert browser.open("/accounts?page=2").text.count('scope="row"') == 11
    assert browser.open("/accounts?q=person6&page=nonsense").text.count('scope="row"') == 2
    browser.open("/accounts")
    answer = browser.send("/accounts", name="new", full_name=HOSTILE[:190], role="region", scope="")
    assert "limited" in answer.text
    assert '<option value="region" selected>' in answer.text
    assert "<b onclick" not in answer.text
