"""A lease's ticket: with it a computer shows a test server that the collector gave it the line, and for how much.

Signed by a key of the collector's that signs nothing else (Ed25519 over DSSE's encoding, which has the type in it), so
that whoever takes a test server apart finds nothing there to make tickets with. It travels in a header, as
base64url(payload).base64url(signature); it names no person, no school and no computer, only the lease.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from agent.contract import signing
from agent.contract.errors import MalformedError, SignatureError
from agent.contract.report import LeaseId
from agent.contract.values import Text

HEADER = "Netready-Ticket"
REFUSAL_HEADER = "Netready-Refusal"
"""Of an answer that refuses a test: the cause, in one of the words below."""

PAYLOAD_TYPE = "application/vnd.netready.ticket+json"
_MAX_CHARACTERS, _SIGNATURE_CHARACTERS = 3072, 86

# What a server may refuse for, and what that means to whoever reads the computer's report.
REFUSALS: dict[str, str] = {
    "ticket-missing": "this server takes only tests with a lease's ticket, and none was shown: the collector that gave"
    " the lease is older, or none was asked",
    "ticket-forged": "the server does not believe the lease's ticket: it is damaged, or of another collector than the"
    " server knows",
    "ticket-expired": "the lease's ticket is over",
    "ticket-early": "the lease's ticket is not valid yet: is the server's or the collector's clock wrong?",
    "ticket-elsewhere": "the lease's ticket is for another test server",
    "ticket-spent": "the lease's bytes are used up",
    "tests": "this network made as many tests as the server allows in an hour",
    "bytes": "this network moved as many bytes as the server allows in an hour",
    "connections": "this network has as many connections open as the server allows",
    "full": "all of the server's connections are in use",
}


class Ticket(Struct, frozen=True, kw_only=True):
    """What a lease allows: tests with the server of this address, within this time, and so many bytes altogether.

    ``server`` is the address under which computers were told of it; times are seconds since 1970 by the collector's
    clock.
    """

    lease: LeaseId
    server: Text
    not_before: Annotated[int, Meta(ge=0)]
    expires: Annotated[int, Meta(ge=0)]
    max_bytes: Annotated[int, Meta(ge=1, le=2**60)]


_decoder = msgspec.json.Decoder(Ticket)


def issue(ticket: Ticket, key: SigningKey) -> str:
    """Sign a ticket."""
    payload = msgspec.json.encode(ticket)
    signature = key.sign(signing.pae(PAYLOAD_TYPE, payload)).signature
    return f"{_text(payload)}.{_text(signature)}"


def shown(text: str | None) -> tuple[str, ...]:
    """Return the header lines with which a request shows this ticket."""
    return () if text is None else (f"{HEADER}: {text}",)


def read(text: str, public_keys: Sequence[bytes]) -> Ticket:
    """Return a ticket that one of these keys signed; its times and its server are not looked at.

    Raises:
        SignatureError: none of them did.
        MalformedError: it is no ticket.
    """
    payload, signature = _parts(text)
    message = signing.pae(PAYLOAD_TYPE, payload)
    if not any(_is_signed(message, signature, key) for key in public_keys):
        raise SignatureError("the ticket is not signed by a collector that is known here")
    try:
        return _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"the ticket cannot be read: {error}") from error


def same_server(one: str, other: str) -> bool:
    """Tell whether two addresses are written for the same server."""
    return _plain(one) == _plain(other)


def _plain(url: str) -> str:
    return url.strip().lower().rstrip("/")


def _is_signed(message: bytes, signature: bytes, public_key: bytes) -> bool:
    try:
        VerifyKey(public_key).verify(message, signature)
    except BadSignatureError:
        return False
    return True


def _parts(text: str) -> tuple[bytes, bytes]:
    payload, dot, signature = text.partition(".")
    if not dot or len(text) > _MAX_CHARACTERS or len(signature) != _SIGNATURE_CHARACTERS:
        raise MalformedError("this is no ticket")
    try:
        return _bytes(payload), _bytes(signature)
    except (ValueError, binascii.Error) as error:
        raise MalformedError("this is no ticket") from error


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
