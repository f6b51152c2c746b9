"""Video lessons of the services probe: from a real reflector, over slow lines, and from servers that misbehave."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from agent.contract.measurement import decode, encode
from agent.contract.services import VideoLesson
from agent.meter import http_head
from agent.meter.errors import TransferError
from agent.probes.services import Probe
from tests.fakes.bad_server import BadServer, page, says, status, wait
from tests.fakes.certificates import Authority

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n"


def watched(server: str, catalogue: str, deadline_s: float = 30.0, **settings: object) -> VideoLesson | None:
    """Watch the catalogue's lesson."""
    result = Probe(server=server, catalogue=catalogue, **settings).measure(deadline_s)
    assert decode(encode(result)) == result
    return result.video


def test_a_lesson_on_a_good_line(server: str, lesson: Callable[..., str]) -> None:
    """It plays without a stall, and how many could watch is a lower bound: no more than a class are tried."""
    video = watched(server, lesson(streams=2, most_streams=5))
    assert (video.failure, video.streams, video.played_s, video.stalls, video.stalled_ratio) == (None, 2, 4.0, 0, 0.0)
    assert video.start_ms is not None
    assert (video.pupils_at_once, video.is_at_least) == (4, True)
    assert video.bytes == (2 * 2 + 4 * 2) * 100_000


def test_a_lesson_over_tls(authority: Authority, secure_server: str, lesson: Callable[..., str]) -> None:
    """Over https it is the same; without the authority it has the word for that."""
    video = watched(f"https://{secure_server}", lesson(most_streams=2), ca_file=authority.file)
    assert (video.failure, video.pupils_at_once) == (None, 2)
    assert watched(f"wss://{secure_server}", lesson()).failure == "tls_certificate"


def test_more_pupils_than_connections(server: str, lesson: Callable[..., str]) -> None:
    """Beyond sixteen they share connections, so that the reflector has room for other computers of the school."""
    video = watched(server, lesson(bitrate_bps=64_000, streams=20, most_streams=20))
    assert (video.failure, video.stalls, video.pupils_at_once) == (None, 0, 20)


def test_a_limit_of_bytes(server: str, lesson: Callable[..., str]) -> None:
    """No more is tried than it allows, and that is said; where it allows no lesson there is none."""
    video = watched(server, lesson(streams=2, most_streams=64), max_bytes=1_300_000)
    assert video.bytes <= 1_300_000
    assert (video.pupils_at_once, video.is_at_least) == (4, True)
    assert "limit" in video.detail
    assert watched(server, lesson(), max_bytes=300_000) is None


class Segments:
    """A test server of segments behind a line of its own: all connections together get ``rate_bps``."""

    def __init__(self, rate_bps: float) -> None:
        self._rate_bps = rate_bps
        self._lock = threading.Lock()
        self._free_at = 0.0

    def __call__(self, sock: socket.socket) -> None:
        with suppress(TransferError):
            while True:
                self.serve_one(sock)

    def serve_one(self, sock: socket.socket) -> None:
        """Answer one request."""
        head, _ = http_head.read(sock, time.monotonic() + 10)
        sock.settimeout(30)
        length = int(head.start.split("bytes=")[1].split()[0])
        sock.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode())
        for begin in range(0, length, 5000):
            self._send(sock, min(5000, length - begin))

    def _send(self, sock: socket.socket, count: int) -> None:
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + 8 * count / self._rate_bps
            free_at = self._free_at
        time.sleep(max(0.0, free_at - now))
        sock.sendall(b"x" * count)


def test_a_line_that_carries_the_lesson_but_not_twice_of_it(lesson: Callable[..., str]) -> None:
    """Then what the full line delivered says how many it carries."""
    with BadServer(Segments(3.4e6)) as slow:
        video = watched(slow.server, lesson(bitrate_bps=1_000_000, streams=2, most_streams=64))
    assert (video.failure, video.stalls, video.is_at_least) == (None, 0, False)
    assert video.pupils_at_once in {2, 3}  # a busy machine may send less than it was told to


