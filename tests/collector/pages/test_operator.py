"""The operator's pages: who sees what, what they say in each language, and what a form keeps, refuses and does once."""

import gzip
import html
import re
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import psycopg
import pytest
from markupsafe import escape

from collector import ingest
from collector.judging import running
from collector.ledger import checkpointing
from collector.people import accounts
from collector.people.accounts import Wanted
from collector.settings import PolicySettings, Server, Settings
from collector.store import agreements, notices, verdicts
from collector.store.audit import Who
from collector.store.database import MINISTRY
from collector.verdicts.exclusions import Exclusion
from collector.verdicts.standard import shipped_standard
from tests.collector.test_login import OWN, Browser
from tests.fakes import lines
from tests.fakes.lines import Computer, month

NOBODY = Who("a test")
HOSTILE = '<b>"Мектеп" & \u202eкері\u202c</b> ' + "ұ" * 260
MIXED = [95.0, 60.0, 60.0] * 2
SETTINGS = Settings(policy=PolicySettings(servers=(Server(url=lines.OUTSIDE, place="outside"),)))
CLOSED = datetime(2026, 10, 5, tzinfo=UTC)
RULE = shipped_standard().rules["80-80"]
VERDICT = "/verdicts/2026-09/1/0101"
DEEP = (
    VERDICT,
    f"{VERDICT}?tests=yes",
    "/contracts/1/0101",
    "/contracts/1/0202",
    "/exclusions/0101010101010101",
    "/exclusions/new",
)
PAGES = ("/operator", "/contracts", "/verdicts", "/verdicts?month=all", "/exclusions", "/disputes", "/notices")


@pytest.fixture
def log_in(client, database):
    """Make browsers of people with accounts."""
    made = []

    def do(role: str, scope: str | None = None) -> Browser:
        name = f"somebody{len(made)}"
        first = accounts.create(database, Wanted(name=name, role=role, scope=scope), NOBODY, datetime.now(UTC))
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


@pytest.fixture
def country(database, add_school, enrolled):
    """Two operators in two regions: a breach of Alpha's in September, judged and closed, and a contract of Beta's."""
    add_school("0101", name=HOSTILE, operator="Alpha")
    add_school("0202", name="Astana lyceum", region_id="KZ-71", operator="Beta")
    enrolled("0101")
    with database.owning() as connection:
        agreements.keep_terms(connection, lines.terms(rtt_ms=100.0, outage_h_per_year=10.0), "KZ-75")
        agreements.keep_terms(connection, lines.terms(school="0202", contract="B-1", operator="Beta"), "KZ-71")
        for school, region, operator in (("0101", "KZ-75", "Alpha"), ("0202", "KZ-71", "Beta")):
            agreements.keep_exclusion(connection, cut(school, operator), region, [operator])
    for one in month(Computer(), [MIXED] * 21):
        with database.ingesting() as connection:
            ingest.accept(connection, [msgspec.json.encode(one.envelope)], one.received_at)
    running.run(database, SETTINGS, now=CLOSED)
    checkpointing.run(database, SETTINGS)


def cut(school: str, operator: str) -> Exclusion:
    return Exclusion(
        id=school * 4,
        state="claimed",
        kind="power_cut",
        school=school,
        operator=operator,
        begins=lines.FIRST + timedelta(days=40),
        ends=lines.FIRST + timedelta(days=40, hours=2),
        announced_at=lines.FIRST,
        recorded_at=lines.FIRST,
        author=f"desk of {operator}",
        role="operator",
        reason=f"substation of {operator}",
    )


@pytest.fixture
def fresh(database_url):
    """Let the verdict be one of yesterday, that can be disputed still."""
    with psycopg.connect(database_url) as connection:
        connection.execute("update verdict set judged_at = now() - interval '1 day' where school_id = '0101'")


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_every_page_opens_in_every_language(country, fresh, log_in, language):
    """Nothing of a text is left in English but codes, names and what machines say; names hold no markup."""
    browser = log_in("ministry")
    for path in (*PAGES, *DEEP):
        page = browser.open(f"{path}{'&' if '?' in path else '?'}lang={language}")
        assert page.status_code == 200, (path, page.text)
        assert f'<html lang="{language}"' in page.text
        assert '<b>"' not in page.text
        assert len(gzip.compress(page.content)) < 60 * 1024
        main = page.text.partition("<main")[2].partition("</main>")[0]
        plain = re.sub(r"<(code|pre|bdi|option|textarea)\b.*?</\1>|<[^>]+>", " ", main, flags=re.DOTALL)
        for text in (
            RULE.source,
            RULE.not_verified,
            "Statistical Methods for Rates and Proportions",
        ):
            plain = plain.replace(str(escape(text)), "")
        words = re.findall(r"\b(?:the|of|and|is|are|not|to|with|by|no|for|that)\b", plain)
        assert language == "en" or words == [], (path, plain)


