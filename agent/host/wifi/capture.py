"""Capture files, record by record: pcap and pcapng (IETF drafts opsawg-pcap and opsawg-pcapng), gigabytes as well.

Lengths inside the file are never trusted with memory.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from agent.errors import CaptureError

RADIOTAP, BARE_80211 = 127, 105
MAX_RECORD_BYTES = 262_144
"""tcpdump's largest; a Wi-Fi frame has at most 11,454 bytes."""
_MAX_INTERFACES = 65_536
_PCAP_ORDERS = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_SECTION_BYTES = _SECTION.to_bytes(4, "big")
_DAMAGED = "the file is damaged or was cut off while it was written"


class Record(NamedTuple):
    """A captured frame: its link type, its bytes, and how many of them the capture left out."""

    link: int
    raw: bytes
    missing: int


def records(file: BinaryIO) -> Iterator[Record]:
    """Yield the records of a capture.

    Raises:
        CaptureError: no capture, or a damaged place: what came before it has been yielded.
    """
    magic = file.read(4)
    if magic in _PCAP_ORDERS:
        return _pcap(file, _PCAP_ORDERS[magic])
    if magic == _SECTION_BYTES:
        return _pcapng(file)
    raise CaptureError("it is neither a pcap nor a pcapng file: save the capture in one of these formats")


def _pcap(file: BinaryIO, order: str) -> Iterator[Record]:
    header = _take(file, 20)
    # The upper bits tell of the frames' checksum, which is found without them.
    link = struct.unpack_from(f"{order}I", header, 16)[0] & 0xFFFF
    head = struct.Struct(f"{order}8xII")
    while leading := file.read(head.size):
        captured, original = head.unpack(leading + _take(file, head.size - len(leading)))
        yield Record(link, _take(file, captured), max(0, original - captured))


def _take(file: BinaryIO, size: int) -> bytes:
    """Read exactly ``size`` bytes."""
    if size > MAX_RECORD_BYTES:
        raise CaptureError(f"{_DAMAGED}: a record of {size} bytes")
    raw = file.read(size)
    if len(raw) < size:
        raise CaptureError(f"{_DAMAGED}: it ends in the middle of a record")
    return raw


class _Block(NamedTuple):
    kind: int
    order: str
    body: bytes


def _blocks(file: BinaryIO) -> Iterator[_Block]:
    """Yield the blocks that matter; the section header's type has been read already."""
    order, leading = "<", _SECTION_BYTES
    wanted = {_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET}
    while leading:
        leading += _take(file, 4 - len(leading))
        start = b""
        rest = _take(file, 4)
        if leading == _SECTION_BYTES:
            start = _take(file, 4)
            order = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}.get(start, "")
            if not order:
                raise CaptureError(f"{_DAMAGED}: a section without byte order")
        kind, length = struct.unpack(f"{order}II", leading + rest)
        left = length - 12 - len(start)
        if left < 0 or length % 4:
            raise CaptureError(f"{_DAMAGED}: a block of {length} bytes")
        if kind in wanted:
            yield _Block(kind, order, start + _take(file, left))
        else:
            _skip(file, left)
        if _take(file, 4) != rest:
            raise CaptureError(f"{_DAMAGED}: a block's two lengths differ")
        leading = file.read(4)


def _skip(file: BinaryIO, size: int) -> None:
    while size > 0:
        size -= len(_take(file, min(size, MAX_RECORD_BYTES)))


def _pcapng(file: BinaryIO) -> Iterator[Record]:
    interfaces: list[tuple[int, int]] = []
    for kind, order, body in _blocks(file):
        if kind == _SECTION:
            interfaces = []
        elif kind == _INTERFACE:
            if len(body) < 8 or len(interfaces) >= _MAX_INTERFACES:
                raise CaptureError(f"{_DAMAGED}: an interface that is none")
            interfaces.append(struct.unpack_from(f"{order}H2xI", body))
        else:
            yield _packet(kind, order, body, interfaces)


def _packet(kind: int, order: str, body: bytes, interfaces: list[tuple[int, int]]) -> Record:
    index, start = 0, 20
    try:
        if kind == _SIMPLE_PACKET:
            start = 4
            (original,) = struct.unpack_from(f"{order}I", body)
            captured = min(original, interfaces[0][1] or original)
        elif kind == _PACKET:
            index, captured, original = struct.unpack_from(f"{order}I8xII", body)
        else:
            index, captured, original = struct.unpack_from(f"{order}H10xII", body)
        link = interfaces[index][0]
    except (struct.error, IndexError) as error:
        raise CaptureError(f"{_DAMAGED}: a packet of an interface that is not there") from error
    if start + captured > len(body):
        raise CaptureError(f"{_DAMAGED}: a packet longer than its block")
    return Record(link, body[start : start + captured], max(0, original - captured))
