"""Who answered in the server's place: judged from an answer that is not the protocol's, or a certificate; pure.

A captive portal wants a login first; a filter or a proxy does not let the test through as it is. Neither is accused
without evidence, and the sentence names it. Over TLS, with a trusted certificate, only the server itself answers.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from agent.contract.failure import Failure
from agent.contract.ticket import REFUSAL_HEADER, REFUSALS
from agent.contract.values import stays_inside
from agent.meter.certificate import Certificate

BODY_BYTES = 4096  # so much of a page tells whose it is
_PASSWORD = re.compile(r"""type\s*=\s*["']?password|<WISPAccessGatewayParam""", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_HTML = re.compile(r"\s*(<!doctype html|<html|<head|<\?xml[^>]*>\s*<!doctype html)", re.IGNORECASE)
# What block pages say, in the languages of the country; a plain "403 Forbidden" says none of it.
_BLOCKED = (
    "blocked by", "is blocked", "has been blocked", "been blocked", "access blocked", "blocked site", "web filter",
    "webfilter", "url filter", "content filter", "block page", "blockpage",
    "заблокирован", "доступ ограничен", "контент-фильтр", "бұғатталған", "шектелген",
)  # fmt: skip
_BLOCK_PLACES = ("blocked", "blockpage", "block-page", "webfilter", "zapret")
# Makers of filters and proxies, as they sign their certificates and their pages. Qaznet and ISCA: the authorities that
# Kazakhstan's users were asked to install in 2019 and 2020.
_MAKERS = (
    "Fortinet", "FortiGate", "FortiGuard", "Sophos", "Zscaler", "Cisco Umbrella", "OpenDNS", "Palo Alto Networks",
    "Check Point", "Netskope", "Blue Coat", "WatchGuard", "SonicWall", "Barracuda", "Untangle", "Securly",
    "Lightspeed Systems", "GoGuardian", "Smoothwall", "ContentKeeper", "Kerio", "Kaspersky", "ESET SSL Filter",
    "Avast Web", "AVG Web", "Bitdefender", "Dr.Web", "UserGate", "SkyDNS", "Squid", "mitmproxy", "pfSense", "OPNsense",
    "MikroTik", "AdGuard", "Qaznet", "Information Security Certification Authority",
)  # fmt: skip
# An old computer may not know these yet: then its store is out of date, and nobody has swapped anything.
_PUBLIC = (
    "Let's Encrypt", "Internet Security Research Group", "DigiCert", "GlobalSign", "Sectigo", "COMODO", "GoDaddy",
    "Google Trust Services", "Amazon", "Entrust", "ZeroSSL", "Buypass", "SSL Corp", "Certum", "Asseco", "GEANT",
    "Microsoft Corporation", "Actalis", "SwissSign", "QuoVadis", "IdenTrust", "Starfield", "Certigna", "HARICA",
)  # fmt: skip
_PRIVATE_ENDINGS = (".local", ".lan", ".internal", ".home.arpa", ".test", ".localhost", ".corp", ".intranet")
_WORDS: dict[int, Failure] = {401: "refused_by_server", 403: "refused_by_server", 429: "busy", 503: "busy"}

Distrust = Literal["authority", "dates", "name", "other"]
"""Why the system does not trust a certificate."""


def answered(
    status: int,
    fields: Mapping[str, str],
    body_start: bytes,
    *,
    host: str = "",
    encrypted: bool = False,
    server: str = "the test server",
) -> tuple[Failure, str]:
    """Say what an unexpected HTTP answer means, and the evidence for it.

    Args:
        status: Its status.
        fields: Its header fields by lower-case name.
        body_start: What came of its body; BODY_BYTES of it are enough.
        host: The host that was asked.
        encrypted: Whether it came over TLS, from a certificate that was trusted.
        server: What sentences call whom we asked.
    """
    if 300 <= status < 400 and status != 304:
        return _sent_elsewhere(status, fields.get("location", ""), (host, server), encrypted=encrypted)
    page = _Page(fields, body_start[:BODY_BYTES])
    return (
        _by_status(status, fields, server, encrypted=encrypted)
        or _by_page(status, page, server, encrypted=encrypted)
        or (None if encrypted else _by_header(status, fields))
        or _by_the_server(status, fields, page, encrypted=encrypted)
    )


def _by_status(status: int, fields: Mapping[str, str], server: str, *, encrypted: bool) -> tuple[Failure, str] | None:
    if status == 511:
        return "captive_portal", "the network asks for a login first: it answered with HTTP status 511 (RFC 6585)"
    if status == 407:
        via = fields.get("via")
        name = f" ({shown(via, 60)})" if via else ""
        return "intercepted", f"a proxy{name} answered: it wants a login of its own (HTTP status 407)"
    if status == 451 and not encrypted:
        return (
            "intercepted",
            f"{server} is blocked for legal reasons: HTTP status 451 (RFC 7725) answered instead",
        )
    return None


def _by_page(status: int, page: "_Page", server: str, *, encrypted: bool) -> tuple[Failure, str] | None:
    """Judge a page for people; over TLS only a filter's, whose authority this computer has been made to trust."""
    if page.wants_password and not encrypted:
        return "captive_portal", f"a login page{page.title} answered instead of {server}"
    mark = page.block_mark(_MAKERS if encrypted else (*_BLOCKED, *_MAKERS))
    if mark is not None and (status >= 400 or not encrypted):  # any site may speak of filters
        return "intercepted", f"a filter's page{page.title} answered instead of {server}; it says {mark!r}"
    if page.is_html and status == 200 and not encrypted:
        return (
            "captive_portal",
            f"a web page{page.title} answered instead of {server}; often that is a login page",
        )
    return None


def _by_header(status: int, fields: Mapping[str, str]) -> tuple[Failure, str] | None:
    sign = proxy_sign(fields)
    return None if sign is None else ("intercepted", f"a proxy answered with HTTP status {status}; its mark is {sign}")


def _by_the_server(status: int, fields: Mapping[str, str], page: "_Page", *, encrypted: bool) -> tuple[Failure, str]:
    detail = f"the far end answered with HTTP status {status} instead of starting the test"
    if status == 426 or (status == 400 and "13" in fields.get("sec-websocket-version", "")):
        lost = "the server says that it was not asked for WebSocket, though it was: something"
        if encrypted:  # then that stands at the server, and nobody else could have
            return "protocol_error", f"{lost} in front of the server does not pass the upgrade on"
        return "intercepted", f"{lost} on the way took the header Upgrade out of the request"
    if status in _WORDS and (known := REFUSALS.get(fields.get(REFUSAL_HEADER.lower(), ""))) is not None:
        wait = fields.get("retry-after")
        return _WORDS[status], f"{known}; it asks to wait {shown(wait, 40)} s" if wait else known
    if status in _WORDS:
        wait = fields.get("retry-after")
        return _WORDS[status], f"{detail}; it asks to wait {shown(wait, 40)}" if wait else detail
    return "http_status", f"{detail}: a web page{page.title}" if page.is_html else detail


def _sent_elsewhere(status: int, location: str, asked: tuple[str, str], *, encrypted: bool) -> tuple[Failure, str]:
    host, server = asked
    # What stands behind the question mark is often this computer's own address, and nobody's business.
    place = shown(location.partition("?")[0], 200) or "an unnamed place"
    detail = f"the far end sends us to {place} (HTTP status {status})"
    try:
        its_host = (urlsplit(location).hostname or "").rstrip(".")
    except ValueError:
        its_host = ""
    if not its_host or _is_kin(its_host, host.lower().rstrip(".")) or encrypted:
        return "redirected", detail
    if any(word in location.lower() for word in _BLOCK_PLACES):
        return "intercepted", f"{detail}: a filter's page, not {server}"
    return "captive_portal", f"{detail}, another host: often that is a login page"


def _is_kin(one: str, other: str) -> bool:
    """Tell whether two names are the same, or one stands under the other, as www.example does."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def proxy_sign(fields: Mapping[str, str]) -> str | None:
    """Return the header that a proxy has left in an answer, for a sentence; None where there is none."""
    for name, value in fields.items():
        if name in ("via", "x-cache", "x-cache-lookup", "x-squid-error") or name.startswith("proxy-"):
            return f"the header {name.title()}: {shown(value, 60)}"
    return None


class _Page:
    """The beginning of an answer's body, as far as it is text for people."""

    def __init__(self, fields: Mapping[str, str], body: bytes) -> None:
        self._text = body.decode("utf-8", "ignore")
        self.is_html = "text/html" in fields.get("content-type", "").lower() or _HTML.match(self._text) is not None

    @property
    def wants_password(self) -> bool:
        return _PASSWORD.search(self._text) is not None

    @property
    def title(self) -> str:
        """Its title, quoted for a sentence; empty where it has none."""
        found = _TITLE.search(self._text)
        title = shown(" ".join(found[1].split()), 60) if found is not None else ""
        return f" ({title!r})" if title else ""

    def block_mark(self, marks: tuple[str, ...]) -> str | None:
        """Return which of the marks it is known by for a filter's page; None where it is none."""
        text = self._text.lower() if self.is_html else ""
        return next((mark for mark in marks if mark.lower() in text), None)


def distrusted(why: Distrust, seen: Certificate, asked: tuple[str, str], now: datetime) -> tuple[Failure, str]:
    """Say what a certificate that the system does not trust means.

    Args:
        why: What the system found wrong first.
        seen: The certificate.
        asked: The host that was asked, and the address that answered.
        now: This computer's clock.
    """
    host = asked[0]
    if why == "dates" or not seen.not_before <= now <= seen.not_after:
        return "tls_certificate", _out_of_date(seen, host, now)
    signed = f"{seen.subject}, signed by {seen.issuer}"
    if why == "authority":
        return _unknown_authority(seen, signed, asked)
    if why == "name" and not seen.is_for(host):
        return "tls_certificate", f"the certificate of {host} is for {_listed(seen.names)}, not for {host}: {signed}"
    return "tls_certificate", f"the certificate of {host} is not trusted: {signed}"


def _out_of_date(seen: Certificate, host: str, now: datetime) -> str:
    clock = f"this computer's clock says {now:%Y-%m-%d %H:%M} UTC"
    if now < seen.not_before:
        return (
            f"the certificate of {host} is valid only from {seen.not_before:%Y-%m-%d %H:%M} UTC on, and {clock}: "
            "is the clock right?"
        )
    if now > seen.not_after:
        return f"the certificate of {host} expired on {seen.not_after:%Y-%m-%d %H:%M} UTC; {clock}"
    return f"a certificate that stands behind that of {host} has expired or is not valid yet; {clock}"


def _unknown_authority(seen: Certificate, signed: str, asked: tuple[str, str]) -> tuple[Failure, str]:
    host, address = asked
    names = (
        f"{seen.subject.common_name} {seen.subject.organisation} {seen.issuer.common_name} {seen.issuer.organisation}"
    )
    maker = next((maker for maker in _MAKERS if maker.lower() in names.lower()), None)
    if maker is not None:
        return "intercepted", f"a filter shows its own certificate for {host}: {signed}"
    if not seen.is_for(host):
        return "tls_certificate", (
            f"the certificate of {host} is for {_listed(seen.names)}, not for {host}, and of an authority that this "
            f"computer does not know: {signed}"
        )
    if any(public.lower() in names.lower() for public in _PUBLIC):
        return "tls_certificate", (
            f"this computer does not know the public authority that signed the certificate of {host}: {signed}; update "
            "its system"
        )
    if seen.is_self_signed or is_private(host, address):
        return "tls_certificate", (
            f"the certificate of {host} is of an authority that this computer does not know: {signed}; if "
            "that is right, name its file in ca_file"
        )
    return "intercepted", (
        f"something shows a certificate of its own for {host}, of an authority that this computer does not know: "
        f"{signed}"
    )


def is_private(host: str, address: str) -> bool:
    """Tell whether a host is of a private network, by name or by the address that answered: own CAs are usual there."""
    name = host.lower().rstrip(".")
    is_private_name = ("." not in name and ":" not in name) or name.endswith(_PRIVATE_ENDINGS)
    return is_private_name or any(stays_inside(each.strip("[]")) for each in (host, address))


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (" and others" if len(names) > 3 else "") if names else "no host"


def shown(text: str, most: int) -> str:
    """Return a stranger's text for a sentence: in one line, short, and with nothing that a terminal would obey."""
    return "".join(letter for letter in text if letter.isprintable())[:most].strip()
