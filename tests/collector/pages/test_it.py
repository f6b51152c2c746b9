"""The IT teacher's pages: what to do in order, tokens, computers, and a test now with its progress."""

import re
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from collector import enrollment, ingest
from collector.pages import it_live, it_progress, it_work
from collector.pages.it_live import Shown
from collector.people import accounts
from collector.people.accounts import Wanted
from collector.store import leases, test_orders
from collector.store.audit import Who
from collector.store.database import MINISTRY
from collector.store.fleet import ComputerHealth
from collector.store.leases import NewLease
from collector.store.policies import Scope
from collector.store.school_looks import Followed
from tests.collector.test_login import OWN, Browser, entries
from tests.fakes.computer import throughput, wire_link

NOW = datetime.now(UTC)
SECRET = re.compile(r'<code class="secret">([2-9a-z]{20})</code>')


@pytest.fixture
def log_in(client, database):
    """Make browsers of people with accounts."""
    made = []

    def do(role: str, scope: str | None = None) -> Browser:
        name = f"somebody{len(made)}"
        wanted = Wanted(name=name, role=role, scope=scope)
        first = accounts.create(database, wanted, Who("a test"), datetime.now(UTC))
        browser = Browser(str(client.base_url))
        browser.http.headers["accept-language"] = "en"
        browser.log_in(name, first)
        browser.open("/account/password")
        assert browser.send("/account/password", old=first, new=OWN, again=OWN).status_code == 303
        made.append(browser)
        return browser

    yield do
    for one in made:
        one.http.close()


def test_a_school_with_nothing_has_a_list(client, add_school) -> None:
    """A computer first, then rooms, then what the registry lacks."""
    add_school("1", pupils=None)
    page = client.get("/it/1").text
    places = [
        page.find(text)
        for text in (
            "No computer of this school measures yet.",
            "No rooms are known.",
            "how many pupils there are",
            "no telecom operator",
            "no contract speeds",
        )
    ]
    assert -1 not in places
    assert places == sorted(places)


def test_a_token_is_shown_once_and_works(client, log_in, database, add_school) -> None:
    """As text, as a command and as a QR code; it enrols; nothing of it is in the log or kept by browsers."""
    add_school("1")
    browser = log_in("school", "1")
    browser.open("/it/enrol/1")
    answer = browser.send("/it/enrol/1", uses="2", days="3", room='Room "7"; rm -rf')
    token = SECRET.search(answer.text)[1]
    assert answer.headers["cache-control"] == "no-store"
    assert f"netready-agent enroll --collector {client.base_url}".rstrip("/") in answer.text
    assert "&#39;Room &#34;7&#34;; rm -rf&#39;" in answer.text
    assert 'class="qr"' in answer.text
    assert " style=" not in answer.text
    assert token not in browser.open("/it/enrol/1").text
    with database.ingesting() as connection:
        found = connection.execute(
            "select school_id, uses from enrollment_token where token_sha256 = %s", (enrollment.token_hash(token),)
        ).fetchone()
    assert found == ("1", 2)
    (entry,) = [one for one in entries(database) if one.what == "changed" and "token created" in str(one.detail)]
    assert token not in str(entry)


def test_a_schools_open_tokens_are_its_own(log_in, database, add_school) -> None:
    """It sees and ends its own; another's stays whatever is sent. Whoever makes none sees none."""
    add_school("1")
    add_school("2")
    with database.owning() as connection:
        mine, others = (
            enrollment.create_token(connection, school, uses=4, days=1, now=datetime.now(UTC)) for school in "12"
        )
    browser = log_in("school", "1")
    page = browser.open("/it/enrol/1").text
    assert enrollment.mark_of(mine) in page
    assert enrollment.mark_of(others) not in page
    assert "4 of 4" in page
    for token in (others, mine, mine):
        answer = browser.send("/it/enrol/1", do="end", school="2", token=enrollment.mark_of(token))
        assert (answer.status_code, answer.headers["location"]) == (303, "/it/enrol/1")
    assert "No enrolment token is open" in browser.open("/it/enrol/1").text
    ended = [one for one in entries(database) if one.detail.get("enrollment") == "token ended"]
    assert [(one.about, one.detail["token"]) for one in ended] == [("school 1", enrollment.mark_of(mine))]
    auditor = log_in("auditor")
    assert enrollment.mark_of(others) not in auditor.open("/it/enrol/2").text
    auditor.open("/account")
    assert auditor.send("/it/enrol/2", do="end", token=enrollment.mark_of(others)).status_code == 403


