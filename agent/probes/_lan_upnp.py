"""What a router writes of itself in UPnP: answers to a search, descriptions, SOAP, its byte counters; pure.

All of it is hostile until checked: no document type (no entities), nothing that leads to another host.
"""

import ipaddress
import itertools
from collections.abc import Iterator, Sequence
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree as ET

from msgspec import Struct

from agent.contract.values import in_private_network

SEARCH_PORT = 1900
SEARCH_GROUP = "239.255.255.250"
MOST_BYTES = 256 * 1024  # of a description; the largest seen have some ten thousand
COMMON = "WANCommonInterfaceConfig"
CONNECTIONS = ("WANIPConnection", "WANPPPConnection")
_DEVICE = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
_WRAP = 2**32  # ui4
_BIGGEST_STEP = 2**30  # between two readings of a counter that started again
_NO_SPEED = 2**32 - 1
_FASTEST_BPS = 10e9  # where the router does not say how fast its line is
_OVER = 1.25
_MOST_MODEL, _MOST_DIGITS, _MOST_URL = 128, 20, 2048


class Place(Struct, frozen=True):
    """Where something of the router is asked for: always at the router's own address."""

    port: int
    target: str


class Service(Struct, frozen=True):
    """One of the router's services: its type with the version, and where it is spoken to."""

    kind: str
    place: Place


class Description(Struct, frozen=True, kw_only=True):
    """What the router says of itself."""

    model: str | None
    services: tuple[Service, ...]

    def find(self, name: str) -> Service | None:
        """Return the service of this name, of whichever version."""
        return next((each for each in self.services if f":{name}:" in each.kind), None)


class Reading(Struct, frozen=True):
    """The router's byte counters at one moment (time.monotonic); ``wraps`` where they are those of 32 bits."""

    at: float
    received: int
    sent: int
    wraps: bool = True


class Rates(Struct, frozen=True):
    """What passed the router's line, in bit/s."""

    download_bps: float
    upload_bps: float


def search(host: str) -> bytes:
    """Return a search for gateways (UPnP Device Architecture 1.1, 1.3.2)."""
    lines = (
        f'M-SEARCH * HTTP/1.1\r\nHOST: {host}:{SEARCH_PORT}\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: {_DEVICE}\r\n\r\n'
    )
    return lines.encode("ascii")


def location(datagram: bytes, router: str) -> Place | None:
    """Read where an answer to the search says that the description is; None unless it is at the router itself."""
    start, *lines = datagram.decode("latin-1").split("\r\n")
    if not start.startswith("HTTP/1.1 200"):
        return None
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip().upper() == "LOCATION":
            return place(value.strip(), router)
    return None


def place(url: str, router: str) -> Place | None:
    """Return where a URL leads, if it is plain http to the router's own address, written as an address."""
    try:
        parts = urlsplit(url)
        port, host = parts.port or 80, ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return None
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    is_written_well = len(url) <= _MOST_URL and all("!" <= letter <= "~" for letter in target)
    if parts.scheme != "http" or parts.username is not None or host != ipaddress.ip_address(router):
        return None
    return Place(port, target) if is_written_well and target.startswith("/") else None


def tree(document: bytes) -> ET.Element | None:
    """Read XML without a document type, so that there are no entities to grow; None for anything else."""
    if len(document) > MOST_BYTES:
        return None
    text = document.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        return ET.fromstring(text)  # noqa: S314 - text, so of no other encoding than was looked at; bounded
    except ET.ParseError:
        return None


def describe(document: bytes, base: Place, router: str) -> Description | None:
    """Read a device description; services that are elsewhere are left out."""
    root = tree(document)
    if root is None:
        return None
    device = root.find("{*}device")
    beginning = _beginning(root, f"http://{router}:{base.port}{base.target}")
    return Description(model=_model(device), services=tuple(_services(root, beginning, router)))


