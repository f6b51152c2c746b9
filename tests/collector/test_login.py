import base64
import contextlib
import re
from datetime import UTC, datetime

import httpx
import pytest

from collector import access
from collector.app import make_app
from collector.pages import forms
from collector.pages.login import own_place
from collector.people import accounts, totp
from collector.people.accounts import Wanted
from collector.settings import AccountsSettings, OidcSettings, Serve, Settings
from collector.store import audit
from collector.store.audit import Who
from collector.store.database import MINISTRY
from tests.collector.conftest import serving
from tests.fakes.routes import routes_of

NOBODY = Who("a test")
OWN = "seven green horses sleep"
# As through a proxy: not a person at this computer, whose pages are open without a login.
AFAR = {"x-forwarded-for": "203.0.113.9"}
TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


class Browser:
    """A browser far away: keeps cookies, sends forms as their page has them."""

    def __init__(self, address: str) -> None:
        self.http = httpx.Client(base_url=address, headers=AFAR | {"accept-language": "en"}, timeout=60)
        self.page = ""

    def open(self, path: str) -> httpx.Response:
        return self._seen(self.http.get(path))

    def send(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        found = TOKEN.search(self.page)
        body = {"form_token": found[1] if found else ""} | fields
        origin = {"origin": str(self.http.base_url).rstrip("/")}
        return self._seen(self.http.post(path, data=body, headers=origin | (headers or {})))

    def log_in(self, name: str, password: str, then: str = "/") -> httpx.Response:
        self.open("/login")
        return self.send("/login", name=name, password=password, then=then)

    def _seen(self, answer: httpx.Response) -> httpx.Response:
        if answer.headers.get("content-type", "").startswith("text/html"):
            self.page = answer.text
        return answer


@pytest.fixture
def another(client):
    """Make browsers that are not at the collector's own computer."""
    with contextlib.ExitStack() as open_ones:

        def make() -> Browser:
            made = Browser(str(client.base_url))
            open_ones.enter_context(made.http)
            return made

        yield make


@pytest.fixture
def browser(another):
    """A browser that is not at the collector's own computer."""
    return another()


@pytest.fixture
def people(database, add_school):
    """An account of a role, with a password of its own; two schools in two regions."""
    add_school("1")
    add_school("2", region_id="KZ-71", operator="Operator B")

    def make(name: str, role: str, scope: str | None = None) -> str:
        return accounts.create(database, Wanted(name=name, role=role, scope=scope), NOBODY, datetime.now(UTC))

    return make


@pytest.fixture
def logged_in(browser, people):
    """Somebody who has logged in and chosen a password."""

    def make(name: str = "aigul", role: str = "region", scope: str | None = "KZ-75") -> Browser:
        first = people(name, role, scope)
        assert browser.log_in(name, first).headers["location"].startswith("/account/password")
        browser.open("/account/password")
        assert browser.send("/account/password", old=first, new=OWN, again=OWN).status_code == 303
        return browser

    return make


def entries(database):
    """Return what the audit log tells, oldest first."""
    with database.reading(MINISTRY) as connection:
        return list(reversed(audit.entries(connection, audit.Wanted(), limit=100)))


def test_the_way_in_and_out(browser, people, database):
    """To the login, through the change of the first password, to the page first asked for, out, and nothing is left."""
    first = people("aigul", "region", "KZ-75")
    sent = browser.open("/rankings/schools?period=2026")
    assert (sent.status_code, sent.headers["location"]) == (303, "/login?then=%2Frankings%2Fschools%3Fperiod%3D2026")
    browser.open(sent.headers["location"])
    answer = browser.send("/login", name="aigul", password=first, then="/rankings/schools?period=2026")
    assert answer.headers["location"] == "/account/password?then=%2Frankings%2Fschools%3Fperiod%3D2026"
    assert browser.open("/rankings/schools").status_code == 303
    browser.open(answer.headers["location"])
    assert browser.send("/account/password", old=first, new=OWN, again=OWN + "!").status_code == 403
    assert "differ" in browser.page
    answer = browser.send("/account/password", old=first, new=OWN, again=OWN, then="/rankings/schools?period=2026")
    assert answer.headers["location"] == "/rankings/schools?period=2026"
    page = browser.open("/rankings/schools?period=2026")
    assert ("School 1" in page.text, "School 2" in page.text) == (True, False)
    assert page.headers["cache-control"] == "no-store"
    session = dict(browser.http.cookies)
    assert browser.open("/account").status_code == 200
    assert browser.send("/logout").headers["location"] == "/login"
    assert browser.open("/rankings/schools").status_code == 303
    browser.http.cookies.update(session)
    assert browser.open("/rankings/schools").status_code == 303
    assert [one.what for one in entries(database)][-2:] == ["logged in", "logged out"]


def test_a_wrong_password_and_an_unknown_name_read_the_same(browser, people):
    """Nothing on the page, in its status or its headers says which accounts there are."""
    people("aigul", "ministry")
    browser.open("/login")
    answers = [browser.send("/login", name=name, password="wrong") for name in ("aigul", "nobody", "", "a\0b")]
    assert [one.status_code for one in answers] == [403] * 4
    texts = {TOKEN.sub("", one.text) for one in answers}
    assert len(texts) == 1
    assert all("www-authenticate" not in one.headers for one in answers)
    # Each further failure doubles the wait: however slow this machine is, one of these comes too early.
    answers = [browser.send("/login", name="nobody", password="wrong") for _ in range(12)]
    refused = next(one for one in answers if one.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1


def test_every_session_has_a_new_id(logged_in):
    """An id that was planted or seen before a login or a change is worth nothing after it."""
    browser = logged_in()
    before = dict(browser.http.cookies)["netready-session"]
    browser.open("/account/password")
    browser.send("/account/password", old=OWN, new=OWN + " well", again=OWN + " well")
    after = dict(browser.http.cookies)["netready-session"]
    assert before != after
    browser.http.cookies.set("netready-session", before)
    assert browser.open("/account").status_code == 303


def test_cookies_cannot_be_read_or_sent_by_others(database, browser, people):
    """No script sees them, no other site's form sends them; over TLS they are bound to this very name."""
    first = people("aigul", "ministry")
    answer = browser.log_in("aigul", first)
    session = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("netready-session="))
    assert {"httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in session.split(";")}
    secure = Settings(accounts=AccountsSettings(public_url="https://netready.example"))
    with (
        serving(make_app(database, secure)) as address,
        httpx.Client(base_url=address, headers=AFAR) as other,
    ):
        page = other.get("/login")
        form = page.headers["set-cookie"]
        assert form.startswith("__Host-netready-form=")
        assert {"secure", "httponly", "path=/"} <= {part.strip().lower() for part in form.split(";")}
        assert "domain" not in form.lower()
        answer = other.post(
            "/login",
            data={"form_token": TOKEN.search(page.text)[1], "name": "aigul", "password": first},
            headers={"origin": "https://netready.example", "cookie": form.split(";")[0]},
        )
        assert answer.status_code == 303
        assert answer.headers["set-cookie"].startswith("__Host-netready-session=")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://127.0.0.1:1"},
    ],
)
def test_a_form_from_elsewhere_is_refused(logged_in, headers):
    """Even with the right token, as a page would have it that could read ours."""
    browser = logged_in()
    browser.open("/account")
    assert browser.send("/logout", headers=headers).status_code == 403
    assert browser.open("/account").status_code == 200


