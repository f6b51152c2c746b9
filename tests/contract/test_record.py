"""A test server's record beside a computer's report: where they contradict each other, and where they need not."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from agent.contract import measurement, record
from agent.contract.errors import MalformedError, ReportError
from agent.contract.measurement import MAX_RECORD_BYTES
from agent.contract.record import Counted, ServerRecord
from tests.fakes.computer import direction, throughput

KEY = SigningKey(b"\7" * 32)
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)


def counted(payload_bytes, lasted_s, **changes):
    values = {"bytes": payload_bytes, "counted_at": "acked", "began_at": AT, "lasted_s": lasted_s, "connections": 4}
    return Counted(**(values | changes))


def a_record(download, upload, **changes):
    values = {"test_id": "t", "server": "s", "software": "netready", "download": download, "upload": upload}
    return ServerRecord(**(values | changes))


def a_test(**changes):
    """Return a test with 20 Mbit/s down and 5 Mbit/s up for ten seconds."""
    values = {
        "test_id": "t",
        "download": direction(20e6, bytes=24_000_000, duration_s=10.0),
        "upload": direction(5e6, bytes=6_000_000, duration_s=10.0),
    }
    return throughput(20e6, 5e6, **(values | changes))


HONEST = a_record(counted(24_000_000, 10.0), counted(6_000_000, 10.0, counted_at="received"))


def test_equal_halves_agree():
    """The same counts contradict nothing."""
    assert record.differs(a_test(), HONEST) is None


def test_the_server_may_hear_late_of_the_end():
    """What came while the word was under way, behind a full queue, is no contradiction."""
    late = a_record(
        counted(24_000_000 + 7_500_000, 13.0, rtt_us=2_000_000),
        counted(6_000_000 + 1_900_000, 13.0, counted_at="received", rtt_us=2_000_000),
    )
    assert record.differs(a_test(), late) is None


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"test_id": "another"}, "the report is of test another"),
        ({"test_id": None}, "the report is of test unknown"),
        ({"download": direction(20e6, bytes=26_000_000, duration_s=10.0)}, "download: the server counted 24000000"),
        ({"download": direction(20e6, bytes=12_000_000, duration_s=10.0)}, "download: the server counted 24000000"),
        ({"upload": direction(5e6, bytes=6_000_000, duration_s=20.0)}, "upload: for the server it lasted 10.0 s"),
        ({"upload": direction(5e6, bytes=6_000_000, duration_s=5.0)}, "upload: for the server it lasted 10.0 s"),
        ({"upload": direction(2e6, bytes=6_000_000, duration_s=10.0)}, "upload: 4800000 bit/s in the server's mean"),
        ({"upload": None}, "upload: the report knows of none"),
    ],
)
def test_contradictions_are_named(changes, word):
    """More, less, longer, shorter and slower than the server saw: each is said with both figures."""
    assert record.differs(a_test(**changes), HONEST).startswith(word)


def test_a_direction_that_the_server_never_served():
    """Who reports a direction that the server does not know of made it up."""
    assert "the server knows of none" in record.differs(a_test(), msgspec.structs.replace(HONEST, upload=None))


def test_a_boost_before_the_steady_rate_is_no_contradiction():
    """A line that was faster at first has a mean above its steady rate, which the report shows too."""
    boosted = direction(10e6, bytes=24_000_000, duration_s=10.0, burst_bps=40e6)
    assert record.differs(a_test(download=boosted), HONEST) is None


def test_a_record_comes_back_as_it_was_signed():
    """A signed record can be read with its key, fits a report, and stays the same bytes in it."""
    envelope = record.sign(HONEST, KEY)
    assert record.verify(envelope, bytes(KEY.verify_key)) == HONEST
    carried = measurement.decode(measurement.encode(a_test(record=envelope)))
    assert carried.record == envelope


def test_a_report_carries_no_more_than_a_record():
    """What is too long for a record makes the measurement malformed."""
    longest = measurement.encode(a_test(record=b"x" * MAX_RECORD_BYTES))
    assert len(measurement.decode(longest).record) == MAX_RECORD_BYTES
    with pytest.raises(MalformedError):
        measurement.decode(measurement.encode(a_test(record=b"x" * (MAX_RECORD_BYTES + 1))))


@given(st.binary(max_size=300))
def test_nonsense_is_refused(raw):
    """Bytes from outside are read or refused, never anything else."""
    with pytest.raises(ReportError):
        record.verify(raw, bytes(KEY.verify_key))


@given(st.data())
def test_every_changed_byte_is_noticed(data):
    """No byte of what was signed can be changed."""
    envelope = record.open_envelope(record.sign(HONEST, KEY))
    position = data.draw(st.integers(0, len(envelope.payload) - 1))
    payload = bytearray(envelope.payload)
    payload[position] ^= data.draw(st.integers(1, 255))
    changed = msgspec.json.encode(msgspec.structs.replace(envelope, payload=bytes(payload)))
    with pytest.raises(ReportError):
        record.verify(changed, bytes(KEY.verify_key))
