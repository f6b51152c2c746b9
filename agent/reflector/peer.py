"""The door that other computers of the school knock at: who proves to know the key may test, one at a time.

It costs the resident agent a thread and a socket. The far end of the test itself is a process of its own
(``peer_child``), made when it was granted and gone with it. Whoever cannot prove anything learns nothing and is bounded
in time, bytes and connections: where strangers have all places the one that came first goes when another comes, as a
computer of the school proves itself at once. Even those have a limit of bytes a day.
"""

import logging
import queue
import select
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress

import msgspec
from msgspec import Struct

from agent.contract.errors import NetreadyError
from agent.host import link
from agent.host.link import LinkFacts
from agent.meter import greeting
from agent.meter.errors import TransferError
from agent.meter.greeting import Answer, Hello, Signed, Talk
from agent.meter.quiet import IDLE_S, Quiet
from agent.reflector.peer_order import Order

_FIRST_WORD_S = 3.0  # a computer of the school speaks at once, an old one that is busy a little later
_HELLO_S = 5.0  # for a visitor's hello, however slowly it comes
_STARTS_WITHIN_S = 15.0  # a slow school computer starts a Python process within that
_TEST_S = 2 * (greeting.MAX_S + 6.0)  # both directions with their openings
_LEASE_S = 90.0
_MOST_STRANGERS, _MOST_VISITORS, _MOST_PER_SOURCE = 12, 36, 3
_DAY_S = 86_400.0
_LEAST_BYTES = 5_000_000  # that a direction is counted as: some are on their way beyond what was granted
_LOOK_S = 0.25

Line = Callable[[], AbstractContextManager[None]]

_log = logging.getLogger(__name__)


class Host(Struct, frozen=True, kw_only=True):
    """Who opens the door: this agent, its school's key, and what a test may take of it in each direction.

    ``daily_bytes`` is what all tests of a day may take, null for no limit.
    ``line`` has this computer's line alone for as long as it lasts; raises NetreadyError where a test of its own does.
    ``idle_s`` is how long its link has to have been nearly idle.
    """

    agent: str
    key: bytes
    max_bytes: int
    daily_bytes: int | None = None
    line: Line = nullcontext
    idle_s: float = IDLE_S
    patience_s: float = greeting.PATIENCE_S


class Busy(Exception):  # noqa: N818 - carries the reason to the answer, never leaves this module
    """The test or lease cannot be granted now."""


class Spent(Busy):
    """Nor in the next hours: the tests of a day have taken what they may."""


class Day:
    """What the tests of the last 24 hours were granted, in memory: a restart forgets it."""

    def __init__(self, limit_bytes: int | None) -> None:
        self._limit_bytes = limit_bytes
        self._granted: deque[tuple[float, int]] = deque()

    def check(self, wanted_bytes: int, now: float) -> None:
        """See that a test may take so much; raises Spent. ``now`` is of time.monotonic, which no clock moves."""
        while self._granted and now - self._granted[0][0] >= _DAY_S:
            self._granted.popleft()
        spent_bytes = sum(amount for _when, amount in self._granted)
        if self._limit_bytes is not None and spent_bytes + wanted_bytes > self._limit_bytes:
            raise Spent(
                f"tests have been granted {spent_bytes / 1e6:.0f} MB of it in a day, and {self._limit_bytes / 1e6:.0f} "
                "MB are allowed; tomorrow again, or raise peer_bytes in the collector's policy"
            )

    def grant(self, wanted_bytes: int, now: float) -> None:
        """Count what a test may take, as it may take all of it; raises Spent."""
        self.check(wanted_bytes, now)
        self._granted.append((now, wanted_bytes))


