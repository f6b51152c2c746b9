"""One visit to another computer of the school: make sure of it, wait until both are quiet, test, and say what was seen.

What the other says is believed only as far as it can be true; whatever it does, the visit ends in time.
"""

import select
import socket
import statistics
import time
from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from agent.contract.measurement import Direction, Failed, Throughput
from agent.contract.peer import Reached
from agent.contract.values import Medium
from agent.host import link
from agent.host.link import LinkFacts
from agent.meter import dial, greeting, interception
from agent.meter.dial import Address
from agent.meter.errors import TransferError
from agent.meter.greeting import Answer, Challenge, Hello, Signed, Talk
from agent.meter.quiet import Quiet
from agent.probes import msak
from agent.probes._peer_discovery import Other

_CONNECT_S = 3.0
_HELLO_S = 5.0
_LOOK_S = 0.25
_AGAIN_S = 2.0  # after "busy"
_MORE_S = 6.0  # for our own quiet behind the other's; its far end does not wait for ever
_TEST_S = 24.0
_LEAST_S = 5.0
_MOST_LESSORS = 2
_LEAST_BYTES = 1_000_000
_TOO_FAST = 1.1
_MOST_DETAIL = 2000
_SAMPLE, _FEWEST = 2, 4  # of the meter's, which are 50 ms each; of those of 100 ms

Wants = Literal["test", "lease"]


class SpentError(TransferError):
    """The other computer is there, and its tests of a day have taken all that they may."""


class Visitor(Struct, frozen=True, kw_only=True):
    """Who visits, and within which bounds; ``max_bytes`` in each direction."""

    agent: str
    key: bytes
    max_bytes: int
    idle_s: float
    patience_s: float


