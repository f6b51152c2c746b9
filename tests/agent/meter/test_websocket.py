"""Frames in any pieces, from any peer, count the same; broken ones are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.meter import websocket
from agent.meter.errors import TransferError
from agent.meter.websocket import BINARY, CLOSE, CONTINUATION, PING, TEXT, Message, Parser


def masked(opcode: int, payload: bytes, mask: bytes, *, final: bool = True) -> bytes:
    head = bytearray(websocket.header(opcode, len(payload), "client"))
    head[0] = (0x80 if final else 0) | opcode
    head[-4:] = mask
    return bytes(head) + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def unmasked(first: int, payload: bytes) -> bytes:
    head = bytearray(websocket.header(BINARY, len(payload), "server"))
    head[0] = first
    return bytes(head) + payload


FRAMES = st.lists(
    st.tuples(
        st.sampled_from([TEXT, BINARY, PING]), st.binary(max_size=120) | st.binary(min_size=130, max_size=70_000)
    ),
    max_size=6,
)


@given(FRAMES, st.binary(min_size=4, max_size=4), st.lists(st.integers(1, 9000), min_size=1, max_size=5))
def test_pieces_do_not_matter(frames: list[tuple[int, bytes]], mask: bytes, steps: list[int]) -> None:
    """However the bytes are cut and masked, payload is counted exactly and every other message comes out whole."""
    frames = [(opcode, data[:125] if opcode == PING else data[:65_000]) for opcode, data in frames]
    stream = b"".join(masked(opcode, data, mask) for opcode, data in frames)
    parser, found, position = Parser("server"), [], 0
    while position < len(stream):
        step = steps[len(found) % len(steps)]
        found += parser.feed(memoryview(stream)[position : position + step])
        position += step
    assert parser.payload_bytes == sum(len(data) for opcode, data in frames if opcode == BINARY)
    assert found == [Message(opcode, data) for opcode, data in frames if opcode != BINARY]


@given(FRAMES, st.lists(st.integers(1, 9000), min_size=1, max_size=5))
def test_payload_may_be_thrown_away_unseen(frames: list[tuple[int, bytes]], steps: list[int]) -> None:
    """What the system discards of a binary frame counts as if it had been looked at, and nothing behind it is lost."""
    frames = [(opcode, data[:125] if opcode == PING else data[:65_000]) for opcode, data in frames]
    stream = b"".join(unmasked(0x80 | opcode, data) for opcode, data in frames)
    parser, found, position, turn = Parser("client"), [], 0, 0
    while position < len(stream):
        step, turn = min(steps[turn % len(steps)], len(stream) - position), turn + 1
        if unseen := min(parser.bulk_left, step):
            parser.skip(unseen)
            position += unseen
        else:
            found += parser.feed(memoryview(stream)[position : position + step])
            position += step
    assert parser.payload_bytes == sum(len(data) for opcode, data in frames if opcode == BINARY)
    assert found == [Message(opcode, data) for opcode, data in frames if opcode != BINARY]
    assert parser.bulk_left == 0


def test_fragments_and_controls_between_them() -> None:
    """A fragmented message may have a ping in its middle; text comes out whole, binary fragments are counted."""
    parser = Parser("client")
    stream = (
        unmasked(TEXT, b"he") + unmasked(0x80 | PING, b"?") + unmasked(0x80 | CONTINUATION, b"llo")
        + unmasked(BINARY, b"xx") + unmasked(0x80 | CONTINUATION, b"yyy")
    )  # fmt: skip
    assert parser.feed(memoryview(stream)) == [Message(PING, b"?"), Message(TEXT, b"hello")]
    assert parser.payload_bytes == 5


@pytest.mark.parametrize(
    "data",
    [
        unmasked(0xC0 | BINARY, b""),  # a reserved bit
        unmasked(0x83, b""),  # an unknown type
        masked(BINARY, b"x", b"\0\0\0\0"),  # masked by a server
        unmasked(PING, b""),  # a fragmented control frame
        unmasked(0x80 | PING, b"x" * 126),
        unmasked(0x80 | CONTINUATION, b"x"),  # continues nothing
        unmasked(TEXT, b"a") + unmasked(TEXT, b"b"),  # begins inside another
        unmasked(0x80 | TEXT, b"x" * (websocket.MAX_TEXT_BYTES + 1)),
        unmasked(TEXT, b"x" * websocket.MAX_TEXT_BYTES) + unmasked(CONTINUATION, b"x"),
        b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
    ],
)
def test_broken_frames_are_refused(data: bytes) -> None:
    """Frames that the protocol forbids, or beyond the limits, are a protocol error and take no memory."""
    with pytest.raises(TransferError) as caught:
        Parser("client").feed(memoryview(data))
    assert caught.value.failure == "protocol_error"


def test_a_server_refuses_unmasked_frames() -> None:
    """A client has to mask (RFC 6455, 5.1)."""
    with pytest.raises(TransferError, match="without a mask"):
        Parser("server").feed(memoryview(unmasked(0x80 | BINARY, b"x")))


def test_close_codes() -> None:
    """The code of a close frame is read back; one without a code has none."""
    parser = Parser("client")
    [message] = parser.feed(memoryview(websocket.close_frame(1000, "done", "server")))
    assert (message.opcode, websocket.close_code(message.data)) == (CLOSE, 1000)
    assert websocket.close_code(b"") is None