def test_a_line_that_does_not_carry_the_lesson(lesson: Callable[..., str]) -> None:
    """Pictures stand still, how often and for how long is told, and fewer pupils than those could watch."""
    with BadServer(Segments(1.2e6)) as slow:
        video = watched(slow.server, lesson(bitrate_bps=1_000_000, streams=2))
    assert video.failure is None
    assert video.stalls > 0
    assert 0 < video.stalled_ratio < 1
    assert (video.pupils_at_once, video.is_at_least) in {(1, False), (0, False)}


def test_a_stall_before_the_line_is_full(lesson: Callable[..., str]) -> None:
    """Where less came than a moment before, the line was not full, and what did play is a lower bound."""
    fast, left, lock = Segments(1e9), [2 * 2 + 1], threading.Lock()

    def behave(sock: socket.socket) -> None:
        with suppress(TransferError):
            while True:
                with lock:
                    left[0] -= 1
                    is_over = left[0] < 0
                if is_over:
                    wait(sock)
                fast.serve_one(sock)

    with BadServer(behave) as odd:
        video = watched(odd.server, lesson(streams=2, most_streams=64))
    assert (video.failure, video.pupils_at_once, video.is_at_least) == (None, 2, True)
    assert "before the line was full" in video.detail


def test_a_line_that_drips(lesson: Callable[..., str]) -> None:
    """Where no picture ever comes there is no start, all time was waiting, and nobody could watch."""
    with BadServer(Segments(20_000)) as slow:
        video = watched(slow.server, lesson(streams=1), deadline_s=5.0)
    assert (video.failure, video.start_ms, video.stalled_ratio, video.pupils_at_once) == (None, None, 1.0, 0)


def whole(body: bytes, *fields: str) -> bytes:
    """Return an answer."""
    return "\r\n".join(("HTTP/1.1 200 OK", *fields, "", "")).encode() + body


@pytest.mark.parametrize(
    ("behave", "word", "said"),
    [
        (says(LONG), "protocol_error", "10000000000"),
        (says(whole(b"x" * 200_000)), "protocol_error", "100000"),
        (says(whole(b"x" * 10, "Content-Length: 10")), "protocol_error", "10 bytes"),
        (says(whole(b"3\r\nabc\r\n0\r\n\r\n", "Transfer-Encoding: chunked")), "protocol_error", "3 bytes"),
        (says(whole(b"x" * 100_000 + OK, "Content-Length: 100000")), "protocol_error", ""),
        (says(whole(b"x" * 500, "Content-Length: 100000")), "closed_early", ""),
        (says(b"\x00\x01\x02" * 5000), "protocol_error", "HTTP"),
        (page("200 OK", "<html><title>Login</title><input type='password'>"), "captive_portal", "Login"),
        (status("404 Not Found"), "http_status", "netready reflector"),
        (status("503 Busy"), "busy", "503"),
        (status("302 Found", "Location: http://portal.example/"), "captive_portal", "portal.example"),
        (lambda sock: sock.recv(4096), "closed_early", "closed"),
        (wait, "stalled", "nothing"),
    ],
)
def test_a_test_server_that_misbehaves(behave, word: str, said: str, lesson: Callable[..., str]) -> None:
    """Whatever it does has its word, no more is taken than was asked for, and nobody is blamed for a slow line."""
    with BadServer(behave) as bad:
        video = watched(bad.server, lesson(streams=1), deadline_s=4.0 if word == "stalled" else 30.0)
    assert (video.failure, video.pupils_at_once) == (word, None)
    assert said in video.detail
    assert video.bytes is None or video.bytes < 2 * 256 * 1024


def test_without_a_test_server(lesson: Callable[..., str]) -> None:
    """There is no lesson and the word for it; a plain public one is not used either."""
    assert watched("", lesson()).failure == "no_server"
    refused = watched("http://192.0.43.8", lesson())
    assert refused.failure == "no_server"
    assert "https://" in refused.detail


def test_too_little_time(server: str, lesson: Callable[..., str]) -> None:
    """With too short a deadline no lesson is begun."""
    assert watched(server, lesson(), deadline_s=1.0).failure == "deadline"
