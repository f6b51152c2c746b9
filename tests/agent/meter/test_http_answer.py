"""HTTP answers in every form, cut anywhere; and nonsense in their place."""

import pytest

from agent.meter.errors import TransferError
from agent.meter.http_answer import Answers

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;name=value\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"
)
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"


def fed(raw: bytes, step: int = 1 << 20, keep: int = 64) -> Answers:
    """Feed these bytes in pieces of this size."""
    answers = Answers(keep)
    for begin in range(0, len(raw), step):
        data = memoryview(raw)[begin : begin + step]
        while data:
            data = data[answers.feed(data) :]
    return answers


@pytest.mark.parametrize("step", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize("raw", [SIZED, CHUNKED, INTERIM + SIZED, INTERIM * 3 + CHUNKED])
def test_one_answer(raw: bytes, step: int) -> None:
    """Wherever the bytes are cut, the body is counted without its coding, and the answer is known to be whole."""
    answers = fed(raw, step)
    assert (answers.heads, answers.complete, answers.payload_bytes) == (1, 1, 5)
    assert (answers.status, answers.kept, answers.persists) == (200, b"hello", True)
    assert answers.is_between


@pytest.mark.parametrize("step", [1, 3, 1 << 20])
def test_one_after_the_other(step: int) -> None:
    """Answers over one connection add up; of the body only the first bytes are kept."""
    answers = fed(SIZED + CHUNKED + INTERIM + SIZED, step, keep=2)
    assert (answers.complete, answers.payload_bytes, answers.body_bytes) == (3, 15, 5)
    assert answers.kept == b"he"


def test_an_answer_that_ends_with_the_connection() -> None:
    """Without a length the end of the connection is the end of the body, and nothing more can be asked."""
    answers = fed(b"HTTP/1.1 200 OK\r\n\r\nhello")
    assert (answers.complete, answers.payload_bytes, answers.persists) == (0, 5, False)
    answers.ended()
    assert answers.complete == 1


@pytest.mark.parametrize("raw", [SIZED[:-1], CHUNKED[:-1], SIZED[:20]])
def test_an_answer_cut_short(raw: bytes) -> None:
    """An end in the middle of an answer is closed_early."""
    with pytest.raises(TransferError) as raised:
        fed(raw).ended()
    assert raised.value.failure == "closed_early"


@pytest.mark.parametrize(
    ("head", "persists"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close", False),
        (b"HTTP/1.0 200 OK", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive", True),
        (b"HTTP/1.1 200 OK", True),
    ],
)
def test_whether_the_connection_stays(head: bytes, *, persists: bool) -> None:
    """The version and the header Connection say whether more can be asked (RFC 9112, 9.3)."""
    assert fed(head + b"\r\nContent-Length: 0\r\n\r\n").persists == persists


def test_an_answer_without_a_body() -> None:
    """A 204 is whole with its head, whatever its fields say."""
    assert fed(b"HTTP/1.1 204 No Content\r\n\r\n").complete == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"x",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        INTERIM * 20,
        b"HTTP/1.1 200 OK\r\n" + b"x" * 9000,
        b"HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1" + b";" * 3000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 100,
    ],
)
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_nonsense(raw: bytes, step: int) -> None:
    """What is no HTTP/1.1 answer is a protocol_error, and nothing of it is kept without bound."""
    with pytest.raises(TransferError) as raised:
        fed(raw, step)
    assert raised.value.failure == "protocol_error"