def crawled(browser: Browser, *begin: str) -> dict[str, str]:
    """Open pages and all of contracts, verdicts, exclusions and disputes that they lead to; return their texts."""
    waiting, seen = list(begin), {}
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        page = browser.open(path)
        assert page.status_code == 200, (path, page.text)
        seen[path] = page.text
        main = page.text.partition("<main")[2]
        links = {html.unescape(one) for one in re.findall(r'href="([^"#]+)"', main)}
        waiting += [
            one for one in links if re.match(r"/(operator|contracts|verdicts|exclusions|disputes|notices)", one)
        ]
    return seen


OF_ALPHA, OF_BETA = ("Alpha", "0101", "Мектеп"), ("Beta", "0202", "Astana lyceum")
SIDES = {
    ("operator", "Alpha"): OF_BETA,
    ("operator", "Beta"): OF_ALPHA,
    ("region", "KZ-75"): OF_BETA,
    ("region", "KZ-71"): OF_ALPHA,
    ("school", "0101"): OF_BETA,
    ("school", "0202"): OF_ALPHA,
}


def test_nobody_sees_a_row_of_others(country, fresh, log_in):
    """Wherever the links lead, an operator, a region and a school read of their own lines alone."""
    for (role, scope), others in SIDES.items():
        browser = log_in(role, scope)
        pages = crawled(browser, *PAGES)
        own = OF_ALPHA if others == OF_BETA else OF_BETA
        assert f"substation of {own[0]}" in " ".join(pages.values())
        for other in others:
            assert [path for path, page in pages.items() if other in page] == [], (role, scope)
        foreign = others[1]
        for path in (f"/verdicts/2026-09/1/{foreign}", f"/contracts/1/{foreign}", f"/exclusions/{foreign * 4}"):
            assert browser.open(path).status_code == 404, (role, scope, path)
        assert browser.open(f"/exclusions?school={foreign}").status_code == 404
        assert len(pages) > len(PAGES)


def test_the_operator_at_a_glance(country, fresh, log_in):
    """The breach with its link, how long it can be disputed, and what to do next."""
    page = log_in("operator", "Alpha").open("/operator").text
    assert "September 2026" in page
    assert "/verdicts/2026-09/1/0101?operator=Alpha" in page
    assert "Look at 1 verdict that can still be disputed" in page
    assert "working days left" in page
    assert "1 exclusion is claimed and not confirmed" in page
    assert "✘ 1" in page


def test_a_verdict_with_all_that_it_rests_on(country, fresh, log_in, client):
    """The sentence, the shares, the drawing with its table, downloads that work with the login, the way to check it."""
    browser = log_in("operator", "Alpha")
    page = browser.open(VERDICT).text
    assert "Breach of contract" in page
    assert "33.3" in page
    assert ("chart halfhours" in page, "REPORTS DIFFER" in page) == (False, False)
    assert "netready-collector evidence verify" in page
    assert "Dispute it" in page
    bundle = html.unescape(re.search(r'href="(/api/v1/evidence/bundle[^"]+)"', page)[1])
    assert browser.http.get(bundle).content[:2] == b"\x1f\x8b"
    packs = [html.unescape(one) for one in re.findall(r'href="(/api/v1/sla/verdicts/[^"]+)"', page)]
    assert len(packs) == 3
    assert browser.http.get(packs[0]).content.startswith(b"%PDF")
    every = html.unescape(re.search(r'href="(/verdicts/[^"]+tests=yes)"', page)[1])
    again = browser.open(every).text
    assert again.count('<svg class="chart halfhours"') == 3
    assert "judged half hours as a table" in again
    assert "Show every half hour" not in again


