"""The numbers of MSAK's protocol."""

import json
import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host.tcp_info import Arrived
from agent.meter import throughput1
from agent.meter.errors import TransferError
from agent.meter.lane import FarCount
from agent.meter.throughput1 import ByteCounters, Measurement, MessageSizes


def test_sizes_double_at_a_sixteenth() -> None:
    """Messages begin with 1 KiB, double once one is a sixteenth of what was sent, and stop at 1 MiB."""
    sizes = MessageSizes()
    sent = 0
    previous = 1024
    for _ in range(500):
        size = sizes()
        assert size == previous or (size == 2 * previous and previous <= sent / 16)
        assert size <= 1 << 20
        sent, previous = sent + size, size
    assert previous == 1 << 20


def test_a_limit_is_met_exactly() -> None:
    """The last message is cut so that the limit is met to the byte, and then there is none."""
    sizes = MessageSizes(limit=100_001)
    assert sum(iter(sizes, None)) == 100_001
    assert sizes() is None


def test_intervals() -> None:
    """Measurements come every 100 to 400 ms, memoryless in between."""
    rng = random.Random(3)  # noqa: S311 - a repeatable experiment
    drawn = [throughput1.next_interval_s(rng) for _ in range(2000)]
    assert (min(drawn), max(drawn)) == (0.1, 0.4)
    assert 0.2 < sum(drawn) / len(drawn) < 0.27


def test_the_names_are_the_protocol_s() -> None:
    """A message carries the names of M-Lab's WireMeasurement, and leaves out what is empty as it does."""
    text = throughput1.encode(
        Measurement(
            cc="bbr", application=ByteCounters(bytes_received=5), network=ByteCounters(bytes_sent=7), elapsed_us=9
        )
    )
    assert json.loads(text) == {
        "CC": "bbr",
        "Application": {"BytesReceived": 5},
        "Network": {"BytesSent": 7},
        "ElapsedTime": 9,
    }
    assert throughput1.received(text) == FarCount(clock_s=9e-6, wire_bytes=5)


def test_a_reference_server_s_message_is_understood() -> None:
    """What we do not use may be anything, so that a newer server is still understood."""
    text = b'{"UUID":3,"Application":{"BytesReceived":12,"New":1},"ElapsedTime":1500000,"BBRInfo":{},"TCPInfo":null}'
    assert throughput1.received(text) == FarCount(clock_s=1.5, wire_bytes=12)


@pytest.mark.parametrize(
    ("told", "kernel"),
    [
        ({"BytesReceived": 5, "DataSegsIn": 2, "RcvMSS": 1448, "RTT": "?"}, Arrived(5, 2, 1448)),
        ({"BytesReceived": 5, "DataSegsIn": 2}, Arrived(5, 2, 0)),
        ({"BytesReceived": 5}, None),
        ({"DataSegsIn": 5}, None),
        ({}, None),
    ],
)
def test_what_its_kernel_counted(told, kernel) -> None:
    """Where a server tells what its kernel received, both counts are taken, or none; its stream's count comes first."""
    message = {"Network": {"BytesReceived": 7}, "Application": {"BytesReceived": 3}, "TCPInfo": told}
    assert throughput1.received(json.dumps(message).encode()) == FarCount(clock_s=0.0, wire_bytes=7, kernel=kernel)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"\xff",
        b"NaN",
        b"<html>login</html>",
        b'{"ElapsedTime":-1}',
        b'{"ElapsedTime":NaN}',
        b'{"ElapsedTime":1e400}',
        b'{"ElapsedTime":1.5}',
        b'{"ElapsedTime":9007199254740993}',
        b'{"ElapsedTime":' + b"9" * 5000 + b"}",
        b'{"Application":{"BytesReceived":"5"}}',
        b'{"Application":{"BytesReceived":1e300}}',
        b'{"Application":null}',
        b'{"TCPInfo":{"BytesReceived":-1}}',
        b'{"TCPInfo":{"RcvMSS":null}}',
        b'{"New":' + b"[" * 60_000,
        b'{"New":' + b'{"a":' * 12_000,
        b'{"New":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    ],
)
def test_other_texts_are_refused(text: bytes) -> None:
    """A text that is no measurement, huge numbers, deep nesting: a protocol error and nothing worse."""
    with pytest.raises(TransferError) as caught:
        throughput1.received(text)
    assert caught.value.failure == "protocol_error"
    assert len(str(caught.value)) < 300


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_any_text_is_read_or_refused(text: bytes) -> None:
    """No text does harm."""
    with suppress(TransferError):
        assert throughput1.received(text).wire_bytes >= 0
