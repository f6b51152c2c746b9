"""The reflector's own record of each test: counted where a connection ends, added up by test, signed when it is over.

A test is what shares an id. It is over when its client asks for the record, or when none of its connections is open and
no other came for a while. A connection that comes later belongs to no test any more.
"""

import ipaddress
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import Struct
from nacl.signing import SigningKey

from agent import __version__
from agent.contract import record
from agent.contract.record import Counted, ServerRecord
from agent.contract.values import TestId
from agent.errors import StateError
from agent.host import files
from agent.meter.errors import HeadError
from agent.reflector.request import JSON, Exchange, Handler, Watched, reply

MAX_TESTS = 1000  # under way, and as many that are over and can be asked for
KEPT_S = 600.0
QUIET_S = 15.0  # between the two directions a client may take ten seconds to connect
_ASKED_WITHIN_S = 2.5  # for connections that still say goodbye
_LEAST_BYTES = 64 * 1024  # less was no test; so much costs whoever would fill the spool for the fun of it
_POLL_S = 0.05
_LOOK_S = 1.0
_MAX_PEERS = 8
_IPV4_PREFIX, _IPV6_PREFIX = 24, 48
_KEY = "reflector.key"

_log = logging.getLogger(__name__)


def key_in(state: Path) -> SigningKey:
    """Return the key of the reflector with this state folder, made on first use.

    Raises:
        StateError: it cannot be read or written, or is none.
    """
    files.make_private_folder(state)
    file = state / _KEY
    written = files.read_if_there(file)
    if written is None:
        files.write_atomically(file, bytes(SigningKey.generate()).hex().encode())
        written = files.read_if_there(file) or b""
    try:
        return SigningKey(bytes.fromhex(written.decode("ascii").strip()))
    except (ValueError, UnicodeDecodeError) as error:
        raise StateError(
            f"{file} is no key; put back the one from your backup, or move it away: then a new key is made, which the "
            "collector has to be told (netready-collector servers add)"
        ) from error


class _Way(Struct):
    """A direction of a test so far."""

    began: float
    ended: float
    bytes: int = 0
    counted_at: str = "received"
    connections: int = 0
    min_rtt_us: int | None = None
    rtt_us: int | None = None
    retransmitted_bytes: int | None = None
    congestion_control: str | None = None
    pace_bps: int | None = None


class _Test(Struct):
    """A test that is not over."""

    last: float  # when something of it was seen, on time.monotonic
    open: int = 0
    lease: str | None = None
    peers: dict[str, None] = msgspec.field(default_factory=dict)
    ways: dict[str, _Way] = msgspec.field(default_factory=dict)