def test_a_verdict_whose_reports_changed_says_so_only_when_it_is_judged_again(country, fresh, log_in, database_url):
    """What is kept is shown as it was said; whoever asks for every test is told that it comes out otherwise."""
    with psycopg.connect(database_url) as connection:
        connection.execute("update report set signature = '\\x00' where school_id = '0101'")
    browser = log_in("ministry")
    banner = "REPORTS DIFFER"
    told = [banner in browser.open(path).text for path in (VERDICT, f"{VERDICT}?tests=yes")]
    assert told == [False, True], browser.page


LISTED = """
insert into verdict
select 's' || n, line, to_char(date '2026-01-01' + m * interval '1 month', 'YYYY-MM'), operator, v, region_id,
    synthetic,
    (array['compliant', 'breach', 'watch'])[1 + (n + m + v) % 3], false, n / 1000.0, judged_at, body, sha256, facts
from verdict, generate_series(1, 40) n, generate_series(0, 2) m, generate_series(1, 2) v
where school_id = '0101' and version = 1
"""


def test_a_list_of_all_months_has_each_line_once(country, database, database_url):
    """Page after page, the newest month first, breaches before others; each page knows how many there are."""
    with psycopg.connect(database_url) as connection:
        connection.execute(LISTED)
    with database.reading(MINISTRY) as connection:
        for state, total in ((None, 120), ("breach", 40)):
            wanted = verdicts.Wanted(last="2026-03", state=state)
            pages = [verdicts.listed(connection, wanted, limit=25, offset=25 * number) for number in range(6)]
            assert {found for _, found in pages} == {total}
            found = [one for page, _ in pages for one in page]
            assert len({(one.school, one.month) for one in found}) == len(found) == total
            assert {one.version for one in found} == {2}
            months = [one.month for one in found]
            assert months == sorted(months, reverse=True)
        of_month = [
            one.state for one in verdicts.listed(connection, verdicts.Wanted(last="2026-03"), limit=40, offset=0)[0]
        ]
        assert of_month == sorted(of_month, key=["breach", "watch", "compliant"].index)
        assert verdicts.listed(connection, verdicts.Wanted(last="2026-03"), limit=25, offset=500) == ([], 120)


MISSING = [
    ("/verdicts/2026-08/1/0101", 404, "was not judged in this month"),
    ("/verdicts/2026-09/1/0303", 404, "nobody recorded a contract"),
    ("/verdicts/2026-09/1/none", 404, "no verdict of this school"),
    ("/verdicts/2026-13/1/0101", 404, "no such month"),
    ("/verdicts/2026-09/1/0101?version=9", 404, ""),
    ("/verdicts?month=tomorrow", 400, "2026-10"),
    ("/verdicts?page=99999999", 200, "Verdicts"),
    ("/verdicts?page=900", 200, "No line is judged here"),
    ("/contracts?missing=yes", 200, "School 0303"),
    ("/contracts/7/0303", 200, "No contract holds for this line today"),
    ("/exclusions/zz", 404, "nothing at this address"),
    ("/disputes/0000000000000000", 404, "no dispute"),
    ("/disputes?state=open", 200, "An operator opens one"),
    ("/disputes/new?school=0101&line=1&month=2026-09&version=7", 404, "no such verdict"),
    ("/disputes/new", 404, "from the page of its verdict"),
]


def test_what_is_missing_is_said(country, add_school, log_in):
    """A page without anything to show says why and what to do; a wrong address is told apart from a fault."""
    add_school("0303")
    browser = log_in("ministry")
    for path, status, said in MISSING:
        page = browser.open(path)
        assert (page.status_code, said.lower() in page.text.lower()) == (status, True), (path, page.text)


def filed(browser: Browser, **changes: str) -> httpx.Response:
    """Send the form of an exclusion as its page has it."""
    page = browser.open("/exclusions/new?school=0101&line=1").text
    now = datetime.now(UTC)
    fields = {
        "once": re.search(r'name="once" value="([0-9a-f]{16})"', page)[1],
        "kind": "power_cut",
        "school": "0101",
        "line": "1",
        "begins": f"{now - timedelta(hours=9):%Y-%m-%dT%H:%M}",
        "ends": f"{now - timedelta(hours=7):%Y-%m-%dT%H:%M}",
        "reason": "the <b>feeder</b> was off",
    }
    return browser.send("/exclusions", **(fields | changes))