def test_a_form_without_its_token_is_refused(logged_in, another, client):
    """Missing, of another browser, or of before the login: nothing is done."""
    browser = logged_in()
    other = another()
    other.open("/login")
    foreign = TOKEN.search(other.page)[1]
    for token in ("", "0" * 64, foreign):
        assert browser.send("/logout", form_token=token).status_code == 403
    assert browser.open("/account").status_code == 200
    address = str(client.base_url)
    bare = httpx.post(f"{address}/login", data={"name": "a", "password": "b"}, headers=AFAR | {"origin": address})
    assert bare.status_code == 403


def test_without_an_origin_the_browser_has_to_vouch(logged_in):
    """Old browsers leave Origin out; then Sec-Fetch-Site says whether our own page sent it."""
    browser = logged_in()
    browser.open("/account")
    token = TOKEN.search(browser.page)[1]
    for site, status in (("cross-site", 403), ("same-site", 403), (None, 403), ("same-origin", 303)):
        headers = {} if site is None else {"sec-fetch-site": site}
        answer = browser.http.post("/account/sessions", data={"form_token": token}, headers=headers)
        assert answer.status_code == status


def test_every_page_that_changes_something_checks_its_form(client, database):
    """No route outside the API takes a POST, PUT, PATCH or DELETE without the check; none changes anything by GET."""
    found = [
        route
        for route in routes_of(make_app(database, Settings()))
        if route.methods - {"GET", "HEAD"} and not route.path.startswith("/api/")
    ]
    assert len(found) >= 8
    assert [route.path for route in found if forms.posted not in route.calls] == []