def test_the_fleet_leads_to_the_schools_page(client, add_school) -> None:
    """One page has a school's computers; ids that hold slashes too."""
    add_school("1/2")
    answer = client.get("/fleet/schools/1%2F2", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/it/computers/1%2F2")
    assert client.get("/it/computers/1%2F2").status_code == 200


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"uses": "0", "days": "7"}, "uses"),
        ({"uses": "x", "days": "7"}, "uses"),
        ({"uses": "1", "days": "9999"}, "days"),
        ({"uses": "1", "days": "7", "room": "a\u202eb"}, "room"),
        ({"uses": "1", "days": "7", "room": "a" * 129}, "room"),
    ],
)
def test_what_was_typed_comes_back_with_what_is_wrong(log_in, add_school, fields, wrong) -> None:
    """Beside the field; no token is made."""
    add_school("1")
    browser = log_in("admin")
    browser.open("/it/enrol/1")
    answer = browser.send("/it/enrol/1", **fields)
    assert answer.status_code == 400
    assert f'id="{wrong}-wrong"' in answer.text
    assert SECRET.search(answer.text) is None
    for name, value in fields.items():
        assert f'name="{name}"' in answer.text
        if name != "room":
            assert f'value="{value}"' in answer.text


@pytest.mark.parametrize("role", ["auditor", "operator", "region"])
def test_who_may_not_make_tokens_reads_so(log_in, add_school, role) -> None:
    """The page says who may, the form's address refuses; a region may for its own schools."""
    add_school("1", operator="Operator A")
    browser = log_in(role, {"operator": "Operator A", "region": "KZ-75"}.get(role))
    answer = browser.open("/it/enrol/1")
    if role == "operator":
        assert answer.status_code == 403
        return
    assert ("Make a token" in answer.text) == (role == "region") or "log in as one of them" in answer.text
    browser.open("/account")
    assert browser.send("/it/enrol/1", uses="1", days="1").status_code == (200 if role == "region" else 403)


def test_another_schools_account_finds_nothing(log_in, add_school) -> None:
    """Neither pages nor forms of a school that is not its own."""
    add_school("1")
    add_school("2")
    browser = log_in("school", "1")
    for path in ("/it/2", "/it/enrol/2", "/it/computers/2", "/it/run/2", "/it/live/2"):
        assert browser.open(path).status_code == 404
    browser.open("/account")
    assert browser.send("/it/enrol/2", uses="1", days="1").status_code == 404
    assert browser.send("/it/run/2").status_code == 404


def test_a_test_now_asked_twice_is_one(log_in, add_school, enrolled, database) -> None:
    """A double submit leaves one wish; the page says how far it is, and follows it."""
    add_school("1")
    computer = enrolled("1")
    browser = log_in("school", "1")
    browser.open("/it/run/1")
    for _ in range(2):
        assert browser.send("/it/run/1", computer="").headers["location"] == "/it/run/1"
    with database.reading(MINISTRY) as connection:
        assert len(test_orders.open_orders(connection, Scope("KZ-75", "1"), NOW + timedelta(minutes=1))) == 1
    page = browser.open("/it/run/1").text
    assert computer.id[:12] in page
    assert "has not come for its turn yet" in page
    assert 'data-live="/it/live/1"' in page
    assert "<noscript><meta" in page


def test_a_school_without_computers_is_told_to_enrol(log_in, add_school) -> None:
    """Nothing can be asked of nobody."""
    add_school("1")
    browser = log_in("school", "1")
    browser.open("/it/run/1")
    answer = browser.send("/it/run/1", computer="")
    assert answer.status_code == 404
    assert "enrol one first" in answer.text


