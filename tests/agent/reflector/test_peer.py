import socket
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import Self

import msgspec
import pytest

from agent.errors import StateError
from agent.meter import greeting
from agent.meter.errors import TransferError
from agent.meter.greeting import Answer, Challenge, Hello, Signed, Talk
from agent.reflector import peer
from agent.reflector.peer import Door, Host
from tests.fakes.reflectors import said

KEY = bytes(range(32))
HOST, VISITOR, THIRD = "a" * 32, "b" * 32, "c" * 32
WAIT_S = 20


@contextmanager
def opened(**changes):
    """Open a door on loopback that waits for no quiet, and give it."""
    door = Door(Host(**({"agent": HOST, "key": KEY, "max_bytes": 10_000_000, "idle_s": 0.0} | changes)))
    door.open("127.0.0.1", 0)
    try:
        yield door
    finally:
        door.close()


class Visitor:
    """One connection of a computer that knows how to behave, and may choose not to."""

    def __init__(self, door: Door, agent: str = VISITOR, key: bytes = KEY) -> None:
        self.sock = socket.create_connection(("127.0.0.1", door.port), WAIT_S)
        self.talk, self.agent, self.key = Talk(self.sock), agent, key
        self.challenge = self.talk.hear(time.monotonic() + WAIT_S)
        self.spoken = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.sock.close()

    def hello(self, wants: str = "test", to: str = "127.0.0.1") -> bytes:
        """Return the line of a hello, and remember what it says."""
        hello = Hello(agent=self.agent, nonce=greeting.nonce(), to=to, wants=wants, max_bytes=5_000_000)
        self.spoken = msgspec.json.encode(hello)
        proof = greeting.proof(self.key, "hello", self.challenge, self.spoken)
        return msgspec.json.encode(Signed(body=self.spoken.decode(), proof=proof)) + b"\n"

    def says(self, line: bytes) -> tuple[Answer, bool]:
        """Return the answer to a line, and whether it is proven."""
        self.sock.sendall(line)
        signed = greeting.read(self.talk.hear(time.monotonic() + WAIT_S), Signed)
        proven = greeting.is_proven(KEY, signed, "answer", self.challenge, self.spoken)
        return greeting.read(signed.body, Answer), proven

    @property
    def ticket(self) -> str:
        return greeting.proof(self.key, "ticket", self.challenge, self.spoken)


def until(condition) -> bool:
    """Wait for something that comes soon."""
    ends = time.monotonic() + WAIT_S
    while not condition() and time.monotonic() < ends:
        time.sleep(0.02)
    return bool(condition())