@pytest.mark.parametrize(
    "body",
    [b"x" * 20_000, b"a=1&" * 40, b"\xff\xfe=1", b"name=%ff", b"{}"],
)
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", "multipart/form-data"])
def test_nonsense_instead_of_a_form_is_refused(browser, people, body, kind):
    """Too large, too many fields, not text, another kind: a sentence, and never an error of ours."""
    people("aigul", "ministry")
    browser.open("/login")
    headers = {"origin": str(browser.http.base_url).rstrip("/"), "content-type": kind}
    assert browser.http.post("/login", content=body, headers=headers).status_code in (400, 403)


@pytest.mark.parametrize(
    ("then", "place"),
    [
        ("/schools/1?period=2026", "/schools/1?period=2026"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a\nb", "/"),
        ("/a\tb", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        (None, "/"),
        ("/login?then=/login", "/"),
        ("/" + "x" * 5_000, "/"),
    ],
)
def test_a_login_leads_nowhere_else(then, place):
    """A link to our login cannot end on somebody else's page."""
    assert own_place(then) == place


def test_a_password_is_not_taken_without_tls_from_afar(client, browser, people):
    """Where others could read it on the way, there is no form to type it into."""
    people("aigul", "ministry")
    answer = browser.http.get("/login", headers={"host": "netready.example"})
    assert answer.status_code == 403
    assert "public_url" in answer.text


def test_a_second_factor_on_the_pages(logged_in):
    """Set up with a code, recovery codes shown once; then asked for at the login; taken off with the password."""
    browser = logged_in("root", "ministry", None)
    secret = bytes_of(browser.open("/account/second").text)
    now = int(datetime.now(UTC).timestamp())
    answer = browser.send("/account/second", code=totp.code(secret, now // 30 - 1))
    assert answer.status_code == 200
    codes = re.findall(r"<li>([0-9a-f]{5}(?:-[0-9a-f]{5}){3})</li>", answer.text)
    assert len(codes) == 10
    browser.open("/account")
    browser.send("/logout")
    assert browser.log_in("root", OWN, then="/rankings/regions").headers["location"].startswith("/login/code?then=")
    assert browser.open("/rankings/schools").status_code == 303
    assert browser.open("/account/second").status_code == 303
    browser.open("/login/code")
    assert browser.send("/login/code", code="123").status_code == 403
    answer = browser.send("/login/code", code=codes[3], then="/rankings/regions")
    assert answer.headers["location"] == "/rankings/regions"
    browser.open("/account")
    assert browser.send("/account/second/remove", password="wrong").status_code == 403
    browser.open("/account")
    assert browser.send("/account/second/remove", password=OWN).status_code == 303


def bytes_of(page: str) -> bytes:
    """Return the key that a page shows."""
    return base64.b32decode(re.search(r'class="secret">([A-Z2-7 ]+)<', page)[1].replace(" ", ""))


def test_administrators_make_and_end_accounts(logged_in, database, another):
    """The list, a new account with its first password, a new password, out of use; each written down by name."""
    browser = logged_in("root", "admin", None)
    assert browser.open("/accounts").status_code == 200
    answer = browser.send("/accounts", name="Dana", full_name="<b>Dana</b>", role="operator", scope="Operator B")
    assert answer.status_code == 200
    assert "<b>Dana</b>" not in answer.text
    first = re.search(r'class="secret">([a-z0-9-]{23})<', answer.text)[1]
    other = another()
    assert other.log_in("dana", first).headers["location"].startswith("/account/password")
    again = re.search(r'class="secret">([a-z0-9-]{23})<', browser.send("/accounts/dana/reset").text)[1]
    assert other.log_in("dana", first).status_code == 403
    assert other.log_in("dana", again).status_code == 303
    assert browser.send("/accounts/dana/disable").status_code == 303
    assert other.log_in("dana", again).status_code == 403
    browser.open("/accounts")
    for path in ("/accounts/dana/unlock", "/accounts/dana/enable"):
        assert browser.send(path).status_code == 303
    for path, status in (("/accounts/root/disable", 400), ("/accounts/nobody/reset", 403), ("/accounts/dana/eat", 403)):
        assert browser.send(path).status_code == status
    for wrong in (
        {"name": "dana", "role": "ministry"},
        {"name": "new", "role": "king"},
        {"name": "new", "role": "school"},
    ):
        assert browser.send("/accounts", **wrong).status_code in (400, 403)
    told = [one.detail.get("account") for one in entries(database) if one.who == "root" and one.about == "account dana"]
    assert told == ["created", "password reset", "disabled", "unlocked", "enabled"]


@pytest.mark.parametrize(
    ("role", "scope"), [("ministry", None), ("region", "KZ-75"), ("school", "1"), ("auditor", None)]
)
def test_nobody_else_manages_accounts(logged_in, role, scope):
    """The list is for administrators, and auditors may look; a form that is sent all the same does nothing."""
    browser = logged_in("aigul", role, scope)
    assert browser.open("/accounts").status_code == (200 if role == "auditor" else 403)
    browser.open("/account")
    for path in ("/accounts", "/accounts/aigul/disable", "/accounts/aigul/reset"):
        assert browser.send(path, name="eve", role="admin").status_code == 403
    assert browser.open("/account").status_code == 200


def test_a_local_person_is_no_administrator(client, people):
    """Pages at the collector's own computer stay open for reading; accounts need a login even there."""
    people("aigul", "ministry")
    assert client.get("/rankings/schools").status_code == 200
    assert client.get("/accounts").status_code == 403
    assert client.get("/account").status_code == 303


def test_without_accounts_the_browser_asks_for_a_token(client):
    """As before there were accounts: 401 and Basic, where no login would lead anywhere."""
    assert client.get("/rankings/schools", headers=AFAR).status_code == 401
    assert "accounts create" in client.get("/login").text


def test_views_and_exports_are_written_down(logged_in, database, client):
    """Who looked at a school from outside it, who took a file: before the answer leaves."""
    browser = logged_in("aigul", "region", "KZ-75")
    before = len(entries(database))
    assert browser.open("/schools/1").status_code == 200
    assert browser.open("/schools/2").status_code == 404
    assert browser.open("/api/v1/rankings/schools?format=csv&period=2026").status_code == 200
    with database.owning() as connection:
        token = access.create(
            connection, role="school", scope="1", name="own", days=None, now=datetime.now(UTC), rights=("read",)
        )
    bearer = {"authorization": f"Bearer {token}"}
    assert client.get("/api/v1/schools/1", headers=bearer).status_code == 200
    assert client.get("/api/v1/rankings/schools?format=csv", headers=bearer).status_code == 403
    told = [(one.who, one.role, one.scope, one.what, one.about) for one in entries(database)[before:]]
    assert told == [
        ("aigul", "region", "KZ-75", "saw", "school 1"),
        ("aigul", "region", "KZ-75", "exported", "ranking schools"),
    ]


def test_a_session_reads_the_api_and_changes_nothing_there(logged_in):
    """Pages may load data; a change through the API needs a token, which no other site's form can send."""
    browser = logged_in("root", "admin", None)
    assert browser.open("/api/v1/accounts").json()["total"] == 1
    origin = {"origin": str(browser.http.base_url)}
    body = {"name": "eve", "role": "admin"}
    assert browser.http.post("/api/v1/accounts", json=body, headers=origin).status_code == 401


def test_settings_that_cannot_work_stop_the_start(database):
    """The other login needs to know where people come back to."""
    settings = Settings(serve=Serve(), oidc=OidcSettings(issuer="https://login.example", client_id="netready"))
    with pytest.raises(Exception, match="public_url"):
        make_app(database, settings)