def test_the_way_of_a_test_is_followed_to_its_report(client, add_school, enrolled, database) -> None:
    """Asked, its turn, reported: the stream tells the end and stops."""
    add_school("1")
    computer = enrolled("1")
    now = datetime.now(UTC)
    with database.ingesting() as connection:
        scope = Scope("KZ-75", "1")
        test_orders.keep(connection, scope, None, kind="run_now", author="a", now=now, until=now + timedelta(hours=1))
        order = connection.execute("select order_id from test_order").fetchone()[0]
        leases.keep_leases(
            connection,
            [
                NewLease(
                    school_id="1",
                    lease_id="a" * 32,
                    agent_id=computer.id,
                    region_id="KZ-75",
                    mode="single",
                    order_id=order,
                    purpose="capacity",
                    trigger="ordered",
                    server="",
                    reserved_bps=1e6,
                    share=None,
                    granted_at=now,
                    starts_at=now,
                    ends_at=now + timedelta(minutes=5),
                )
            ],
            now,
            now,
        )
    assert "it has the line and measures" in client.get("/it/run/1").text
    with database.ingesting() as connection:
        body = computer.report(wire_link(), throughput(50e6, 20e6), at=datetime.now(UTC), trigger="ordered")
        ingest.accept(connection, [body], datetime.now(UTC))
    with client.stream("GET", "/it/live/1") as answer:
        told = "".join(answer.iter_text())
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: end" in told
    assert "50.0" in told
    assert "the report arrived" in client.get("/it/run/1").text


def test_too_many_followers_are_refused(client, add_school, monkeypatch) -> None:
    """The bound on open streams is said, not waited for."""
    add_school("1")
    monkeypatch.setattr(it_live, "_MOST", 0)
    assert client.get("/it/live/1").status_code == 429


async def _collected(stream) -> str:
    return "".join([part async for part in stream.body_iterator])


def test_a_stream_ends_by_itself(monkeypatch) -> None:
    """In time, with comments that keep proxies awake, and its place is given back."""
    monkeypatch.setattr(it_live, "LASTS_S", 0.2)
    monkeypatch.setattr(it_live, "EVERY_S", 0.02)
    monkeypatch.setattr(it_live, "_HEARTBEAT_S", 0.05)
    told = anyio.run(_collected, it_live.stream("a", lambda: Shown("<p>x</p>", is_over=False)))
    assert told.count("event: progress") == 1
    assert ": still here" in told
    assert told.rstrip().endswith('data: {"html":""}')
    assert it_live._open.total() == 0


def followed(**changes) -> Followed:
    values = dict.fromkeys(Followed.__struct_fields__)
    base = {
        "agent_id": "a",
        "order_id": "o",
        "kind": "run_now",
        "author": "b",
        "at": NOW,
        "until": NOW + timedelta(hours=1),
    }
    return Followed(**(values | base | changes))


TURN = {"granted_at": NOW, "starts_at": NOW + timedelta(seconds=10), "ends_at": NOW + timedelta(minutes=2)}


@pytest.mark.parametrize(
    ("changes", "after_s", "stage"),
    [
        ({}, 1, "asked"),
        ({}, 4000, "expired"),
        ({"done_at": NOW}, 1, "replaced"),
        (TURN, 1, "turn"),
        (TURN, 20, "measuring"),
        (TURN, 130, "waiting"),
        (TURN, 3000, "lost"),
        (TURN | {"released_at": NOW + timedelta(seconds=30)}, 40, "waiting"),
        (TURN | {"failure": "busy"}, 40, "failed"),
        (TURN | {"measured_at": NOW}, 40, "done"),
    ],
)
def test_only_what_the_collector_can_know(changes, after_s, stage) -> None:
    """Each state of an order and a lease has its stage."""
    assert it_progress.stage_of(followed(**changes), NOW + timedelta(seconds=after_s)) == stage


def test_silent_and_copied_computers_are_named() -> None:
    """By their rooms, the silent ones first."""
    base = {
        "school": "1",
        "region": "KZ-75",
        "days": 9,
        "software": None,
        "last_seen_at": NOW,
        "enrolled_at": NOW,
        "delay_s": None,
        "waiting": None,
        "dropped": None,
        "refused": 0,
        "is_delayed": False,
        "synthetic": False,
    }
    rows = [
        ComputerHealth(id="a", room="101", state="silent", identity="one", **base),
        ComputerHealth(id="b" * 64, room=None, state="live", identity="copied", **base),
    ]
    tasks = list(it_work._computers(rows, "1"))
    assert [str(one.what) for one in tasks] == [
        "1 computer is silent.",
        "1 key is used by two computers.",
        "1 computer has no room.",
    ]
    assert tasks[0].names == ("101",)
    assert tasks[1].names == ("b" * 12,)
