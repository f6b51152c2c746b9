"""Linux's generic netlink (linux/netlink.h, linux/genetlink.h): just enough to ask nl80211 a question.

Reading is pure and believes no length: whatever runs past the end of its message is left out. ``Channel`` asks.
"""

import errno
import os
import socket
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import NamedTuple, Self

_GENERIC = 16  # NETLINK_GENERIC
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_ERROR, _DONE, _LOWEST_FAMILY = 2, 3, 0x10  # NLMSG_ERROR, NLMSG_DONE, NLMSG_MIN_TYPE
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300  # NLM_F_*
_CONTROLLER, _GET_FAMILY = 0x10, 3  # GENL_ID_CTRL, CTRL_CMD_GETFAMILY
_FAMILY_ID, _FAMILY_NAME, _GROUPS, _GROUP_NAME, _GROUP_ID = 1, 2, 7, 1, 2  # CTRL_ATTR_*
_HEADER, _GENERIC_HEADER, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBH"), struct.Struct("=HH")
_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_DATAGRAM_BYTES = 64 * 1024  # the kernel fills at most 32 KiB
_ANSWER_BYTES = 64 * 1024 * 1024  # 10,000 access points take about 10 MB

Attributes = dict[int, bytes]


class Message(NamedTuple):
    """A netlink message; ``command`` and ``body`` are those of generic netlink."""

    kind: int
    flags: int
    sequence: int
    command: int
    body: bytes


class Family(NamedTuple):
    """What the kernel calls a family and its multicast groups by number."""

    number: int
    groups: dict[str, int]


def messages(raw: bytes) -> Iterator[Message]:
    """Read the messages of an answer; a length that cannot be ends it."""
    at = 0
    while at + _HEADER.size <= len(raw):
        length, kind, flags, sequence, _port = _HEADER.unpack_from(raw, at)
        if length < _HEADER.size or at + length > len(raw):
            return
        start = at + _HEADER.size
        has_command = kind >= _LOWEST_FAMILY and length >= _HEADER.size + _GENERIC_HEADER.size
        command = raw[start] if has_command else 0
        body = start + (_GENERIC_HEADER.size if has_command else 0)
        yield Message(kind, flags, sequence, command, raw[body : at + length])
        at += _aligned(length)


def attributes(raw: bytes) -> Attributes:
    """Read attributes by their number, the first of each; one that runs past the end closes the list."""
    return dict(reversed(list(_each(raw))))


def _each(raw: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(raw):
        length, number = _ATTRIBUTE.unpack_from(raw, at)
        if length < _ATTRIBUTE.size or at + length > len(raw):
            return
        yield number & _TYPE_MASK, raw[at + _ATTRIBUTE.size : at + length]
        at += _aligned(length)


def number(values: Attributes, key: int) -> int | None:
    """Read an unsigned attribute of 1, 2, 4 or 8 bytes; None where it is not there or of another size."""
    raw = values.get(key)
    return None if raw is None or len(raw) not in {1, 2, 4, 8} else int.from_bytes(raw, sys.byteorder)


def signed(values: Attributes, key: int) -> int | None:
    """Read a signed attribute of 1, 2, 4 or 8 bytes; None where it is not there or of another size."""
    raw = values.get(key)
    return None if raw is None or len(raw) not in {1, 2, 4, 8} else int.from_bytes(raw, sys.byteorder, signed=True)


def attribute(key: int, value: bytes) -> bytes:
    """Write one attribute, padded."""
    written = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), key) + value
    return written + bytes(_aligned(len(written)) - len(written))


def message(kind: int, command: int, body: bytes, *, flags: int = 0, sequence: int = 0) -> bytes:
    """Write one generic netlink message, padded."""
    length = _HEADER.size + _GENERIC_HEADER.size + len(body)
    written = _HEADER.pack(length, kind, flags, sequence, 0) + _GENERIC_HEADER.pack(command, 1, 0) + body
    return written + bytes(_aligned(length) - length)


def decode_family(raw: bytes) -> Family | None:
    """Read the controller's answer about a family; None where there is none in it."""
    for told in messages(raw):
        values = attributes(told.body)
        family = number(values, _FAMILY_ID)
        if told.kind != _CONTROLLER or family is None:
            continue
        groups = [attributes(group) for _index, group in _each(values.get(_GROUPS, b""))]
        named = {group.get(_GROUP_NAME, b"").rstrip(b"\0").decode("ascii", "replace"): group for group in groups}
        numbers = {name: number(group, _GROUP_ID) for name, group in named.items()}
        return Family(family, {name: group for name, group in numbers.items() if group is not None})
    return None


def _aligned(length: int) -> int:
    return (length + 3) & ~3


class Channel:
    """An open way to the kernel; every wait ends at the deadline, a moment of the monotonic clock.

    Raises:
        OSError: the kernel's refusal by its errno; ENOENT where no driver made the family, ETIMEDOUT at the deadline.
    """

    def __init__(self, deadline: float) -> None:
        if sys.platform != "linux":
            raise OSError(errno.EAFNOSUPPORT, "only Linux has netlink")
        self._deadline = deadline
        self._sequence = 0
        self._families: dict[str, Family] = {}
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _GENERIC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def family(self, name: str) -> Family:
        """Return the family of this name; it is asked for once."""
        if name not in self._families:
            asked = {_FAMILY_NAME: name.encode("ascii") + b"\0"}
            found = decode_family(self.ask(_CONTROLLER, _GET_FAMILY, asked, dump=False))
            if found is None:
                raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
            self._families[name] = found
        return self._families[name]

    def ask(self, kind: int, command: int, values: Mapping[int, bytes], *, dump: bool) -> bytes:
        """Send a request and return the messages of its answer as they came, one after the other."""
        self._sequence += 1
        body = b"".join(attribute(key, value) for key, value in values.items())
        flags = _REQUEST | (_DUMP if dump else _ACK)
        self._socket.sendto(message(kind, command, body, flags=flags, sequence=self._sequence), (0, 0))
        answer = b""
        while len(answer) <= _ANSWER_BYTES:
            datagram = self._receive()
            mine = [told for told in messages(datagram) if told.sequence == self._sequence]
            ends = [_errno(told) for told in mine if told.kind in {_ERROR, _DONE}]
            refusal = next((number for number in ends if number), 0)
            if refusal:
                raise OSError(refusal, os.strerror(refusal))
            answer += datagram if mine else b""
            if ends:
                return answer
        raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))

    def join(self, group: int) -> None:
        """Hear what the kernel tells a multicast group from now on."""
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)

    def heard(self) -> Iterator[Message]:
        """Give what the joined groups are told, for ever; the deadline ends it with ETIMEDOUT."""
        while True:
            yield from (told for told in messages(self._receive()) if told.sequence == 0)

    def _receive(self) -> bytes:
        """Receive from the kernel; other programs can write to our socket too, and are not listened to."""
        while (left := self._deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            datagram, (port, _groups) = self._socket.recvfrom(_DATAGRAM_BYTES)
            if port == 0:
                return bytes(datagram)
        raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))


def _errno(told: Message) -> int:
    """Read the errno that ends an answer; 0 is an acknowledgement, or an answer's good end."""
    return max(0, -int.from_bytes(told.body[:4], sys.byteorder, signed=True))