def is_open(port: int) -> bool:
    """Tell whether something listens there."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def test_a_visitor_of_the_school_is_given_a_far_end_of_its_own():
    """Behind the ticket MSAK answers, behind any other path nothing does, and it is gone when the visitor leaves."""
    with opened() as door, Visitor(door) as visitor:
        answer, proven = visitor.says(visitor.hello())
        assert (answer.granted, proven, answer.medium, answer.max_bytes) == (True, True, "loopback", 5_000_000)
        place = f"127.0.0.1:{answer.port}"
        inside = f"GET /{visitor.ticket}/throughput/v1/download HTTP/1.1\r\nHost: x\r\n\r\n"
        assert said(place, inside.encode()).startswith(b"HTTP/1.1 4")  # no WebSocket: but it is there
        for path in ("/throughput/v1/download", f"/{'0' * 64}/throughput/v1/download", "/backend/garbage.php"):
            request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            assert said(place, request.encode()).startswith(b"HTTP/1.1 404")
        visitor.sock.close()
        assert until(lambda: not is_open(answer.port))


def test_a_wrong_key_is_refused_and_proves_nothing():
    """Who does not know the key is told so, without a proof that would help to find it."""
    with opened() as door, Visitor(door, key=bytes(32)) as stranger:
        answer, proven = stranger.says(stranger.hello())
        assert (answer.granted, proven) == (False, False)
        assert "not that of this school" in answer.reason


def test_a_recorded_hello_is_worth_nothing():
    """What was overheard on one connection is refused on the next: its challenge is another one."""
    with opened() as door:
        with Visitor(door) as first:
            recorded = first.hello("lease")
            assert first.says(recorded)[0].granted
        with Visitor(door) as again:
            assert not again.says(recorded)[0].granted


def test_a_call_that_was_passed_on_is_refused():
    """A computer in between that passes a hello on as its own is found by the address that was dialled."""
    with opened() as door, Visitor(door) as visitor:
        answer, _ = visitor.says(visitor.hello(to="10.9.9.9"))
        assert not answer.granted
        assert "in between" in answer.reason


def test_one_test_at_a_time():
    """While one tests, another is told that it is busy; afterwards it may."""
    with opened() as door:
        with Visitor(door) as first:
            assert first.says(first.hello())[0].granted
            with Visitor(door, THIRD) as second:
                answer, proven = second.says(second.hello())
            assert (answer.granted, proven) == (False, True)
            assert "in a test" in answer.reason
        assert until(lambda: not door._testing.locked())
        with Visitor(door, THIRD) as second:
            assert second.says(second.hello())[0].granted


def test_a_lease_holds_for_everybody_else():
    """Who has the lease may test, nobody else may, nor have a lease; it ends with the connection."""
    with opened() as door:
        with Visitor(door) as holder:
            assert holder.says(holder.hello("lease"))[0].granted
            for wants in ("lease", "test"):
                with Visitor(door, THIRD) as other:
                    answer, _ = other.says(other.hello(wants))
                    assert (answer.granted, "in a test" in answer.reason) == (False, True)
            with Visitor(door) as same:
                assert same.says(same.hello())[0].granted
        assert until(lambda: door._holder is None)


def test_a_computer_in_a_test_of_its_own_is_busy():
    """Where the line is taken nobody may test against this computer."""

    @contextmanager
    def taken():
        raise StateError("another netready program is measuring")
        yield

    with opened(line=taken) as door, Visitor(door) as visitor:
        answer, proven = visitor.says(visitor.hello())
        assert (answer.granted, proven) == (False, True)
        assert "test of its own" in answer.reason


def test_the_line_is_taken_as_long_as_the_test_lasts():
    """The service's own sessions wait for another computer's test, and no longer."""
    line = threading.Lock()
    with opened(line=lambda: line) as door:
        with Visitor(door) as visitor:
            assert visitor.says(visitor.hello())[0].granted
            assert line.locked()
        assert until(lambda: not line.locked())


def test_a_busy_network_is_said_with_its_figure(monkeypatch):
    """Where the link does not become quiet in time the answer is busy, and why."""
    monkeypatch.setattr(peer.Quiet, "seconds", lambda self: setattr(self, "busy_bps", 40e6) or 0.0)
    with opened(idle_s=5.0, patience_s=0.3) as door, Visitor(door) as visitor:
        answer, _ = visitor.says(visitor.hello())
        assert (answer.granted, "40.0 Mbit/s" in answer.reason) == (False, True)


@pytest.mark.parametrize(
    "line", [b"\n", b"x" * 5000 + b"\n", b"[" * 3000 + b"\n", b"GET / HTTP/1.1\r\n\r\n", b"\0\xff\n"]
)
def test_nonsense_ends_the_connection_and_nothing_else(line):
    """Whatever a stranger sends, the connection ends and the door stays open for others."""
    with opened() as door:
        with Visitor(door) as stranger:
            stranger.sock.sendall(line)
            with pytest.raises(TransferError) as error:
                stranger.talk.hear(time.monotonic() + WAIT_S)
            assert error.value.failure in {"closed_early", "connection_reset"}
        with Visitor(door) as visitor:
            assert visitor.says(visitor.hello("lease"))[0].granted


def test_who_says_nothing_is_not_waited_for(monkeypatch):
    """A stranger that holds the connection without a word is let go."""
    monkeypatch.setattr(peer, "_FIRST_WORD_S", 0.2)
    with opened() as door, Visitor(door) as stranger:
        with pytest.raises(TransferError) as error:
            stranger.talk.hear(time.monotonic() + WAIT_S)
        assert error.value.failure == "closed_early"


def test_who_says_half_a_word_is_not_waited_for_either(monkeypatch):
    """The whole hello has its time, however slowly it is said."""
    monkeypatch.setattr(peer, "_HELLO_S", 0.3)
    with opened() as door, Visitor(door) as stranger:
        stranger.sock.sendall(b"{")
        with pytest.raises(TransferError) as error:
            stranger.talk.hear(time.monotonic() + WAIT_S)
        assert error.value.failure == "closed_early"


def test_silent_strangers_keep_nobody_out(monkeypatch):
    """However many say nothing, from however many addresses: a computer of the school comes in at once.

    The one that came first goes; who has proven itself stays.
    """
    monkeypatch.setattr(peer, "_FIRST_WORD_S", WAIT_S)
    with opened() as door, Visitor(door) as holder, ExitStack() as stack:
        assert holder.says(holder.hello("lease"))[0].granted
        place = ("127.0.0.1", door.port)
        strangers = [
            stack.enter_context(socket.create_connection(place, WAIT_S, (f"127.0.0.{number // 3 + 2}", 0)))
            for number in range(2 * peer._MOST_STRANGERS)
        ]
        assert until(lambda: len(door._strangers) == peer._MOST_STRANGERS)
        with Visitor(door) as visitor:
            assert visitor.says(visitor.hello("lease"))[0].granted
        for one in strangers[: peer._MOST_STRANGERS]:
            assert one.makefile("rb").read().count(b"\n") <= 1  # its challenge, and the end
        assert door._holder == VISITOR


def test_a_day_has_a_limit_of_bytes():
    """What all tests of a day may take is bounded; then it is refused in words, with a proof, and leases go on."""
    with opened(daily_bytes=15_000_000) as door:
        with Visitor(door) as first:
            assert first.says(first.hello())[0].granted
        assert until(lambda: not door._testing.locked())
        with Visitor(door, THIRD) as second:
            answer, proven = second.says(second.hello())
            assert (answer.granted, answer.is_spent, proven) == (False, True, True)
            assert "10 MB of it in a day, and 15 MB are allowed" in answer.reason
        with Visitor(door, THIRD) as again:
            assert again.says(again.hello("lease"))[0].granted


def test_after_a_day_there_is_a_limit_again():
    """Bytes are counted for 24 hours each, whatever the clock on the wall says; no limit is none."""
    day = peer.Day(10)
    day.grant(6, 0.0)
    with pytest.raises(peer.Spent, match="peer_bytes"):
        day.grant(5, 86_399.0)
    day.grant(4, 86_399.0)
    day.grant(6, 86_400.0)
    peer.Day(None).grant(10**15, 0.0)


def test_one_address_has_a_few_connections_only():
    """Beyond its share further connections are closed at once; when it lets some go there is room again."""
    with opened() as door:
        held = [Visitor(door) for _ in range(peer._MOST_PER_SOURCE)]
        with socket.create_connection(("127.0.0.1", door.port), WAIT_S) as more, suppress(ConnectionError):
            assert more.recv(1) == b""
        for one in held:
            one.sock.close()
        assert until(lambda: not door._visitors.total())
        with Visitor(door) as visitor:
            assert greeting.read(visitor.challenge, Challenge).agent == HOST


def test_a_taken_port_is_no_obstacle():
    """Where another program has the usual port, a free one is taken."""
    with opened() as first:
        second = Door(Host(agent=HOST, key=KEY, max_bytes=1))
        second.open("127.0.0.1", first.port)
        assert second.port not in {None, first.port}
        second.close()
        assert second.port is None


def test_closing_ends_a_test_under_way():
    """A service that stops leaves no process behind."""
    with opened() as door, Visitor(door) as visitor:
        answer, _ = visitor.says(visitor.hello())
        door.close()
        assert until(lambda: not is_open(answer.port))
        assert until(lambda: not door._visitors.total())