class Records:
    """The tests of one reflector. Used from many threads.

    Args:
        server: what this server is called.
        key: signs its records.
        keep: takes each record when its test is over, as it was signed.
    """

    def __init__(self, server: str, key: SigningKey, keep: Callable[[bytes], None]) -> None:
        self._server = server
        self._key = key
        self._keep = keep
        self._lock = threading.Lock()
        self._tests: dict[str, _Test] = {}
        self._over: dict[str, tuple[float, bytes | None]] = {}  # until when it is kept; oldest first
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look, name="records", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Sign what is under way, cut off as it is: its client will not come back."""
        self._ending.set()
        self._thread.join()
        self._end_those(lambda _test: True)

    # -- connections ---------------------------------------------------------------------------------------------

    def began(self, test_id: str) -> bool:
        """Count a connection in; false where it belongs to no test that is recorded."""
        now = time.monotonic()
        with self._lock:
            if test_id in self._over:
                return False
            test = self._tests.get(test_id)
            if test is None:
                if len(self._tests) >= MAX_TESTS or not _is_id(test_id):
                    return False
                test = self._tests[test_id] = _Test(last=now)
            test.open += 1
            test.last = now
            return True

    def ended(self, test_id: str, seen: Watched) -> None:
        """Take what a connection came to that was counted in."""
        with self._lock:
            test = self._tests.get(test_id)
            if test is None:  # the reflector is being stopped, and has signed what there was
                return
            test.open -= 1
            test.last = time.monotonic()
            test.lease = test.lease or seen.lease
            if len(test.peers) < _MAX_PEERS:
                test.peers[_network(seen.peer)] = None
            _add(test.ways.setdefault(seen.way, _Way(began=seen.began, ended=seen.ended)), seen)

    # -- records -------------------------------------------------------------------------------------------------

    def of(self, test_id: str) -> bytes | None:
        """End a test and return its record; null where there is none, or where connections of it do not end."""
        until = time.monotonic() + _ASKED_WITHIN_S
        while self._is_open(test_id) and time.monotonic() < until:
            time.sleep(_POLL_S)
        self._end_those(lambda test: not test.open, test_id)
        with self._lock:
            return self._over.get(test_id, (0.0, None))[1]

    def _is_open(self, test_id: str) -> bool:
        with self._lock:
            test = self._tests.get(test_id)
            return test is not None and test.open > 0

    def _look(self) -> None:
        while not self._ending.wait(_LOOK_S):
            now = time.monotonic()
            self._end_those(lambda test, now=now: not test.open and now - test.last >= QUIET_S)  # type: ignore[misc]
            with self._lock:
                for test_id in [one for one, (until, _) in self._over.items() if until < now]:
                    del self._over[test_id]

    def _end_those(self, is_over: Callable[[_Test], bool], only: str | None = None) -> None:
        """Sign and keep tests that are over."""
        now = time.monotonic()
        with self._lock:
            known = self._tests if only is None else {only: self._tests[only]} if only in self._tests else {}
            ended = {test_id: test for test_id, test in known.items() if is_over(test)}
            made: list[bytes] = []
            for test_id, test in ended.items():
                del self._tests[test_id]
                is_one = sum(way.bytes for way in test.ways.values()) >= _LEAST_BYTES
                signed = self._signed(test_id, test) if is_one else None
                made += [signed] if signed is not None else []
                self._over[test_id] = now + KEPT_S, signed
            while len(self._over) > MAX_TESTS:
                del self._over[next(iter(self._over))]
        for one in made:
            try:
                self._keep(one)
            except StateError as error:  # the client still gets it, and sends it with its report
                _log.error("a record was not kept: %s", error)

    def _signed(self, test_id: str, test: _Test) -> bytes:
        ways: dict[str, Any] = {name: _counted(way) for name, way in test.ways.items()}
        made = ServerRecord(
            test_id=test_id,
            server=self._server,
            software=f"netready/{__version__}",
            lease=test.lease,
            peers=tuple(test.peers),
            **ways,
        )
        return record.sign(made, self._key)

    def route(self) -> Handler:
        """Return what answers a client that asks for its record."""

        def answer(exchange: Exchange) -> None:
            found = self.of(exchange.request.path.removeprefix(record.PATH))
            if found is None:
                raise HeadError(404, "there is no record of such a test, or none any more")
            reply(exchange, found.decode("ascii"), JSON)

        return answer


def _is_id(word: str) -> bool:
    try:
        return msgspec.convert(word, TestId) == word.strip()
    except msgspec.ValidationError:
        return False


def _network(peer: str) -> str:
    address = ipaddress.ip_address(peer)
    prefix = _IPV4_PREFIX if address.version == 4 else _IPV6_PREFIX
    return str(ipaddress.ip_network((address, prefix), strict=False))


def _add(way: _Way, seen: Watched) -> None:
    way.began, way.ended = min(way.began, seen.began), max(way.ended, seen.ended)
    way.bytes += seen.bytes
    way.counted_at = seen.counted_at
    way.connections += 1
    way.congestion_control = seen.congestion_control or way.congestion_control
    if seen.pace_bps is not None:
        way.pace_bps = (way.pace_bps or 0) + seen.pace_bps
    if (info := seen.tcp_info) is not None:
        way.min_rtt_us = info.min_rtt if way.min_rtt_us is None else min(way.min_rtt_us, info.min_rtt)
        way.rtt_us = max(way.rtt_us or 0, info.rtt)
        if seen.way == "download":
            way.retransmitted_bytes = (way.retransmitted_bytes or 0) + info.bytes_retrans


def _counted(way: _Way) -> Counted:
    values = msgspec.structs.asdict(way)
    began, ended = values.pop("began"), values.pop("ended")
    moment = datetime.fromtimestamp(time.time() - (time.monotonic() - began), UTC)
    return msgspec.convert(values | {"began_at": moment, "lasted_s": round(ended - began, 3)}, Counted)
