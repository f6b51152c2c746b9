"""DNS messages (RFC 1035): a question is built, a hostile answer is read within bounds; pure."""

import ipaddress
import struct

from msgspec import Struct

A = 1
NO_ERROR, SERVER_FAILED, NO_SUCH_NAME, REFUSED = 0, 2, 3, 5
MOST_BYTES = 16_384  # of an answer over TCP; an honest one has some hundred
_CNAME, _INTERNET = 5, 1
_HEADER = struct.Struct("!6H")  # id, flags, questions, answers, authorities, additional records
_RECORD = struct.Struct("!HHIH")  # type, class, time to live, length
_ANSWER, _CUT_OFF, _RECURSE = 0x8000, 0x0200, 0x0100
_KIND_AND_CODE = 0x780F
_MOST_RECORDS, _MOST_POINTERS, _MOST_NAME, _MOST_LABEL = 64, 32, 255, 63
_MOST_ALIASES = 16


class GarbledError(Exception):
    """The bytes are no answer to the question."""


class Answer(Struct, frozen=True, kw_only=True):
    """What was answered: the response code, the IPv4 addresses behind the aliases, whether it was cut off."""

    code: int
    addresses: frozenset[str] = frozenset()
    cut_off: bool = False


def question(identifier: int, name: str) -> bytes:
    """Return the question for a name's IPv4 addresses.

    Raises:
        ValueError: it is no name that DNS can carry.
    """
    labels = name.rstrip(".").encode("idna" if not name.isascii() else "ascii").split(b".")
    if not all(0 < len(label) <= _MOST_LABEL for label in labels) or sum(len(label) + 1 for label in labels) > 254:
        raise ValueError(f"{name!r} is not a name that a name server can be asked for")
    encoded = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return _HEADER.pack(identifier, _RECURSE, 1, 0, 0, 0) + encoded + struct.pack("!HH", A, _INTERNET)


def answer(message: bytes, asked: bytes) -> Answer | None:
    """Read the answer to a question; None where it is the answer to another one, as a forged or late one is.

    Raises:
        GarbledError: it says that it is the answer, and is none.
    """
    if message[:2] != asked[:2]:
        return None
    if len(message) < _HEADER.size:
        raise GarbledError("the name server's answer is too short")
    _identifier, flags, questions, count, *_others = _HEADER.unpack_from(message)
    if not flags & _ANSWER or flags & _KIND_AND_CODE & ~0xF:
        raise GarbledError("the name server's answer is none")
    code = flags & 0xF
    if questions == 0 and count == 0 and code != NO_ERROR:
        return Answer(code=code)  # some repeat no question when they refuse
    about, after = _question(message, questions)
    if about != _question(asked, 1)[0]:
        raise GarbledError("the name server answers another question")
    if flags & _CUT_OFF:
        return Answer(code=code, cut_off=True)
    return Answer(code=code, addresses=_addresses(message, after, count, about[0]))


def _question(message: bytes, count: int) -> tuple[tuple[bytes, bytes], int]:
    if count != 1:
        raise GarbledError("the name server does not repeat the question")
    name, at = _name(message, _HEADER.size)
    if at + 4 > len(message):
        raise GarbledError("the name server's answer is cut off in the question")
    return (name, message[at : at + 4]), at + 4


def _addresses(message: bytes, at: int, count: int, wanted: bytes) -> frozenset[str]:
    """Return the addresses of the wanted name, over its aliases in whatever order they stand."""
    aliases: dict[bytes, bytes] = {}
    found: list[tuple[bytes, str]] = []
    for _record in range(min(count, _MOST_RECORDS)):
        owner, at = _name(message, at)
        if at + _RECORD.size > len(message):
            raise GarbledError("the name server's answer is cut off in a record")
        kind, group, _lives, length = _RECORD.unpack_from(message, at)
        at += _RECORD.size
        if at + length > len(message):
            raise GarbledError("a record of the name server's answer is longer than the answer")
        if (kind, group, length) == (A, _INTERNET, 4):
            found.append((owner, str(ipaddress.IPv4Address(message[at : at + 4]))))
        elif (kind, group) == (_CNAME, _INTERNET):
            aliases[owner] = _name(message, at)[0]
        at += length
    names = {wanted}
    for _step in range(_MOST_ALIASES):
        wanted = aliases.get(wanted, wanted)
        names.add(wanted)
    return frozenset(address for owner, address in found if owner in names)


def _name(message: bytes, at: int) -> tuple[bytes, int]:
    """Read a name in lower case, compressed or not, and return it with the place behind it."""
    labels: list[bytes] = []
    end: int | None = None
    pointers = size = 0
    while True:
        if at >= len(message):
            raise GarbledError("a name in the name server's answer has no end")
        length = message[at]
        if length == 0:
            return b".".join(labels), at + 1 if end is None else end
        if length >= 0xC0:
            pointers += 1
            if at + 1 >= len(message) or pointers > _MOST_POINTERS:
                raise GarbledError("a name in the name server's answer leads in circles")
            end = at + 2 if end is None else end
            at = (length & 0x3F) << 8 | message[at + 1]
            continue
        size += length + 1
        if length > _MOST_LABEL or size > _MOST_NAME or at + 1 + length > len(message):
            raise GarbledError("a name in the name server's answer is too long")
        labels.append(message[at + 1 : at + 1 + length].lower())
        at += 1 + length