def test_an_exclusion_is_filed_once_and_confirmed_by_the_school(country, log_in, database):
    """Sent twice it is one; the operator cannot confirm its own claim, the school can; again changes nothing."""
    operator, school = log_in("operator", "Alpha"), log_in("school", "0101")
    once = "ab" * 8
    sent = [filed(operator, once=once) for _ in range(2)]
    assert [(one.status_code, one.headers["location"]) for one in sent] == [(303, f"/exclusions/{once}")] * 2
    with database.reading(MINISTRY) as connection:
        assert len(agreements.exclusions(connection, exclusion_id=once)) == 1
    page = operator.open(f"/exclusions/{once}").text
    assert "counts once it is confirmed" in page
    assert "the &lt;b&gt;feeder" in page
    assert ("Withdraw" in page, "Confirm: it" in page) == (True, False)
    assert operator.send(f"/exclusions/{once}/confirm").status_code == 409
    assert "Confirm: it" in school.open(f"/exclusions/{once}").text
    for _ in range(2):
        assert school.send(f"/exclusions/{once}/confirm", reason="so it was").status_code == 303
    with database.reading(MINISTRY) as connection:
        states = [one.state for one in agreements.exclusions(connection, exclusion_id=once)]
    assert states == ["claimed", "in_force"]
    assert log_in("operator", "Beta").open(f"/exclusions/{once}").status_code == 404


WRONG = [
    ({"begins": "yesterday"}, "Write a day and a time"),
    ({"ends": "2020-01-01T00:00"}, "It ends before it begins"),
    ({"begins": "2026-01-01T00:00", "ends": "2026-02-01T00:00"}, "It ended more than 30 days ago"),
    ({"kind": "holiday"}, "Choose one"),
    ({"kind": "planned_works"}, "announced 72 hours ahead"),
    ({"reason": " "}, "Write something here"),
    ({"reason": "x" * 1501}, "This is too long"),
    ({"school": "0202"}, "There is no school of this id"),
    ({"line": "a b"}, "not written as it has to be"),
    ({"once": "no"}, "not written as it has to be"),
    ({"once": "0202" * 4}, "This form cannot be used"),
]


def test_what_was_typed_stays_with_what_is_wrong(country, log_in):
    """The form comes back with everything in it and the message beside its field."""
    browser = log_in("operator", "Alpha")
    for changes, said in WRONG:
        answer = filed(browser, **changes)
        assert answer.status_code == 409, changes
        assert said.lower() in answer.text.lower(), (changes, answer.text)
        for name, value in ({"reason": "the <b>feeder</b> was off"} | changes).items():
            if name not in ("kind", "once") and value.strip():
                assert str(escape(value)) in answer.text, name


def test_a_dispute_from_the_verdict_to_its_decision(country, fresh, log_in):
    """Opened once, evidence and an answer beside it, decided by the ministry; everybody sees the same steps."""
    operator, ministry, other = log_in("operator", "Alpha"), log_in("ministry"), log_in("operator", "Beta")
    operator.open(VERDICT)
    form = html.unescape(re.search(r'href="(/disputes/new[^"]+)"', operator.page)[1])
    about = {"school": "0101", "line": "1", "month": "2026-09", "version": "1"}
    operator.open(form)
    empty = operator.send("/disputes", **about, claim=" ")
    assert (empty.status_code, "Write something here" in empty.text) == (409, True)
    sent = [operator.send("/disputes", **about, claim="our <i>counters</i> differ") for _ in range(2)]
    assert [one.status_code for one in sent] == [303, 303]
    (place,) = {one.headers["location"] for one in sent}
    page = operator.open(place).text
    assert "our &lt;i&gt;counters" in page
    assert "working days left" in page
    assert "Decide" not in page
    for _ in range(2):
        given = operator.send(f"{place}/evidence", about="counters", statement="12 Mbit/s at 09:05")
        assert given.status_code == 303
    page = operator.open(place).text
    assert page.count("statement.txt") == 1
    kept = re.search(r'href="(/disputes/[0-9a-f]+/files/[0-9a-f]{64})"', page)[1]
    assert operator.open(kept).content == b"12 Mbit/s at 09:05"
    assert (other.open(place).status_code, other.open(kept).status_code) == (404, 404)
    ministry.open(place)
    wrong = ministry.send(f"{place}/decision", outcome="upheld", decision="it was so", kind="power_cut")
    assert (wrong.status_code, "it was so" in wrong.text) == (409, True)
    span = {"kind": "power_cut", "begins": "2026-09-07T09:00", "ends": "2026-09-07T18:00"}
    for _ in range(2):
        assert ministry.send(f"{place}/decision", outcome="upheld", decision="it was so", **span).status_code == 303
    page = operator.open(place).text
    assert "What the operator claims is true" in page
    assert "What does not count because of it" in page
    late = operator.send(f"{place}/withdrawal", why="late")
    assert late.status_code in (403, 409)
    assert "disputed" in operator.open("/verdicts").text