class Door:
    """Listens from ``open`` to ``close``."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._listener: socket.socket | None = None
        self._visitors: Counter[str] = Counter()
        self._strangers: dict[socket.socket, str] = {}  # who has proven nothing yet, in the order in which they came
        self.day = Day(host.daily_bytes)
        self._lock = threading.Lock()
        self._testing = threading.Lock()
        self._holder: str | None = None
        self._closing = threading.Event()

    @property
    def port(self) -> int | None:
        """Where it listens; None before it does and afterwards."""
        return None if self._listener is None else int(self._listener.getsockname()[1])

    def open(self, address: str = "", port: int = greeting.PORT) -> None:
        """Listen, on any free port where this one is taken; raises OSError where nothing can be listened on."""
        try:
            self._listener = _listen(address, port)
        except OSError:
            self._listener = _listen(address, 0)
        threading.Thread(target=self._accept, args=(self._listener,), name="peer-door", daemon=True).start()

    def close(self) -> None:
        """Listen no more; a test under way is ended."""
        self._closing.set()
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept on Linux; close does elsewhere
            listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while not self._closing.is_set():
            try:
                sock, address = listener.accept()
            except OSError:
                self._closing.wait(_LOOK_S)  # no more descriptors for a moment, or closed
                continue
            source = greeting.plain_address(address[0])
            if not self._admits(sock, source):
                sock.close()
                continue
            threading.Thread(target=self._receive, args=(sock, source), name="peer-visitor", daemon=True).start()

    def _admits(self, sock: socket.socket, source: str) -> bool:
        with self._lock:
            full = self._visitors.total() >= _MOST_VISITORS or self._visitors[source] >= _MOST_PER_SOURCE
            if full or not greeting.is_inside(source):
                return False
            if len(self._strangers) >= _MOST_STRANGERS:
                first = next(iter(self._strangers))
                del self._strangers[first]
                with suppress(OSError):  # gone by itself
                    first.shutdown(socket.SHUT_RDWR)  # its thread ends with that
            self._strangers[sock] = source
            self._visitors[source] += 1
            return True

    def _receive(self, sock: socket.socket, source: str) -> None:
        try:
            with sock:
                Visit(self, Talk(sock), source).serve()
        except (TransferError, OSError) as error:
            _log.debug("a visitor left: %s", error)
        finally:
            with self._lock:
                self._strangers.pop(sock, None)
                self._visitors -= Counter((source,))

    # -- what a visit needs --------------------------------------------------------------------------------------

    @property
    def host(self) -> Host:
        """Who opens the door."""
        return self._host

    @property
    def is_closing(self) -> bool:
        """Whether everything has to end."""
        return self._closing.is_set()

    def believe(self, sock: socket.socket) -> None:
        """Give a visitor that has proven itself a place that no stranger can take."""
        with self._lock:
            self._strangers.pop(sock, None)

    @contextmanager
    def lease(self, agent: str) -> Iterator[None]:
        """Let no computer but this one test until it is over; raises Busy where another has it."""
        with self._lock:
            if self._holder not in {None, agent} or self._testing.locked():
                raise Busy("two other computers of the school are in a test")
            mine = self._holder is None
            self._holder = agent
        try:
            yield
        finally:
            if mine:
                self._holder = None

    @contextmanager
    def test(self, agent: str) -> Iterator[None]:
        """Have the one test there may be; raises Busy where there is one."""
        with self._lock:
            if self._holder not in {None, agent}:
                raise Busy("two other computers of the school are in a test")
            if not self._testing.acquire(blocking=False):
                raise Busy("it is in a test with another computer of the school")
        try:
            yield
        finally:
            self._testing.release()


class Visit:
    """One connection, from its challenge to the end of what was granted."""

    def __init__(self, door: Door, talk: Talk, source: str) -> None:
        self._door = door
        self._host = door.host
        self._talk = talk
        self._source = source
        self._challenge = b""
        self._hello = b""

    def serve(self) -> None:
        """Serve it; raises TransferError or OSError when the visitor is lost."""
        self._challenge = self._talk.say(greeting.challenge(self._host.agent))
        until = time.monotonic() + _HELLO_S
        if not select.select([self._talk.sock], [], [], _FIRST_WORD_S)[0]:
            return
        signed = greeting.read(self._talk.hear(until), Signed)
        if not greeting.is_proven(self._host.key, signed, "hello", self._challenge):
            self._refuse("the key is not that of this school")
            return
        self._door.believe(self._talk.sock)
        self._hello = signed.body.encode()
        hello = greeting.read(signed.body, Hello)
        here = greeting.plain_address(self._talk.sock.getsockname()[0])
        if hello.to != here:
            self._refuse(f"it was called as {hello.to} and is {here}: something in between passed the call on")
            return
        try:
            if hello.wants == "lease":
                with self._door.lease(hello.agent):
                    self._answer(Answer(granted=True))
                    self._until_gone(_LEASE_S)
            else:
                with self._door.test(hello.agent):
                    self._test(hello, here)
        except Busy as busy:
            self._answer(Answer(granted=False, reason=str(busy), is_spent=isinstance(busy, Spent)))

    def _test(self, hello: Hello, here: str) -> None:
        max_bytes = min(hello.max_bytes, self._host.max_bytes)
        both_bytes = 2 * max(max_bytes, _LEAST_BYTES)
        self._door.day.check(both_bytes, time.monotonic())
        interface = link.interface_of(here)
        facts = facts_of(interface)
        self._wait_for_quiet(Quiet(None if facts.medium == "loopback" else interface, facts.speed_bps))
        order = Order(
            host=here,
            port=(self._door.port or 0) + 1,
            visitor=self._source,
            ticket=greeting.proof(self._host.key, "ticket", self._challenge, self._hello),
            max_bytes=max_bytes,
            direction_s=greeting.MAX_S,
            seconds=_TEST_S,
        )
        with self._line(), _far_end(order) as port:
            self._door.day.grant(both_bytes, time.monotonic())
            answer = Answer(granted=True, port=port, max_bytes=max_bytes, medium=facts.medium, link_bps=facts.speed_bps)
            self._answer(answer)
            self._until_gone(_TEST_S)

    @contextmanager
    def _line(self) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(self._host.line())
            except NetreadyError as error:
                raise Busy("its line is in a test of its own") from error
            yield

    def _wait_for_quiet(self, quiet: Quiet) -> None:
        until = time.monotonic() + self._host.patience_s
        while quiet.seconds() < self._host.idle_s:
            if time.monotonic() > until:
                raise Busy(quiet.words)
            if self._is_gone(_LOOK_S):
                raise TransferError("closed_early", "the visitor did not wait")

    def _until_gone(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._is_gone(_LOOK_S):
            pass

    def _is_gone(self, within_s: float) -> bool:
        """Wait a moment, and tell whether it is over: a visitor has nothing to say any more but goodbye."""
        readable, _, _ = select.select([self._talk.sock], [], [], within_s)
        return bool(readable) or self._door.is_closing

    def _answer(self, answer: Answer) -> None:
        body = msgspec.json.encode(answer)
        proof = greeting.proof(self._host.key, "answer", self._challenge, self._hello, body)
        self._talk.say(Signed(body=body.decode(), proof=proof))

    def _refuse(self, reason: str) -> None:
        """Say no without a proof: who has none gets none."""
        _log.debug("%s wanted a test and was refused: %s", self._source, reason)
        self._talk.say(Signed(body=msgspec.json.encode(Answer(granted=False, reason=reason)).decode()))


@contextmanager
def _far_end(order: Order) -> Iterator[int]:
    """Run the far end of a test in a process of its own, and give its port; raises Busy where it does not start."""
    command = [sys.executable, "-P", "-m", "agent.reflector.peer_child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        try:
            assert child.stdin is not None  # noqa: S101 - asked for
            child.stdin.write(msgspec.json.encode(order) + b"\n")
            child.stdin.flush()
            yield _port_of(_first_line(child))
        finally:
            child.kill()  # by its id; it has nothing to lose


def _first_line(child: "subprocess.Popen[bytes]") -> bytes:
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    output = child.stdout
    assert output is not None  # noqa: S101 - asked for
    threading.Thread(target=lambda: lines.put(output.readline()), name="peer-child", daemon=True).start()
    try:
        return lines.get(timeout=_STARTS_WITHIN_S)
    except queue.Empty:
        return b""


def _port_of(line: bytes) -> int:
    words = line.decode("ascii", "replace").split()
    if len(words) < 2 or words[0] != "listening":
        raise Busy("the far end of the test does not start there; its log may say why")
    return int(words[1].rpartition(":")[2])


def facts_of(interface: str | None) -> LinkFacts:
    """Return what is known of the link of an interface; nothing where there is none."""
    raw = None if interface is None else link.fetch(interface)
    return LinkFacts(medium=None, speed_bps=None, duplex=None, mtu_bytes=None) if raw is None else link.decode(raw)


def _listen(address: str, port: int) -> socket.socket:
    """Listen on an address, or on every address of this computer."""
    if address:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return socket.create_server((address, port), family=family)
    if socket.has_dualstack_ipv6():
        with suppress(OSError):  # the kernel may have IPv6 switched off all the same
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
