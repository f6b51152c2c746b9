"""A name server that answers as told, over UDP and TCP, on loopback or inside a namespace."""

import ipaddress
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

Reply = bytes | None
Behaviour = Callable[[bytes, str], Reply]
NO_ERROR, SERVER_FAILED, NO_SUCH_NAME, REFUSED = 0, 2, 3, 5
CUT_OFF = 0x0200


def asked_name(question: bytes) -> str:
    """Return the name in a question."""
    labels, at = [], 12
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length].decode("ascii"))
        at += 1 + length
    return ".".join(labels)


def reply(question: bytes, addresses: tuple[str, ...] = (), *, code: int = NO_ERROR, flags: int = 0) -> bytes:
    """Return an answer to a question."""
    head = question[:2] + struct.pack("!5H", 0x8180 | code | flags, 1, len(addresses), 0, 0)
    records = b"".join(
        b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + ipaddress.IPv4Address(each).packed for each in addresses
    )
    return head + question[12:] + records


def says(addresses: dict[str, str], *, otherwise: str | None = None) -> Behaviour:
    """Answer from a table; with ``otherwise`` there is no name that does not exist."""

    def behave(question: bytes, name: str) -> Reply:
        found = addresses.get(name, otherwise)
        return reply(question, code=NO_SUCH_NAME) if found is None else reply(question, (found,))

    return behave


def slowly(behave: Behaviour, delay_s: float, *, first_only: bool = False) -> Behaviour:
    """Answer after a while; with ``first_only`` a name that was asked before is known at once."""
    known: set[str] = set()

    def late(question: bytes, name: str) -> Reply:
        if not (first_only and name in known):
            time.sleep(delay_s)
        known.add(name)
        return behave(question, name)

    return late


class NameServer:
    """Answers each question as ``over_udp`` and ``over_tcp`` say."""

    def __init__(
        self, over_udp: Behaviour, over_tcp: Behaviour | None = None, place: tuple[str, int] = ("127.0.0.1", 0)
    ) -> None:
        self._over_udp, self._over_tcp = over_udp, over_tcp or over_udp
        self._tcp = socket.create_server(place)
        self.address, self.port = self._tcp.getsockname()[:2]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((self.address, self.port))
        self.questions: list[str] = []

    def __enter__(self) -> Self:
        """Begin to answer."""
        for work in (self._udp_forever, self._tcp_forever):
            threading.Thread(target=work, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """End."""
        for sock in (self._tcp, self._udp):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _udp_forever(self) -> None:
        with suppress(OSError):
            while True:
                question, sender = self._udp.recvfrom(2048)
                if not question:
                    return
                name = asked_name(question)
                self.questions.append(name)
                told = self._over_udp(question, name)
                if told is not None:
                    self._udp.sendto(told, sender)

    def _tcp_forever(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._tcp.accept()
                with suppress(OSError, struct.error), sock:
                    sock.settimeout(5)
                    (length,) = struct.unpack("!H", sock.recv(2))
                    question = sock.recv(length)
                    told = self._over_tcp(question, asked_name(question))
                    if told is not None:
                        sock.sendall(struct.pack("!H", len(told)) + told)