@pytest.fixture
def disputed(country, fresh, log_in):
    """The page of a dispute that Alpha opened, open in its browser, and that browser."""
    browser = log_in("operator", "Alpha")
    browser.open("/disputes/new?school=0101&line=1&month=2026-09&version=1")
    sent = browser.send("/disputes", school="0101", line="1", month="2026-09", version="1", claim="not so")
    place = sent.headers["location"]
    browser.open(place)
    return place, browser


def given(browser: Browser, place: str, file: tuple[str, bytes] | None = None, **fields: str) -> httpx.Response:
    """Send the form of evidence as a browser does: with its file, or with an empty part where none was chosen."""
    token = re.search(r'name="form_token" value="([^"]+)"', browser.page)[1]
    own = str(browser.http.base_url).rstrip("/")
    answer = browser.http.post(
        f"{place}/evidence",
        data={"form_token": token, "file.chosen": "", "about": "counters", "statement": ""} | fields,
        files={"file": (*(file or ("", b"")), "text/html")},
        headers={"origin": own, "referer": own + place},
    )
    browser.page = answer.text or f'name="form_token" value="{token}"'
    return answer


def links(page: str) -> list[str]:
    return re.findall(r'href="(/disputes/[0-9a-f]+/files/[0-9a-f]{64})"', page)


NAMES = [
    ("counters.pdf", "counters.pdf"),
    ("../../etc/x.csv", "x.csv"),
    ('C:\\folder\\a"b.txt', "a%22b.txt"),
    ("page.html", "page.html.bin"),
    ("\u202efdp.exe", "fdp.exe.bin"),
    ("есеп.xlsx", "%D0%B5%D1%81%D0%B5%D0%BF.xlsx"),
    ("<b>" + "ұ" * 300, "%3Cb%3E" + "%D2%B1" * 197 + ".bin"),
    ("\u202e", "file.bin"),
]


def test_a_file_is_given_as_evidence(disputed, log_in):
    """Whatever its name, it is kept byte for byte, once, listed, and saved, never shown; others get none."""
    place, browser = disputed
    for number, (name, saved) in enumerate(NAMES):
        content = b"<script>alert(1)</script>\r\n--\x00\xff" + bytes([number])
        for _ in range(2):
            assert given(browser, place, (name, content)).status_code == 303
        page = browser.open(place).text
        assert len(links(page)) == number + 1, name
        assert "<b>ұ" not in page
        kept = browser.http.get(links(page)[-1])
        assert kept.content == content
        assert kept.headers["content-disposition"].endswith(f"filename*=UTF-8''{saved}")
        assert kept.headers["content-disposition"].startswith("attachment;")
        assert kept.headers["x-content-type-options"] == "nosniff"
        assert kept.headers["content-type"] == "application/octet-stream"
    school, other = log_in("school", "0101"), log_in("operator", "Beta")
    assert school.http.get(links(page)[0]).status_code == 200
    assert other.http.get(links(page)[0]).status_code == 404
    school.open(place)
    both = given(school, place, ("log.csv", b"on"), statement="we had power")
    assert (both.status_code, len(links(school.open(place).text))) == (303, len(NAMES) + 2)


def test_a_file_that_cannot_be_taken_is_told_beside_it(disputed):
    """Empty, too large by a little or by far, or none: the page says it, keeps what was typed, and records nothing."""
    place, browser = disputed
    size = "a file has at least a byte and at most 8 MiB"
    for file, said in (
        (("empty.pdf", b""), size),
        (("large.pdf", b"x" * (8 * 2**20 + 1)), size),
        (("larger.pdf", b"x" * (12 * 2**20)), size),
        (None, "write a statement here, or choose a file below"),
    ):
        answer = given(browser, place, file)
        assert (answer.status_code, said.lower() in answer.text.lower()) == (409, True), said
        assert 'value="counters"' in answer.text
    unnamed = given(browser, place, ("a.pdf", b"a"), about=" ")
    assert (unnamed.status_code, "choose it again" in unnamed.text, "a.pdf" in unnamed.text) == (409, True, True)
    assert links(browser.open(place).text) == []
    far = browser.http.post(f"{place}/evidence", content=b"x" * 9, headers={"content-type": "multipart/form-data"})
    assert far.status_code == 403