def _beginning(root: ET.Element, here: str) -> str:
    """Return what the addresses in a description begin with; a base that is no URL counts as none."""
    try:
        return urljoin(here, (root.findtext("{*}URLBase") or "").strip()[:_MOST_URL])
    except ValueError:
        return here


def _model(device: ET.Element | None) -> str | None:
    if device is None:
        return None
    parts = [(device.findtext(f"{{*}}{name}") or "").strip() for name in ("manufacturer", "modelName")]
    words = " ".join(part for part in parts if part)
    return "".join(letter for letter in words if letter.isprintable())[:_MOST_MODEL] or None


def _services(root: ET.Element, beginning: str, router: str) -> Iterator[Service]:
    for each in root.iter():
        if each.tag.rpartition("}")[2] != "service":
            continue
        kind = (each.findtext("{*}serviceType") or "").strip()
        control = (each.findtext("{*}controlURL") or "").strip()
        is_known = any(f":{name}:" in kind for name in (COMMON, *CONNECTIONS))
        if (
            not is_known
            or not kind.isascii()
            or not kind.replace(":", "").replace("-", "").isalnum()
            or len(kind) > 128
        ):
            continue
        try:
            found = place(urljoin(beginning, control[:_MOST_URL]), router)
        except ValueError:
            continue
        if found is not None:
            yield Service(kind, found)


def envelope(service: Service, action: str) -> bytes:
    """Return a SOAP call without arguments (UPnP Device Architecture 1.1, 3.2.1)."""
    return (
        '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:{action} xmlns:u="{service.kind}"/></s:Body></s:Envelope>\r\n'
    ).encode("ascii")


def results(document: bytes) -> dict[str, str]:
    """Read what a call returned, by name; empty where it is no such answer."""
    root = tree(document)
    if root is None:
        return {}
    return {each.tag.rpartition("}")[2]: (each.text or "").strip() for each in root.iter() if not len(each)}


def number(word: str | None) -> int | None:
    """Read a whole number that is not negative."""
    is_one = word is not None and word.isascii() and word.isdecimal() and len(word) <= _MOST_DIGITS
    return int(word or "0") if is_one else None


def speed(word: str | None) -> float | None:
    """Read a line's speed; what stands for "unknown" is null."""
    found = number(word)
    return float(found) if found is not None and 0 < found < _NO_SPEED else None


def is_up(word: str | None) -> bool | None:
    """Read a link's state."""
    return {"up": True, "down": False, "initializing": False}.get((word or "").lower())


def is_translated(word: str | None) -> bool | None:
    """Tell whether another router of the school translates the router's outer address again; None where it has none.

    An operator's own translation (100.64.0.0/10) is nothing that a school could change.
    """
    try:
        outer = ipaddress.IPv4Address(word or "")
    except ValueError:
        return None
    if outer.is_unspecified or outer.is_loopback:
        return None
    return in_private_network(str(outer))


def rates(readings: Sequence[Reading], fastest: tuple[float | None, float | None]) -> Rates | None:
    """Return what passed between the first reading and the last, None where the counters cannot be believed.

    They are not where one of them stands still (our own packets pass them meanwhile), goes back other than by starting
    again from zero, or runs faster than the line: ``fastest`` is what the router says of that, down and up.
    """
    if len(readings) < 2:
        return None
    took_s = readings[-1].at - readings[0].at
    received, sent = _passed(readings, "received"), _passed(readings, "sent")
    if not received or not sent or took_s <= 0:
        return None
    found = Rates(round(8 * received / took_s), round(8 * sent / took_s))
    limits = [_OVER * (limit or _FASTEST_BPS) for limit in fastest]
    return found if found.download_bps <= limits[0] and found.upload_bps <= limits[1] else None


def _passed(readings: Sequence[Reading], name: str) -> int | None:
    total = 0
    for before, after in itertools.pairwise(readings):
        step: int = getattr(after, name) - getattr(before, name)
        if step < 0:
            step += _WRAP
            if not before.wraps or not 0 <= step < _BIGGEST_STEP:
                return None
        total += step
    return total
