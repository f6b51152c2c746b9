"""Where a webhook's messages go: never to an address inside the collector's own network, unless its settings allow it.

Whoever subscribes names the address, and the collector stands where it reaches databases, routers and the cloud's own
services (CWE-918). So the name is looked up here, each address is judged, and the connection goes to that very address:
a second look-up could answer differently.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterator, Sequence
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from agent.contract.errors import SettingsError
from collector.notices.errors import NoticeError
from collector.words import Sentence, say

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_PORTS = {"https": 443, "http": 80}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LONGEST = 2_000


class Destination(Struct, frozen=True, kw_only=True):
    """An address to connect to, and what to ask there. ``host`` is the name in the certificate."""

    url: str
    host: str
    host_header: str


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Read networks of the settings; raises SettingsError naming one that is none."""
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise SettingsError(f"notices.allowed_networks: {error}; write them as 10.20.0.0/16") from error


def checked(url: str) -> SplitResult:
    """Return a webhook's address taken apart.

    Raises:
        NoticeError: nothing can be sent to it; says why.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NoticeError(_no_address(url)) from error
    if len(url) > _LONGEST or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise NoticeError(
            say(
                "a webhook's address has at most {longest} characters, all of them ASCII, and no space",
                longest=_LONGEST,
            )
        )
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise NoticeError(_no_address(url))
    if "@" in parts.netloc or parts.fragment:
        raise NoticeError(say("a webhook's address holds no password and no '#'; its messages are signed instead"))
    if parts.scheme == "http" and (literal := _literal(parts.hostname)) is not None and literal.is_global:
        raise NoticeError(_NEEDS_TLS)
    return parts


def _no_address(url: str) -> Sentence:
    return say(
        "{address} is no address of a webhook; write it as https://hooks.example/netready", address=repr(url[:200])
    )


_NEEDS_TLS = say("a webhook on the internet needs https; http is for addresses of your own network")


async def find(url: str, allowed: Sequence[Network]) -> Destination:
    """Look a webhook's address up, and return where to connect.

    Raises:
        NoticeError: nothing may be sent there, or nobody knows the name.
    """
    parts = checked(url)
    host, port = str(parts.hostname), parts.port or _PORTS[parts.scheme]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoticeError(f"nobody knows an address of {host}") from error
    addresses = [ipaddress.ip_address(each[4][0].split("%")[0]) for each in found if isinstance(each[4][0], str)]
    chosen = next((one for one in addresses if may_send(one, allowed)), None)
    if chosen is None:
        raise NoticeError(
            f"{host} is an address of the collector's own network; whoever runs it can allow that"
            " (notices.allowed_networks)"
        )
    if parts.scheme == "http" and chosen.is_global:
        raise NoticeError(_NEEDS_TLS)
    shown = f"[{chosen}]" if chosen.version == 6 else str(chosen)
    asked = parts.path or "/"
    query = f"?{parts.query}" if parts.query else ""
    return Destination(url=f"{parts.scheme}://{shown}:{port}{asked}{query}", host=host, host_header=parts.netloc)


def may_send(address: Address, allowed: Sequence[Network]) -> bool:
    """Tell whether messages may go to an address: it is the internet's and not our own, or the settings allow it."""
    if any(address in network for network in allowed if network.version == address.version):
        return True
    return all(one.is_global and not one.is_multicast for one in _faces(address)) and not _is_our_own(address)


def _faces(address: Address) -> Iterator[Address]:
    """Yield an address and each IPv4 address that it may stand for (RFC 4291, 3056, 4380, 6052)."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        yield from (one for one in inner if one is not None)


def _is_our_own(address: Address) -> bool:
    """Tell whether an address is this computer's: then packets to it would come from it. Nothing is sent."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((str(address), 9))
            return ipaddress.ip_address(asking.getsockname()[0]) == address
    except OSError:  # no way there at all: the connection will say so
        return False


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
