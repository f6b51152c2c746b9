"""How fast and how honest each name server is that this computer was told to use.

Names with one well-known address, and names that cannot exist, show what it makes up. For all other names the answers
of the servers are compared, and who is far from all others is judged by certificates: content networks answer
differently from place to place and are right nevertheless.
"""

import ipaddress
import secrets
import selectors
import socket
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Literal

from msgspec import Struct, structs

from agent.contract.failure import Failure, failure_of
from agent.contract.lan import Resolver
from agent.host import icmp, transport
from agent.meter import dial, tls
from agent.meter.errors import TransferError
from agent.probes import _lan_dns
from agent.probes._lan_dns import Answer, GarbledError

# The root name servers' own addresses are written down everywhere and do not depend on who asks (root-servers.org).
KNOWN = {"a.root-servers.net": frozenset({"198.41.0.4"}), "k.root-servers.net": frozenset({"193.0.14.129"})}
# RFC 6761, 6.4: "invalid" never exists. Who sells mistyped names leaves it alone, but not the other one.
_NEVER = ("{}.invalid", "{}.com")
_PORT, _TLS_PORT = 53, 443
_PATIENCE_S, _PROOF_S = 2.0, 2.0
_ASKING_SHARE = 0.7  # of the time; the rest is for certificates
_SILENT = 3  # so many questions without any answer are enough
_MOST_PROOFS, _MOST_DIFFERING = 2, 16
_AT_ONCE = 8
_CODES: dict[int, Failure] = {_lan_dns.SERVER_FAILED: "dns_failed", _lan_dns.REFUSED: "refused_by_server"}
_FOUND = frozenset({_lan_dns.NO_ERROR, _lan_dns.NO_SUCH_NAME})

Answers = dict[str, frozenset[str]]
Shown = Literal["its", "other", "none"]
"""The certificate at an address: the name's own, somebody else's, none at all."""
Prove = Callable[[str, frozenset[str]], Shown | None]


class Server(Struct, frozen=True):
    """A name server: its address, and the port it is asked at."""

    address: str
    port: int = _PORT


class Heard(Struct, frozen=True, kw_only=True):
    """What one name server answered, and how long it took; ``differs`` is not known yet."""

    resolver: Resolver
    answers: Answers


def look(
    servers: Sequence[Server], names: Sequence[str], deadline: float, prove: Prove | None = None
) -> tuple[Resolver, ...]:
    """Ask each server for the names, first and a second time, and for some that tell an honest one from others.

    Args:
        servers: All are asked at the same time, each of them one question after the other.
        names: What is asked for.
        deadline: When to be done (time.monotonic).
        prove: Tells whose certificate is at the addresses of a name; left out, they are asked.
    """
    if not servers:
        return ()
    asked_until = time.monotonic() + _ASKING_SHARE * (deadline - time.monotonic())
    with ThreadPoolExecutor(len(servers), thread_name_prefix="names") as pool:
        heard = list(pool.map(lambda server: _Talk(server, asked_until).hear(names), servers))
    false = differing([each.answers for each in heard], prove or partial(certificate, deadline=deadline))
    return tuple(
        structs.replace(each.resolver, differs=differs[:_MOST_DIFFERING])
        for each, differs in zip(heard, false, strict=True)
    )


class _Talk:
    """The questions to one server, one after the other."""

    def __init__(self, server: Server, deadline: float) -> None:
        self._server = server
        self._deadline = deadline
        self._asked = self._answered = 0
        self._failure: Failure | None = None
        self._answers: Answers = {}

    def hear(self, names: Sequence[str]) -> Heard:
        """Ask everything there is to ask."""
        cold_s, warm_s = self._times(names), self._times(names)
        invents = self._invents()
        self._times(tuple(KNOWN))
        silent = self._asked > 0 and self._answered == 0
        return Heard(
            resolver=Resolver(
                address=self._server.address,
                asked=self._asked,
                answered=self._answered,
                median_ms=_median_ms(warm_s),
                cold_ms=_median_ms(cold_s),
                invents=invents,
                failure=(self._failure or "no_answer") if silent else None,
            ),
            answers=self._answers,
        )

    def _times(self, names: Sequence[str]) -> list[float]:
        took_s = []
        for name in names:
            told = self._ask(name)
            if told is not None:
                took_s.append(told[1])
                self._answers[name] = self._answers.get(name, frozenset()) | told[0].addresses
        return took_s

    def _invents(self) -> bool | None:
        """Tell whether it has addresses for names that cannot exist; None where it does not say."""
        told = [self._ask(each.format(_random_label())) for each in _NEVER]
        known = [bool(each[0].addresses) for each in told if each is not None]
        return any(known) if known else None

    def _ask(self, name: str) -> tuple[Answer, float] | None:
        """Ask once; None where there is no answer that says something of the name."""
        began = time.monotonic()
        patience_s = min(_PATIENCE_S, self._deadline - began)
        if patience_s <= 0 or (self._asked >= _SILENT and self._answered == 0):
            return None
        self._asked += 1
        try:
            told = exchange(self._server, name, began + patience_s)
        except GarbledError:
            self._failure = "protocol_error"
            return None
        except OSError as error:
            self._failure = failure_of(error)
            return None
        if told is None:
            self._asked -= patience_s < _PATIENCE_S  # it had no time
            return None
        if told.code not in _FOUND:
            self._failure = _CODES.get(told.code, "protocol_error")
            return None
        self._answered += 1
        return told, time.monotonic() - began


