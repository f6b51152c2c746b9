"""Bytes from outside are read as a report or refused with MalformedError; nothing else ever rises."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract import measurement, report, signing
from agent.contract.errors import MalformedError

DEEP = b"[" * 100_000 + b"]" * 100_000

# What stands in the golden report, and what a hostile one has there instead.
FORGED = {
    "not a number": (b'"session_s":19.5', b'"session_s":NaN'),
    "infinite": (b'"session_s":19.5', b'"session_s":Infinity'),
    "overflowing number": (b'"session_s":19.5', b'"session_s":1e999'),
    "negative": (b'"session_s":19.5', b'"session_s":-1'),
    "huge integer": (b'"sequence":7', b'"sequence":' + b"9" * 5_000),
    "huge integer as a float": (b'"session_s":19.5', b'"session_s":' + b"9" * 5_000),
    "past 2^53": (b'"sequence":7', b'"sequence":9007199254740993'),
    "sequence zero": (b'"sequence":7', b'"sequence":0'),
    "boolean for a number": (b'"sequence":7', b'"sequence":true'),
    "deep in an unknown field": (b'"schema":1', b'"schema":1,"x":' + DEEP),
    "deep measurement": (b'"measurements":[', b'"measurements":[' + DEEP + b","),
    "no UTF-8": ("Кабинет".encode(), b"\xff\xfe"),
    "no UTF-8 in an unknown field": (b'"schema":1', b'"schema":1,"x":"\xff\xfe"'),
    "no UTF-8 in a measurement": (b'"interface"', b'"x":"\xff\xfe","interface"'),
    "UTF-8 of a surrogate": ("Кабинет".encode(), b"\xed\xa0\x80"),
    "escaped lone surrogate": ("Кабинет".encode(), b"\\ud800"),
    "lone surrogate in an unknown field": (b'"schema":1', b'"schema":1,"x":"\\udfff"'),
    "key twice": (b'"sequence":7', b'"sequence":7,"sequence":8'),
    "key twice in a measurement": (b'"sent":25', b'"sent":25,"sent":26'),
    "key twice under another spelling": (b'"sequence":7', b'"sequence":7,"sequenc\\u0065":8'),
    "agent id with a line break": (b'bcab7"', b'bcab7\\n"'),
    "agent id in capitals": (b"56475aa7", b"56475AA7"),
    "hash too short": (b'"previous":"c3', b'"previous":"'),
    "time without a zone": (b"+05:00", b""),
    "year 1": (b'"created_at":"2026', b'"created_at":"0001'),
    "year 9999": (b'"created_at":"2026', b'"created_at":"9999'),
    "empty school": (b'"00042"', b'""'),
    "long school": (b'"00042"', b'"' + b"4" * 65 + b'"'),
    "field missing": (b'"boot_id":"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",', b""),
    "too many measurements": (b'"measurements":[', b'"measurements":[' + b'{"kind":"x"},' * 256),
    "measurement of another type": (b'"measurements":[', b'"measurements":[null,'),
    "measurement without a kind": (b'"measurements":[', b'"measurements":[{},'),
    "rate out of bounds": (b'"ip_bps":19310000.0', b'"ip_bps":1e14'),
    "unknown failure word": (b'"connect_refused"', b'"connect_refuse"'),
    "measured in year 1": (b'"started_at":"2026', b'"started_at":"0001'),
    "oversized": (b'"schema":1', b'"schema":1,"x":"' + b"a" * report.MAX_PAYLOAD_BYTES + b'"'),
    "byte order mark": (b'{"schema"', b'\xef\xbb\xbf{"schema"'),
    "more after the end": (b"}]}", b"}]}{}"),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_report_is_malformed(forged: tuple[bytes, bytes], payload: bytes) -> None:
    """Every kind of wrong value, shape or encoding is refused as malformed, with a sentence."""
    stands, instead = forged
    assert payload.count(stands) >= 1
    with pytest.raises(MalformedError, match=r"^(not a|the report|the date) .*"):
        report.decode(payload.replace(stands, instead, 1)).read_measurements()


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"7", b'"report"', b"{}", b"\x00", b'{"a":' * 100_000])
@pytest.mark.parametrize("read", [report.decode, measurement.decode, signing.decode_envelope])
def test_what_is_no_object_of_ours_is_malformed(raw: bytes, read: Callable[[bytes], object]) -> None:
    """Anything but an object with our keys is refused, by each of the three readers."""
    with pytest.raises(MalformedError):
        read(raw)


def test_the_largest_report_is_read(payload: bytes) -> None:
    """The size limit is the last size that is accepted."""
    room = report.MAX_PAYLOAD_BYTES - len(payload) - len(b',"x":""')
    full = payload.replace(b'"schema":1', b'"schema":1,"x":"' + b"a" * room + b'"', 1)
    assert len(full) == report.MAX_PAYLOAD_BYTES
    assert report.decode(full).sequence == 7


@given(data=st.data())
def test_a_damaged_report_never_raises_anything_else(payload: bytes, data: st.DataObject) -> None:
    """Any bytes at any place of a report give a report or MalformedError."""
    start = data.draw(st.integers(0, len(payload)))
    length = data.draw(st.integers(0, 8))
    damaged = payload[:start] + data.draw(st.binary(max_size=8)) + payload[start + length :]
    with suppress(MalformedError):
        report.decode(damaged).read_measurements()


@given(raw=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_noise_never_raises_anything_else(raw: bytes) -> None:
    """Any bytes at all give a value or MalformedError, from each of the three readers."""
    for read in (report.decode, measurement.decode, signing.decode_envelope):
        with suppress(MalformedError):
            read(raw)
