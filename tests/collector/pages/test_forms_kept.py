"""Forms lose nothing: a login that ended, a page of another login, a form that stands on a page no more."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest

from collector.pages import replaying
from collector.pages.forms import MalformedError, _parts
from collector.pages.replaying import Typed
from tests.collector.pages.test_admin import VERSION, another, policy_of, somebody  # noqa: F401 - fixtures
from tests.collector.test_login import OWN, TOKEN

KEPT = re.compile(r'name="kept" value="([^"]+)"')
PLACE = "/admin/policy/country"
FIELDS = {
    "set_holidays": "yes",
    "holidays": "2026-12-16\n2026-12-17",
    "note": 'a "quoted" <note> ә',
    "set_weekdays": "yes",
    "weekdays_6": "yes",
}


@pytest.fixture
def ended(database):
    """End every login, as half an hour without a click does."""

    def end() -> None:
        with database.owning() as connection:
            connection.execute("update login_session set seen_at = seen_at - interval '2 hours'")

    return end


def send_from(browser, place: str, **fields: str):
    """Send a form as a browser does: it says which page the form stood on."""
    return browser.send(place, headers={"referer": str(browser.http.base_url).rstrip("/") + place}, **fields)


def test_a_form_after_the_end_of_the_login_is_filled_in_again(somebody, ended, database):  # noqa: F811
    """The login carries it sealed; after it the form stands there filled in; only a press saves it."""
    browser = somebody("ministry", name="aigul")
    version = VERSION.search(browser.open(PLACE).text)[1]
    ended()
    answer = send_from(browser, PLACE, version=version, **FIELDS)
    assert (answer.status_code, answer.headers["cache-control"]) == (403, "no-store")
    kept = KEPT.search(answer.text)[1]
    assert "2026-12-16" not in answer.text
    assert policy_of(database) is None
    assert browser.send("/login", name="aigul", password="wrong", kept=kept, then=PLACE).status_code == 403
    assert KEPT.search(browser.page)[1] == kept
    page = browser.send("/login", name="aigul", password=OWN, kept=kept, then=PLACE)
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert "what you typed" in page.text.lower()
    assert "2026-12-16\n2026-12-17</textarea>" in page.text
    assert html.escape(FIELDS["note"]) in page.text
    assert re.search(r'name="weekdays_6" value="yes" checked', page.text)
    assert not re.search(r'name="weekdays_1" value="yes" checked', page.text)
    assert policy_of(database) is None
    assert browser.send(PLACE, version=version, **FIELDS).status_code == 303
    assert policy_of(database).body["holidays"] == ["2026-12-16", "2026-12-17"]


def test_what_was_typed_is_for_its_owner_alone(somebody, ended):  # noqa: F811
    """Somebody else who logs in on that page sees nothing of it; nor does what was changed on the way open."""
    somebody("ministry", name="dana")
    browser = somebody("ministry", name="aigul")
    browser.open(PLACE)
    ended()
    kept = KEPT.search(send_from(browser, PLACE, version="0", **FIELDS).text)[1]
    answer = browser.send("/login", name="dana", password=OWN, kept=kept, then=PLACE)
    assert (answer.status_code, answer.headers["location"]) == (303, PLACE)


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_form_of_another_site_is_not_carried(somebody, ended, origin):  # noqa: F811
    """It leads to an empty login, as before."""
    browser = somebody("ministry", name="aigul")
    browser.open(PLACE)
    ended()
    answer = browser.send(PLACE, headers={"origin": origin}, version="0", **FIELDS)
    assert KEPT.search(answer.text) is None
    assert answer.status_code in (303, 403)


def test_a_form_from_before_another_login_is_filled_in_again(somebody, database):  # noqa: F811
    """Two tabs: logged out and in again in one, the other's form is refused, and shown with all that was typed."""
    browser = somebody("ministry", name="aigul")
    browser.open(PLACE)
    old = TOKEN.search(browser.page)[1]
    browser.open("/account")
    browser.send("/logout")
    browser.log_in("aigul", OWN)
    browser.open(PLACE)
    answer = send_from(browser, PLACE, form_token=old, version="0", **FIELDS)
    assert answer.status_code == 403
    assert "2026-12-16\n2026-12-17</textarea>" in answer.text
    assert TOKEN.search(answer.text)[1] != old
    assert policy_of(database) is None


def test_passwords_and_files_are_never_kept():
    """Nor codes and tokens; and nothing at all of the pages on which passwords are typed."""
    typed = {
        "name": "n",
        "password": "p",
        "old": "o",
        "new": "n",
        "again": "a",
        "code": "c",
        "form_token": "f",
        "api_token": "t",
    }
    assert replaying.keepable("/accounts", typed) == {"name": "n"}
    for place in ("/login", "/login/code", "/account/password", "/account/second?then=/x"):
        assert replaying.keepable(place, typed) == {}


def test_a_page_without_the_form_gives_none():
    """Then a plain form shows what was typed."""
    typed = Typed(action="/a", page="/b", fields={"x": "1"}, name="n", at=datetime.now(UTC))
    assert replaying.filled("<main></main><form method='post' action='/c'></form>", typed, "note") is None
    page = (
        "<main>\n<form method='get'><input name=x></form><form method='post' action='/a'>\n<input name='x' value='2'>"
        "<select name='s'><option value='1'></select><input type=password name=password></form>"
    )
    told = replaying.filled(page, typed, "<note>")
    assert '<input name="x" value="1">' in told
    assert '<form method="get" action="/b">' in told
    assert "&lt;note&gt;" in told


def test_sealed_text_is_only_ours(client, somebody, monkeypatch):  # noqa: F811
    """Too old, of another account, or touched: null."""
    app_context = _context(somebody, client)
    now = replaying.now_of(datetime.now(UTC))
    typed = Typed(action="/a", page="/b", fields={"x": "1"}, name="aigul", at=now)
    text = replaying.sealed(app_context, typed)
    assert replaying.opened(app_context, text, "aigul", now) == typed
    assert replaying.opened(app_context, text, "dana", now) is None
    assert replaying.opened(app_context, text, "aigul", now + timedelta(hours=2)) is None
    assert replaying.opened(app_context, text[:-6] + "AAAAA=", "aigul", now) is None
    assert replaying.opened(app_context, "x" * 10, "aigul", now) is None
    assert (
        replaying.sealed(app_context, Typed(action="/a", page="/b", fields={"x": "1" * 60_000}, name="n", at=now))
        is None
    )


def _context(_somebody, _client):
    from types import SimpleNamespace

    from collector.settings import Settings

    return SimpleNamespace(settings=Settings())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b",
        b"--b\r\n\r\nx\r\n",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--b--',
    ],
)
def test_a_form_with_files_that_cannot_be_read(body):
    """A sentence, and never an error of ours."""
    with pytest.raises(MalformedError):
        _parts(body, "multipart/form-data; boundary=b")


def test_a_form_with_a_file():
    """Names lose their folders, contents nothing."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="C:\\x\\\xd3\x98.csv"\r\n'
        b"Content-Type: text/csv\r\n\r\n"
        b"\r\n--x\r\n\x00\r\n--b--\r\n"
    )
    fields, files = _parts(body, 'multipart/form-data; boundary="b"')
    assert fields == {"a": "1"}
    assert (files["f"].name, files["f"].content) == ("Ә.csv", b"\r\n--x\r\n\x00")