def test_a_login_ends_before_a_file_is_sent(disputed, database_url):
    """What was typed stands in the form again; the file does not, which is said before anything goes without it."""
    place, browser = disputed
    with psycopg.connect(database_url) as connection:
        connection.execute("update login_session set seen_at = seen_at - interval '1 day'")
    answer = given(browser, place, ("counters.pdf", b"1,2,3"), statement="12 Mbit/s")
    kept = re.search(r'name="kept" value="([^"]+)"', answer.text)[1]
    browser.page = answer.text
    again = browser.send("/login", name="somebody0", password=OWN, then=place, kept=kept).text
    assert "12 Mbit/s" in again
    assert 'name="file.chosen" value="counters.pdf"' in again
    assert "but the file is not" in again
    told = given(browser, place, statement="12 Mbit/s", **{"file.chosen": "counters.pdf"})
    assert (told.status_code, "choose it again" in told.text, "12 Mbit/s" in told.text) == (409, True, True)
    assert 'name="file.chosen" value=""' in told.text
    assert given(browser, place, statement="12 Mbit/s").status_code == 303


def test_a_dispute_comes_too_late(country, log_in):
    """The page says that the time is over; a school is told who may open one."""
    operator = log_in("operator", "Alpha")
    about = {"school": "0101", "line": "1", "month": "2026-09", "version": "1"}
    operator.open("/disputes/new?school=0101&line=1&month=2026-09&version=1")
    answer = operator.send("/disputes", **about, claim="this was long ago")
    assert (answer.status_code, "is over" in answer.text, "this was long ago" in answer.text) == (409, True, True)
    page = log_in("school", "0101").open("/disputes/new?school=0101&line=1&month=2026-09&version=1").text
    assert "opened by the operator" in page


def test_notices_are_subscribed_tested_and_ended(country, log_in, database):
    """A webhook's secret is shown once; what cannot be keeps what was typed; a test and an end happen once."""
    operator = log_in("operator", "Alpha")
    operator.open("/notices")
    hook = {
        "name": 'desk "<b>"',
        "channel": "webhook",
        "address": "https://hooks.invalid/x",
        "kind.breach.opened": "yes",
    }
    wrong = operator.send("/notices", **(hook | {"address": "ftp://hooks.invalid"}))
    assert (wrong.status_code, "ftp://hooks.invalid" in wrong.text, "no address of a webhook" in wrong.text) == (
        409,
        True,
        True,
    )
    assert 'name="kind.breach.opened" value="yes" checked' in wrong.text
    made = operator.send("/notices", **hook)
    assert (made.status_code, "whsec_" in made.text) == (200, True)
    operator.open("/notices")
    assert "whsec_" not in operator.page
    assert operator.send("/notices", **hook).status_code == 409
    with database.reading(MINISTRY) as connection:
        (one,) = notices.subscribers(connection)
    assert (one.kinds, one.held_by) == (("breach.opened",), "account")
    for _ in range(2):
        operator.open("/notices")
        assert operator.send(f"/notices/{one.id}/test").headers["location"] == "/notices?tested=yes"
    with database.reading(MINISTRY) as connection:
        assert notices.deliveries(connection, one.id, None, limit=9, offset=0)[1] == 1
    assert "a test" in operator.open("/notices").text
    other = log_in("operator", "Beta")
    other.open("/notices")
    assert "hooks.invalid" not in other.page
    assert other.send(f"/notices/{one.id}/end").status_code == 404
    for _ in range(2):
        operator.open("/notices")
        assert operator.send(f"/notices/{one.id}/end").status_code == 303
    with database.reading(MINISTRY) as connection:
        assert notices.subscribers(connection) == []


def test_an_auditor_reads_and_changes_nothing(country, log_in):
    """No form is offered to whoever has no right, and none of theirs is taken."""
    auditor = log_in("auditor")
    page = auditor.open("/exclusions/0101010101010101").text
    assert "What you may do" not in page
    auditor.open("/notices")
    assert auditor.open("/exclusions/new").status_code == 403
    for path in ("/exclusions", "/disputes", "/exclusions/0101010101010101/confirm"):
        assert auditor.send(path).status_code == 403
