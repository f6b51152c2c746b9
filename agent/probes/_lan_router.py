"""What the school's router says of its line over UPnP, where it has that switched on.

Only the first router itself is asked, whatever its answers say.
"""

import ipaddress
import selectors
import socket
import time
from contextlib import ExitStack, suppress

from agent.contract.lan import Router
from agent.host import icmp
from agent.meter import dial
from agent.meter.errors import TransferError
from agent.meter.http_answer import Answers
from agent.probes import _lan_upnp as upnp
from agent.probes._lan_upnp import Description, Place, Reading, Service

_SEARCH_S, _AGAIN_S = 2.5, 0.8
_ANSWER_S = 3.0
_BETWEEN_S, _READINGS = 2.0, 3  # 4 s in all; a ui4 starts again every 3.4 s at 10 Gbit/s
_ROOM_BYTES = 64 * 1024
_PIECE_BYTES = 16 * 1024
_MOST_DATAGRAMS = 64


def look(router: str, source: str, deadline: float) -> Router | None:
    """Ask the router of its line; None where it does not answer or has no IPv4 address.

    Args:
        router: The first router's address.
        source: This computer's own address on the same network.
        deadline: When to be done (time.monotonic).
    """
    if not _is_ipv4(router) or not _is_ipv4(source):
        return None
    found = search(router, source, min(deadline, time.monotonic() + _SEARCH_S))
    return None if found is None else ask(router, found, deadline)


def _is_ipv4(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).version == 4
    except ValueError:
        return False


def search(router: str, source: str, deadline: float, port: int = upnp.SEARCH_PORT) -> Place | None:
    """Return where the router says that its description is; nobody else's answer is taken.

    It is asked by itself too: Wi-Fi loses packets to many, and this computer's firewall may take no answers to them.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, selectors.DefaultSelector() as selector:
        with suppress(OSError):
            sock.bind((source, 0))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ)
        ask_again = 0.0
        for _datagram in range(_MOST_DATAGRAMS):
            now = time.monotonic()
            if now >= deadline:
                break
            if now >= ask_again:
                ask_again = now + _AGAIN_S
                for host in (upnp.SEARCH_GROUP, router):
                    with suppress(OSError):
                        sock.sendto(upnp.search(host), (host, port))
            if selector.select(min(deadline, ask_again) - now):
                with suppress(OSError):  # nothing listens there
                    datagram, sender = sock.recvfrom(4096)
                    found = upnp.location(datagram, router) if sender[0] == router else None
                    if found is not None:
                        return found
    return None


def ask(router: str, description: Place, deadline: float) -> Router | None:
    """Read the description and what its services tell; null what they do not."""
    told = upnp.describe(_get(router, description, deadline), description, router)
    if told is None:
        return None
    common = told.find(upnp.COMMON)
    link = _call(router, common, "GetCommonLinkProperties", deadline)
    download_bps = upnp.speed(link.get("NewLayer1DownstreamMaxBitRate"))
    upload_bps = upnp.speed(link.get("NewLayer1UpstreamMaxBitRate"))
    external_private = _external_private(router, told, deadline)
    rates = upnp.rates(_readings(router, common, told.model, deadline), (download_bps, upload_bps))
    return Router(
        model=told.model,
        link_up=upnp.is_up(link.get("NewPhysicalLinkStatus")),
        link_download_bps=download_bps,
        link_upload_bps=upload_bps,
        external_private=external_private,
        counts=rates is not None,
        download_bps=None if rates is None else rates.download_bps,
        upload_bps=None if rates is None else rates.upload_bps,
    )


def _external_private(router: str, told: Description, deadline: float) -> bool | None:
    """Ask for the outer address, of which only its kind is kept; the first connection that has one counts."""
    for name in upnp.CONNECTIONS:
        answered = _call(router, told.find(name), "GetExternalIPAddress", deadline)
        found = upnp.is_translated(answered.get("NewExternalIPAddress"))
        if found is not None:
            return found
    return None


def _readings(router: str, common: Service | None, model: str | None, deadline: float) -> list[Reading]:
    """Read the counters some times; fewer where it does not answer or time is over."""
    found: list[Reading] = []
    is_avm = "AVM" in (model or "")
    for _reading in range(_READINGS if common is not None else 0):
        if found:
            if time.monotonic() + _BETWEEN_S >= deadline:
                break
            time.sleep(_BETWEEN_S)
        reading = _avm(router, common, deadline) if is_avm else None
        reading = reading or _totals(router, common, deadline)
        if reading is None or (found and reading.wraps != found[0].wraps):
            break
        found.append(reading)
    return found


def _avm(router: str, common: Service | None, deadline: float) -> Reading | None:
    """Read the counters of 64 bits that AVM has beside the standard ones."""
    began = time.monotonic()
    told = _call(router, common, "GetAddonInfos", deadline)
    received = upnp.number(told.get("NewX_AVM_DE_TotalBytesReceived64"))
    sent = upnp.number(told.get("NewX_AVM_DE_TotalBytesSent64"))
    if received is None or sent is None:
        return None
    return Reading((began + time.monotonic()) / 2, received, sent, wraps=False)


def _totals(router: str, common: Service | None, deadline: float) -> Reading | None:
    began = time.monotonic()
    received, sent = (
        upnp.number(_call(router, common, f"GetTotalBytes{way}", deadline).get(f"NewTotalBytes{way}"))
        for way in ("Received", "Sent")
    )
    return None if received is None or sent is None else Reading((began + time.monotonic()) / 2, received, sent)


def _call(router: str, service: Service | None, action: str, deadline: float) -> dict[str, str]:
    if service is None:
        return {}
    body = upnp.envelope(service, action)
    head = (
        f"POST {service.place.target} HTTP/1.1\r\nHost: {router}:{service.place.port}\r\n"
        f'Content-Type: text/xml; charset="utf-8"\r\nSOAPAction: "{service.kind}#{action}"\r\n'
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return upnp.results(_exchange(router, service.place.port, head.encode("ascii") + body, deadline))


def _get(router: str, place: Place, deadline: float) -> bytes:
    request = f"GET {place.target} HTTP/1.1\r\nHost: {router}:{place.port}\r\nConnection: close\r\n\r\n"
    return _exchange(router, place.port, request.encode("ascii"), deadline)


def _exchange(router: str, port: int, request: bytes, deadline: float) -> bytes:
    """Return the body of a 200, at most so large; empty for anything else, and where the router is not quick."""
    until = min(deadline, time.monotonic() + _ANSWER_S)
    answers = Answers(keep=upnp.MOST_BYTES + 1)
    try:
        sock, _rtt_s = dial.connect([icmp.place(router, port)], until, _ROOM_BYTES)
        with ExitStack() as stack:
            stack.callback(sock.close)
            sock.settimeout(max(0.001, until - time.monotonic()))
            sock.sendall(request)
            _receive(sock, answers, until)
    except (OSError, TransferError):
        return b""
    return answers.kept if answers.status == 200 and answers.complete else b""


def _receive(sock: socket.socket, answers: Answers, until: float) -> None:
    """Read one answer; what comes behind it is left unread."""
    while time.monotonic() < until:
        sock.settimeout(max(0.001, until - time.monotonic()))
        piece = memoryview(sock.recv(_PIECE_BYTES))
        if not piece:
            answers.ended()
            return
        while piece and not answers.complete:
            piece = piece[answers.feed(piece) :]
        if answers.complete or answers.payload_bytes > upnp.MOST_BYTES:
            return