def _random_label() -> str:
    """Return 20 letters that nobody has registered."""
    return "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _letter in range(20))


def _median_ms(took_s: list[float]) -> float | None:
    return round(statistics.median(took_s) * 1000, 3) if took_s else None


def exchange(server: Server, name: str, deadline: float) -> Answer | None:
    """Ask a server over UDP, and over TCP where its answer does not fit; None where none comes in time.

    Raises:
        GarbledError: what it answers is no answer.
        OSError: there is no way to it, or nothing listens there.
    """
    asked = _lan_dns.question(secrets.randbits(16), name)
    family, place = icmp.place(server.address, server.port)
    with socket.socket(family, socket.SOCK_DGRAM) as sock, selectors.DefaultSelector() as selector:
        sock.setblocking(False)
        sock.connect(place)  # so that only this server's answers come in
        sock.send(asked)
        selector.register(sock, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(left):
                break
            told = _lan_dns.answer(sock.recv(_lan_dns.MOST_BYTES), asked)
            if told is not None:
                return _over_tcp(family, place, asked, deadline) if told.cut_off else told
    return None


def _over_tcp(family: socket.AddressFamily, place: dial.Place, asked: bytes, deadline: float) -> Answer | None:
    """Ask once more (RFC 7766), each message behind its length."""
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        try:
            _patient(sock, deadline).connect(place)
            sock.sendall(len(asked).to_bytes(2, "big") + asked)
            length = int.from_bytes(_exactly(sock, 2, deadline), "big")
            if length > _lan_dns.MOST_BYTES:
                raise GarbledError("the name server's answer is too long")
            return _lan_dns.answer(_exactly(sock, length, deadline), asked)
        except TimeoutError:
            return None


def _patient(sock: socket.socket, deadline: float) -> socket.socket:
    sock.settimeout(max(0.001, deadline - time.monotonic()))
    return sock


def _exactly(sock: socket.socket, length: int, deadline: float) -> bytes:
    data = b""
    while len(data) < length:
        piece = _patient(sock, deadline).recv(length - len(data))
        if not piece:
            raise GarbledError("the name server ends in the middle of its answer")
        data += piece
    return data


def differing(heard: Sequence[Answers], prove: Prove) -> tuple[tuple[str, ...], ...]:
    """Return for each server the names that it has false addresses for."""
    names = sorted({name for answers in heard for name in answers})

    def judge(name: str) -> tuple[bool, ...]:
        given = [answers.get(name, frozenset()) for answers in heard]
        proof = cache(partial(prove, name))
        return tuple(_is_false(name, given, at, proof) for at in range(len(given)))

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="proof") as pool:
        judged = dict(zip(names, pool.map(judge, names), strict=True))
    return tuple(tuple(name for name in names if judged[name][at]) for at in range(len(heard)))


def _is_false(
    name: str, given: Sequence[frozenset[str]], at: int, proof: Callable[[frozenset[str]], Shown | None]
) -> bool:
    """Judge one server's addresses of a name.

    They are false where they are not the known ones; where they are of no public network and another server's are;
    where the name's certificate is at another server's addresses and not at these. Where certificates show nothing for
    anybody, as in a network of its own, at least two other servers have to agree with each other.
    """
    mine = given[at]
    others = [each for index, each in enumerate(given) if each and index != at]
    if mine and name in KNOWN:
        return not mine & KNOWN[name]
    if not mine or not others or any(_are_near(mine, each) for each in others):
        return False
    alike = [each for each in others if _is_public(each) == _is_public(mine)]
    if not _is_public(mine) and len(alike) < len(others):
        return True
    own = proof(mine)
    if own in {"its", None}:
        return False
    shown = {proof(each) for each in alike}
    if shown != {"none"} or own == "other":
        return "its" in shown
    return any(_are_near(one, two) for index, one in enumerate(alike) for two in alike[:index])


def _are_near(one: frozenset[str], two: frozenset[str]) -> bool:
    """Tell whether two sets of addresses share a network of 65,536: the same provider, as a rule."""
    return bool(_networks(one) & _networks(two))


def _networks(addresses: frozenset[str]) -> set[str]:
    return {address.rpartition(".")[0].rpartition(".")[0] for address in addresses}


def _is_public(addresses: frozenset[str]) -> bool:
    return any(ipaddress.IPv4Address(each).is_global for each in addresses)


def certificate(name: str, addresses: frozenset[str], deadline: float) -> Shown | None:
    """Look whose certificate is at the addresses of a name; only public ones are asked. None where time is over."""
    context = transport.tls_context(None)
    found: Shown = "none"
    for address in sorted(each for each in addresses if ipaddress.IPv4Address(each).is_global)[:_MOST_PROOFS]:
        if time.monotonic() > deadline - _PROOF_S:
            return None
        until = time.monotonic() + _PROOF_S
        try:
            sock, _rtt_s = dial.connect([(socket.AF_INET, (address, _TLS_PORT))], until)
            with tls.secure(sock, context, name, until):
                return "its"
        except TransferError as error:
            found = "other" if error.failure in {"tls_certificate", "intercepted"} else found
    return found
