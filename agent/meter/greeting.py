"""How two computers of one school make sure of each other before they test: who they are, and what the other grants.

Both prove that they know the school's key, and neither sends it (HMAC-SHA256, RFC 2104). One exchange of JSON lines:

    door -> visitor   Challenge: the door's agent id, a random nonce, its time
    visitor -> door   Hello, proven over the challenge: its agent id and nonce, the address it dialled, what it wants
    door -> visitor   Answer, proven over challenge and hello: granted with a port, or why not

Each proof holds for one connection only, as the other side's nonce is in it: what was overheard is worth nothing later.
The address that was dialled is in it, so that nobody between the two can pass it on as its own. The ticket for the test
itself is reckoned by both; the visitor shows it once, in the test's path, and it is worth nothing from another address.
What is measured is no secret and travels plain.
"""

import hashlib
import hmac
import ipaddress
import secrets
import socket
import time
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from agent.contract.peer import PeerId
from agent.contract.values import Bps, Count, Label, Medium, Text, stays_inside
from agent.meter.errors import TransferError

PROTOCOL = 1
SERVICE_TYPE = "_netready._tcp.local."
PORT = 8871  # of the door; the test itself has the next one, where that is free
MAX_S = 8.0  # of each direction
PATIENCE_S = 30.0  # that a busy network is waited for
MAX_LINE = 4096
_NO_PROOF = ""

Hex = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
_Line = TypeVar("_Line", bound=Struct)


class Challenge(Struct, frozen=True, kw_only=True):
    """The door's first line; ``time`` is its own clock in seconds since 1970, which nobody has to share."""

    protocol: Annotated[int, Meta(ge=1, le=1000)]
    agent: PeerId
    nonce: Hex
    time: float


class Hello(Struct, frozen=True, kw_only=True):
    """What a visitor says of itself and wants: a test, or that nobody else tests meanwhile (a lease).

    ``to`` is the address it dialled.
    """

    agent: PeerId
    nonce: Hex
    to: Label
    wants: Literal["test", "lease"]
    max_bytes: Count = 0


class Answer(Struct, frozen=True, kw_only=True):
    """What the door grants. ``max_bytes`` holds for each direction; without a grant ``reason`` says why.

    ``is_spent``: the door grants no more today, so that asking again in a moment is in vain.
    """

    granted: bool
    port: Port | None = None
    max_bytes: Count = 0
    medium: Medium | None = None
    link_bps: Bps | None = None
    reason: Text = ""
    is_spent: bool = False


class Signed(Struct, frozen=True, kw_only=True):
    """A line with its proof: ``body`` is the JSON text that was proven."""

    body: Annotated[str, Meta(max_length=MAX_LINE)]
    proof: Annotated[str, Meta(max_length=64)] = _NO_PROOF


def challenge(agent: str) -> Challenge:
    """Return a new challenge of this door."""
    return Challenge(protocol=PROTOCOL, agent=agent, nonce=nonce(), time=round(time.time(), 3))


def nonce() -> str:
    """Return 32 random bytes as hex digits."""
    return secrets.token_hex(32)


def proof(key: bytes, role: Literal["hello", "answer", "ticket", "announcement"], *parts: bytes) -> str:
    """Return the proof of these parts, each hashed by itself so that none can be moved into its neighbour."""
    digests = b"".join(hashlib.sha256(part).digest() for part in parts)
    return hmac.digest(key, f"netready peer {role}".encode() + b"\0" + digests, "sha256").hex()


def is_proven(key: bytes, signed: Signed, role: Literal["hello", "answer"], *parts: bytes) -> bool:
    """Tell whether the other side knew the key when it said this."""
    expected = proof(key, role, *parts, signed.body.encode())
    return signed.proof.isascii() and hmac.compare_digest(expected, signed.proof)


def plain_address(host: str) -> str:
    """Return an address without zone, an IPv4 one that came to an IPv6 socket as IPv4."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def is_inside(host: str) -> bool:
    """Tell whether an address can be that of a computer in the same school, this one too.

    Unlike what ``stays_inside``, the unspecified address is nobody's: who calls it reaches himself.
    """
    return stays_inside(host) and not ipaddress.ip_address(plain_address(host)).is_unspecified


class Talk:
    """JSON lines over one connection, each within a time and a length."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._rest = b""

    def say(self, line: Struct) -> bytes:
        """Send a line and return it without its end; raises TransferError."""
        raw = msgspec.json.encode(line)
        try:
            self.sock.sendall(raw + b"\n")
        except OSError as error:
            raise TransferError.of(error, "the other computer is gone") from error
        return raw

    def hear(self, deadline: float) -> bytes:
        """Wait for a line and return it without its end.

        Raises:
            TransferError: none came until the deadline (stalled), the connection ended, or the line is too long.
        """
        while b"\n" not in self._rest:
            if len(self._rest) > MAX_LINE:
                raise TransferError("protocol_error", f"the other computer sent a line of more than {MAX_LINE} bytes")
            self.sock.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                piece = self.sock.recv(MAX_LINE)
            except TimeoutError as error:
                raise TransferError(
                    "stalled", "the other computer took the connection and then said nothing"
                ) from error
            except OSError as error:
                raise TransferError.of(error, "the connection broke") from error
            if not piece:
                raise TransferError("closed_early", "the other computer closed the connection before its answer")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line


def read(line: bytes | str, kind: type[_Line]) -> _Line:
    """Read a line; raises TransferError (protocol_error) where it is none of this kind."""
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TransferError("protocol_error", f"the other computer is no netready agent of ours: {error}") from error
