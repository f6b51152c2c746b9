"""Whose answer it was: login pages, filters and proxies against servers that merely refuse."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.failure import FAILURES
from agent.meter import interception
from agent.meter.certificate import Certificate, Party

HTML = {"content-type": "text/html; charset=utf-8"}
LOGIN = b"<html><title>Wi-Fi \n login</title><form><input name=p type='password'></form></html>"
PAGE = b"<!DOCTYPE html><html><head><title>Welcome</title></head></html>"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "fields", "body", "failure", "says"),
    [
        (511, {}, b"", "captive_portal", "511"),
        (200, HTML, LOGIN, "captive_portal", "a login page ('Wi-Fi login')"),
        (403, HTML, LOGIN, "captive_portal", "a login page"),
        (200, HTML, PAGE, "captive_portal", "a web page ('Welcome')"),
        (200, {}, b"\n <HTML><body>hello", "captive_portal", "a web page answered"),
        (200, {}, b"<WISPAccessGatewayParam>", "captive_portal", "a login page"),
        (302, {"location": "http://login.wifi/?mac=00:11"}, b"", "captive_portal", "http://login.wifi/ (HTTP"),
        (307, {"location": "//portal.example/x"}, b"", "captive_portal", "another host"),
        (302, {"location": "http://filter.kz/blockpage?u=1"}, b"", "intercepted", "a filter's page"),
        (302, {"location": "/elsewhere"}, b"", "redirected", "/elsewhere"),
        (301, {"location": "https://SPEED.example.kz:443/"}, b"", "redirected", "https://SPEED"),
        (301, {"location": "https://www.speed.example.kz/"}, b"", "redirected", "www"),
        (302, {}, b"", "redirected", "an unnamed place"),
        (302, {"location": "http://[broken"}, b"", "redirected", "[broken"),
        (407, {"via": "1.1 squid"}, b"", "intercepted", "a proxy (1.1 squid) answered"),
        (451, {}, b"", "intercepted", "blocked for legal reasons"),
        (403, HTML, b"<html>Access to this site is blocked by policy", "intercepted", "it says 'blocked by'"),
        (403, HTML, "<html>Доступ ограничен".encode(), "intercepted", "доступ ограничен"),
        (200, HTML, b"<html>FortiGuard Intrusion Prevention", "intercepted", "FortiGuard"),
        (503, {"x-squid-error": "ERR_CONNECT_FAIL 110"}, b"", "intercepted", "X-Squid-Error: ERR_CONNECT_FAIL 110"),
        (200, {"via": "1.1 proxy"}, b"ok", "intercepted", "Via: 1.1 proxy"),
        (403, {"proxy-connection": "close"}, b"", "intercepted", "Proxy-Connection"),
        (403, HTML, b"<html><title>403 Forbidden</title>", "refused_by_server", "403"),
        (401, {"www-authenticate": "Basic"}, b"", "refused_by_server", "401"),
        (429, {"retry-after": "60"}, b"", "busy", "it asks to wait 60"),
        (503, {}, b"", "busy", "503"),
        (426, {"upgrade": "websocket"}, b"", "intercepted", "took the header Upgrade out"),
        (400, {"sec-websocket-version": "13"}, b"Bad Request", "intercepted", "took the header Upgrade out"),
        (400, {}, b"Bad Request", "http_status", "400"),
        (200, {}, b"ok", "http_status", "200"),
        (404, HTML, b"<html><title>Not Found</title>", "http_status", "a web page ('Not Found')"),
        (304, {"location": "http://other/"}, b"", "http_status", "304"),
    ],
)  # fmt: skip
def test_an_answer_has_its_word(status, fields, body, failure, says) -> None:
    """Each kind of answer over a plain connection is named, and the sentence shows the evidence."""
    word, sentence = interception.answered(status, fields, body, host="speed.example.kz")
    assert (word, says in sentence) == (failure, True), sentence


@pytest.mark.parametrize(
    ("status", "fields", "body", "failure"),
    [
        (200, HTML, PAGE, "http_status"),
        (200, HTML, LOGIN, "http_status"),
        (302, {"location": "http://login.wifi/"}, b"", "redirected"),
        (503, {"via": "1.1 google"}, b"", "busy"),
        (403, HTML, b"<html>Sorry, you have been blocked", "refused_by_server"),
        (403, HTML, b"<html>FortiGuard", "intercepted"),
        (200, HTML, b"<html>we sell FortiGuard", "http_status"),
        (426, {}, b"", "protocol_error"),
        (451, {}, b"", "http_status"),
        (511, {}, b"", "captive_portal"),
    ],
)
def test_over_tls_the_server_itself_answers(status, fields, body, failure) -> None:
    """Nobody in between is accused of what came with a trusted certificate, unless a filter names itself."""
    assert interception.answered(status, fields, body, host="speed.example.kz", encrypted=True)[0] == failure


@given(
    st.integers(0, 999),
    st.dictionaries(st.sampled_from(["location", "via", "content-type", "retry-after", "x"]), st.text(max_size=300)),
    st.binary(max_size=300),
    st.booleans(),
)
def test_any_answer_is_named_and_shown_safely(status, fields, body, encrypted) -> None:
    """Whatever comes, there is a word of the list and a short sentence that no terminal obeys."""
    word, sentence = interception.answered(status, fields, body, host="h", encrypted=encrypted)
    assert word in FAILURES
    assert sentence.isprintable()
    assert len(sentence) < 400


def certificate(**changed) -> Certificate:
    """A good certificate of a private authority."""
    usual = {
        "subject": Party("speed.example.kz", ""),
        "issuer": Party("Gateway CA", "Some Box"),
        "not_before": NOW - timedelta(days=1),
        "not_after": NOW + timedelta(days=1),
        "names": ("speed.example.kz",),
    }
    return Certificate(**{**usual, **changed})


PUBLIC = ("speed.example.kz", "203.0.114.7")


@pytest.mark.parametrize(
    ("why", "changed", "asked", "failure", "says"),
    [
        ("authority", {}, PUBLIC, "intercepted", "speed.example.kz, signed by Gateway CA of Some Box"),
        ("authority", {"issuer": Party("FG100E", "Fortinet")}, ("10.0.0.9", "10.0.0.9"), "intercepted", "a filter"),
        ("authority", {"issuer": Party("R11", "Let's Encrypt")}, PUBLIC, "tls_certificate", "update its system"),
        ("authority", {"issuer": Party("speed.example.kz", "")}, PUBLIC, "tls_certificate", "ca_file"),
        ("authority", {}, ("speed.example.kz", "192.168.1.5"), "tls_certificate", "ca_file"),
        ("authority", {"names": ("10.1.1.1",)}, ("10.1.1.1", "10.1.1.1"), "tls_certificate", "ca_file"),
        ("authority", {"names": ("school.lan",)}, ("school.lan", "203.0.114.7"), "tls_certificate", "ca_file"),
        ("authority", {"names": ("hotspot.box",)}, PUBLIC, "tls_certificate", "is for hotspot.box, not for speed"),
        ("name", {"names": ("a.kz", "b.kz", "c.kz", "d.kz")}, PUBLIC, "tls_certificate", "a.kz, b.kz, c.kz and others"),
        ("name", {"names": ()}, PUBLIC, "tls_certificate", "is for no host"),
        ("dates", {"not_after": NOW - timedelta(days=2)}, PUBLIC, "tls_certificate", "expired on 2026-11-20 12:00 UTC"),
        ("dates", {"not_before": NOW + timedelta(days=2)}, PUBLIC, "tls_certificate", "only from 2026-11-24 12:00 UTC"),
        ("dates", {}, PUBLIC, "tls_certificate", "stands behind"),
        ("authority", {"not_before": NOW + timedelta(1)}, PUBLIC, "tls_certificate", "is the clock right?"),
        ("other", {}, PUBLIC, "tls_certificate", "is not trusted"),
    ],
)
def test_a_certificate_has_its_word(why, changed, asked, failure, says) -> None:
    """Interception is said only of a public host's certificate that nobody public signed; else what is wrong."""
    word, sentence = interception.distrusted(why, certificate(**changed), asked, NOW)
    assert (word, says in sentence) == (failure, True), sentence
    if why == "dates":
        assert "this computer's clock says 2026-11-22 12:00 UTC" in sentence


@pytest.mark.parametrize(
    ("host", "address", "private"),
    [
        ("localhost", "203.0.114.7", True), ("server", "203.0.114.7", True), ("a.local", "203.0.114.7", True),
        ("speed.kz", "10.1.2.3", True), ("speed.kz", "fe80::1%eth0", True), ("speed.kz", "203.0.114.7", False),
        ("speed.kz.", "2a00:1450::1", False), ("2a00:1450::1", "2a00:1450::1", False), ("8.8.8.8", "8.8.8.8", False),
    ],
)  # fmt: skip
def test_private_hosts(host, address, private) -> None:
    """A host is private by its name or by the address that answered for it."""
    assert interception.is_private(host, address) is private
