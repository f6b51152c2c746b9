"""A test server's own record of a test, signed with its own key: the second, independent half of what is known of it.

A record is kept as it was signed, like a report. Whoever believes it needs the server's key from elsewhere.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from nacl.signing import SigningKey

from agent.contract import measurement, signing
from agent.contract.errors import MalformedError
from agent.contract.measurement import MAX_RECORD_BYTES, Direction, Throughput
from agent.contract.report import LeaseId
from agent.contract.values import Address, Aware, Count, Label, Seconds, TestId, Word

PAYLOAD_TYPE = "application/vnd.netready.server-record+json"
PATH = "/netready/v1/record/"  # of a reflector, with the test's id behind it

_EVEN_SHARE, _EVEN_BYTES = 0.02, 256 * 1024
_LATE_S = 1.0  # until the server hears that the test is over; a full queue delays the word by a round trip
_MOST_RTT_S = 10.0
_LEAST_SHARE = 0.8  # of the server's mean rate has to show somewhere in the report

Name = Literal["download", "upload"]
NAMES: tuple[Name, ...] = ("download", "upload")


class Counted(Struct, frozen=True, kw_only=True):
    """One direction as the server counted it, over all its connections, from the first one's beginning to the last end.

    ``bytes`` is payload: what the server "received"; or of what it sent, what the client's system "acked", or where the
    server's system does not tell that, what it was "given" to send. ``min_rtt_us`` is the least round trip that its
    kernel saw, ``rtt_us`` the longest of the connections' smoothed ones at the end, with the queue that the test
    filled. ``pace_bps`` is what the client asked for, of payload and of all connections together, null for no pace.
    """

    bytes: Count
    counted_at: Literal["received", "acked", "given"]
    began_at: Aware
    lasted_s: Seconds
    connections: Annotated[int, Meta(ge=1, le=2**31)]
    min_rtt_us: Count | None = None
    rtt_us: Count | None = None
    retransmitted_bytes: Count | None = None
    congestion_control: Word | None = None
    pace_bps: Count | None = None


class ServerRecord(Struct, frozen=True, kw_only=True):
    """A test as the server saw it.

    ``test_id`` is the id that all connections of a test share, ``lease`` the collector's permission that the client
    named. ``server`` is what this server is called, ``peers`` are the networks that the connections came from, an IPv4
    address's /24 or an IPv6 one's /48.
    """

    version: Annotated[int, Meta(ge=1, le=10_000)] = 1
    test_id: TestId
    server: Label
    software: Word
    lease: LeaseId | None = None
    peers: Annotated[tuple[Address, ...], Meta(max_length=8)] = ()
    download: Counted | None = None
    upload: Counted | None = None


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder: msgspec.json.Decoder[ServerRecord] = msgspec.json.Decoder(ServerRecord)


def sign(record: ServerRecord, key: SigningKey) -> bytes:
    """Return the envelope of a record: the bytes that are sent, kept and compared."""
    return msgspec.json.encode(signing.sign(PAYLOAD_TYPE, _encoder.encode(record), key))


def verify(raw: bytes | msgspec.Raw, public_key: bytes) -> ServerRecord:
    """Read a record that this key signed.

    Raises:
        MalformedError: it is no signed record.
        SignatureError: another key signed it, or something else.
    """
    return decode(signing.verify(open_envelope(raw), PAYLOAD_TYPE, public_key))


def open_envelope(raw: bytes | msgspec.Raw) -> signing.Envelope:
    """Read the envelope of a record; nothing in it is believed yet. Raises MalformedError where it is none."""
    if len(bytes(raw)) > MAX_RECORD_BYTES:
        raise MalformedError(f"the record has more than {MAX_RECORD_BYTES} bytes")
    return signing.decode_envelope(raw)


def decode(payload: bytes) -> ServerRecord:
    """Read what was signed; raises MalformedError where it is no record."""
    try:
        record = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"not a test server's record: {error}") from error
    for one in (record.download, record.upload):
        if one is not None:
            measurement.check_year(one.began_at)
    return record


def differs(throughput: Throughput, record: ServerRecord) -> str | None:
    """Return where a computer's report and the server's record of the same test contradict each other, null if nowhere.

    Both count all bytes of the transfer, in 2 % and 256 KiB of each other. The server hears late that a test is over:
    what it counted until then is taken off in the computer's favour.
    """
    if throughput.test_id != record.test_id:
        return f"the report is of test {throughput.test_id or 'unknown'}, the record of test {record.test_id}"
    for name in NAMES:
        told, counted = getattr(throughput, name), getattr(record, name)
        if told is None and counted is None:
            continue
        if told is None or counted is None:
            return f"{name}: {'the server' if counted is None else 'the report'} knows of none"
        difference = _difference(told, counted)
        if difference is not None:
            return f"{name}: {difference}"
    return None


def _difference(told: Direction, counted: Counted) -> str | None:
    late_s = _LATE_S + min(_MOST_RTT_S, (counted.rtt_us or 0) / 1e6)
    bytes_per_s = counted.bytes / max(counted.lasted_s, 0.001)
    even_bytes = _EVEN_SHARE * counted.bytes + _EVEN_BYTES
    if not counted.bytes - even_bytes - late_s * bytes_per_s <= told.bytes <= counted.bytes + even_bytes:
        return f"the server counted {counted.bytes} bytes, the report says {told.bytes}"
    if abs(told.duration_s - counted.lasted_s) > _EVEN_SHARE * counted.lasted_s + late_s:
        return f"for the server it lasted {counted.lasted_s:.1f} s, the report says {told.duration_s:.1f} s"
    fastest_bps = max((told.ip_bps, told.burst_bps or 0.0, *told.samples_bps))
    # Of a transfer that was shorter than the word of its end took, the mean says nothing.
    if counted.lasted_s > late_s and fastest_bps < _LEAST_SHARE * 8 * bytes_per_s:
        return f"{8 * bytes_per_s:.0f} bit/s in the server's mean are more than the report shows at any time"
    return None
