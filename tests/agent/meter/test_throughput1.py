"""The numbers of MSAK's protocol."""

import json
import random

import pytest

from agent.meter import throughput1
from agent.meter.errors import TransferError
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
    assert throughput1.received(text) == (9e-6, 5)


def test_a_reference_server_s_message_is_understood() -> None:
    """What we do not use may be anything, so that a newer server is still understood."""
    text = b'{"UUID":3,"Application":{"BytesReceived":12,"New":1},"ElapsedTime":1500000,"BBRInfo":{},"TCPInfo":null}'
    assert throughput1.received(text) == (1.5, 12)


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff", b'{"ElapsedTime":-1}', b'{"Application":{"BytesReceived":"5"}}'])
def test_other_texts_are_refused(text: bytes) -> None:
    """A text that is no measurement is a protocol error."""
    with pytest.raises(TransferError) as caught:
        throughput1.received(text)
    assert caught.value.failure == "protocol_error"