class Call(Struct, frozen=True):
    """A connection over which the hello has been said."""

    talk: Talk
    door: Challenge
    spoken: tuple[bytes, bytes]  # the challenge and the hello, as they went over the line

    def ticket(self, key: bytes) -> str:
        """Return the word that opens the far end of the test."""
        return greeting.proof(key, "ticket", *self.spoken)

    def answer(self, key: bytes, deadline: float) -> Answer:
        """Hear the answer.

        Raises:
            TransferError: it does not come, is a refusal, or its proof is wrong.
        """
        signed = greeting.read(self.talk.hear(deadline), Signed)
        answer = greeting.read(signed.body, Answer)
        if greeting.is_proven(key, signed, "answer", *self.spoken):
            if answer.is_spent and not answer.granted:
                reason = interception.shown(answer.reason, _MOST_DETAIL // 2)
                raise SpentError("busy", f"the other computer grants no more tests today: {reason}")
            if not answer.granted:
                raise TransferError("busy", f"the other computer cannot test now: {answer.reason}")
            return answer
        if answer.granted:
            raise TransferError("protocol_error", "the other computer does not prove that it knows the school's key")
        raise TransferError("refused_by_server", f"the other computer refuses the test: {answer.reason}")


class Lease:
    """That nobody else in this network tests meanwhile, as far as the computers that were seen can grant it."""

    def __init__(self, visitor: Visitor, lessors: Sequence[Other]) -> None:
        self._visitor = visitor
        self._lessors = sorted(lessors, key=lambda other: other.agent)[:_MOST_LESSORS]
        self._held: Call | None = None

    def take(self, deadline: float) -> None:
        """Ask the lowest agent id that answers: the others here ask the same. Where none answers there is none to ask.

        Raises:
            TransferError: others are in a test, and stay in it (busy).
        """
        until = min(deadline, time.monotonic() + self._visitor.patience_s)
        for one in self._lessors:
            try:
                self._held = _granted(one, self._visitor, "lease", until)[0]
            except TransferError as error:
                if error.failure == "busy":
                    raise
            else:
                return

    def close(self) -> None:
        """Give it back."""
        if self._held is not None:
            self._held.talk.sock.close()


def visit(one: Other, visitor: Visitor, deadline: float) -> Reached:
    """Test against one computer; what goes wrong is in the result.

    Raises:
        SpentError: it is there, and grants no more tests today.
    """
    reached = Reached(
        agent=one.agent, found_by=one.found_by, address=one.addresses[0][:64], medium_here=_medium_towards(one)
    )
    until = min(deadline, time.monotonic() + visitor.patience_s + _MORE_S)
    try:
        called, answer = _granted(one, visitor, "test", until)
        with called.talk.sock as sock:
            here, there = (greeting.plain_address(place[0]) for place in (sock.getsockname(), sock.getpeername()))
            facts = _facts(here)
            reached = msgspec.structs.replace(
                reached,
                agent=called.door.agent,
                address=there,
                medium_here=facts.medium,
                medium_there=answer.medium,
                link_bps_there=answer.link_bps,
            )
            seen = _test(visitor, called, answer, there, deadline)
            return told(reached, seen, facts.speed_bps)
    except SpentError:
        raise
    except TransferError as error:
        detail = interception.shown(_explained(error, one), _MOST_DETAIL)  # the other's words may be in it
        return msgspec.structs.replace(reached, failure=error.failure, detail=detail)


def _granted(one: Other, visitor: Visitor, wants: Wants, until: float) -> tuple[Call, Answer]:
    """Call until it is granted; "busy" is waited for until then.

    Raises:
        TransferError: it is not.
    """
    while True:
        try:
            return _asked(one, visitor, wants, until)
        except TransferError as error:
            is_over = isinstance(error, SpentError) or time.monotonic() + _AGAIN_S > until
            if error.failure != "busy" or is_over:
                raise
        time.sleep(_AGAIN_S)


def _asked(one: Other, visitor: Visitor, wants: Wants, until: float) -> tuple[Call, Answer]:
    """Call once, and hear what is granted; for a test, wait until this computer's link is quiet too."""
    called = call(one, visitor, wants, until)
    try:
        if wants == "lease":
            return called, called.answer(visitor.key, time.monotonic() + _HELLO_S)
        here = greeting.plain_address(called.talk.sock.getsockname()[0])
        facts = _facts(here)
        quiet = Quiet(None if facts.medium == "loopback" else link.interface_of(here), facts.speed_bps)
        while not select.select([called.talk.sock], [], [], _LOOK_S)[0] and time.monotonic() < until:
            quiet.seconds()
        answer = called.answer(visitor.key, time.monotonic() + _LOOK_S)
        _wait_for(quiet, visitor.idle_s)
    except BaseException:
        called.talk.sock.close()
        raise
    return called, answer


def call(one: Other, visitor: Visitor, wants: Wants, until: float) -> Call:
    """Connect and say hello.

    Raises:
        TransferError: it cannot be reached, or is somebody else.
    """
    places: list[Address] = [
        (socket.AF_INET6 if ":" in address else socket.AF_INET, (address, one.port)) for address in one.addresses
    ]
    sock, _rtt_s = dial.connect(places, min(until, time.monotonic() + _CONNECT_S))
    try:
        talk = Talk(sock)
        line = talk.hear(min(max(until, time.monotonic() + 1.0), time.monotonic() + _HELLO_S))
        door = _door(line, one)
        hello = Hello(
            agent=visitor.agent,
            nonce=greeting.nonce(),
            to=greeting.plain_address(sock.getpeername()[0]),
            wants=wants,
            max_bytes=visitor.max_bytes,
        )
        body = msgspec.json.encode(hello)
        talk.say(Signed(body=body.decode(), proof=greeting.proof(visitor.key, "hello", line, body)))
        return Call(talk, door, (line, body))
    except BaseException:
        sock.close()
        raise


def _door(line: bytes, one: Other) -> Challenge:
    """Read who opened; raises TransferError (protocol_error) where that is not who was called."""
    door = greeting.read(line, Challenge)
    if one.agent not in {door.agent, ""}:
        raise TransferError("protocol_error", "another computer of the school has this address now")
    return door


def _wait_for(quiet: Quiet, idle_s: float) -> None:
    """Wait a little for this computer's own link; raises TransferError (busy) where it does not become quiet."""
    until = time.monotonic() + _MORE_S
    while quiet.seconds() < idle_s:
        if time.monotonic() > until:
            raise TransferError("busy", f"this computer cannot test now: {quiet.words}")
        time.sleep(_LOOK_S)


def _facts(address: str) -> LinkFacts:
    """Return what is known of the link that has this address; nothing where the system does not say."""
    interface = link.interface_of(address)
    raw = None if interface is None else link.fetch(interface)
    return LinkFacts(medium=None, speed_bps=None, duplex=None, mtu_bytes=None) if raw is None else link.decode(raw)


def _medium_towards(one: Other) -> Medium | None:
    """Return over which medium a computer would be reached: of one that does not answer that says where to look."""
    address = one.addresses[0]
    try:
        source = link.local_address(socket.AF_INET6 if ":" in address else socket.AF_INET, (address, one.port))
    except OSError:
        return None
    return _facts(source).medium


def _test(visitor: Visitor, called: Call, answer: Answer, there: str, deadline: float) -> Throughput:
    """Test against the far end that was granted; raises TransferError."""
    max_bytes = min(visitor.max_bytes, answer.max_bytes)
    left_s = min(_TEST_S, deadline - time.monotonic())
    if answer.port is None or max_bytes < _LEAST_BYTES:
        raise TransferError("protocol_error", "the other computer grants a test and nothing to test with")
    if left_s < _LEAST_S:
        raise TransferError("deadline", "too little time is left for a test; give more")
    server = f"ws://{dial.authority(there, answer.port)}/{called.ticket(visitor.key)}"
    seen = msak.Probe(server=server, max_bytes=max_bytes, max_s=greeting.MAX_S).measure(left_s)
    if isinstance(seen, Failed):
        raise TransferError(seen.failure, f"the test broke off: {seen.detail}")
    return seen


def told(reached: Reached, seen: Throughput, link_bps: float | None) -> Reached:
    """Say what a test showed.

    Raises:
        TransferError: the other computer says that more arrived than this computer's link carries (protocol_error).
    """
    download, upload = (_median_and_spread(way) for way in (seen.download, seen.upload))
    if link_bps is not None and max(download[0] or 0.0, upload[0] or 0.0) > _TOO_FAST * link_bps:
        raise TransferError("protocol_error", "what the other computer counted cannot be: the link carries less")
    loaded = [rtt for rtt in (seen.rtt_download_ms, seen.rtt_upload_ms) if rtt is not None]
    ways = [way for way in (seen.download, seen.upload) if way is not None]
    return msgspec.structs.replace(
        reached,
        download_bps=download[0],
        download_spread_bps=download[1],
        upload_bps=upload[0],
        upload_spread_bps=upload[1],
        rtt_idle_ms=seen.rtt_idle_ms,
        rtt_loaded_ms=max(loaded) if loaded else None,
        bytes=sum(way.bytes for way in ways),
        duration_s=round(sum(way.duration_s for way in ways), 3),
        detail=f"spoilt by: {', '.join(seen.tainted)}" if seen.tainted else "",
    )


def _median_and_spread(way: Direction | None) -> tuple[float | None, float | None]:
    """Return the median of 100 ms samples and their quartiles' distance; the beginning, below the median, is left out.

    The meter's own figure where it ended before there were four of them.
    """
    if way is None:
        return None, None
    whole = len(way.samples_bps) // _SAMPLE * _SAMPLE
    samples = [statistics.fmean(way.samples_bps[at : at + _SAMPLE]) for at in range(0, whole, _SAMPLE)]
    if len(samples) >= _FEWEST:
        usual = statistics.median(samples)
        samples = samples[next(at for at, rate in enumerate(samples) if rate >= usual) :]
    if len(samples) < _FEWEST:
        return way.ip_bps, None
    low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
    return round(middle), round(high - low)


def _explained(error: TransferError, one: Other) -> str:
    """Say what it may mean that a computer of the school does not answer."""
    if error.failure not in {"connect_timeout", "unreachable"}:
        return str(error)
    return (
        "that computer does not answer. If it is switched on, the network keeps computers of the school apart: a guest "
        f"network, client isolation of the Wi-Fi, a VLAN, or a firewall on it that lets TCP port {one.port} not through"
    )
