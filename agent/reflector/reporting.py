"""Sends the reflector's records to the collector by itself, until each is stored there; also when nobody listens."""

import logging
import random
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from agent.contract import record, wire
from agent.contract.errors import MalformedError, NetreadyError
from agent.errors import UplinkError
from agent.reflector import records
from agent.reflector.records import Records
from agent.reflector.server import EVERYTHING, Offer
from agent.reflector.spool import Spool

EVERY_S = 5.0
_BACKOFF_S = (10.0, 900.0)
_LAST_WORD_S = 2.0
_LONGEST_NAME = 128

_log = logging.getLogger(__name__)
Send = Callable[[Sequence[bytes]], wire.RecordReply]
"""Delivers a batch of envelopes; raises a NetreadyError that says why it could not."""


@contextmanager
def recorded(state: Path, name: str | None, send: Send | None, offered: Offer = EVERYTHING) -> Iterator[Offer]:
    """Give all that a reflector serves, with a record made of each test; sent where there is somebody to send it to.

    Args:
        state: where the key and what waits are.
        name: what this server is called; its host's name where it is null.
        send: delivers records.
        offered: what is served otherwise.

    Raises:
        StateError: the state folder cannot be used.
    """
    key, spool = records.key_in(state), Spool(state)
    _log.info("records of tests are signed with the key %s", bytes(key.verify_key).hex())
    with ExitStack() as stack:
        if send is not None:
            stack.enter_context(Reporting(spool, send))
        made = stack.enter_context(Records((name or socket.gethostname())[:_LONGEST_NAME], key, spool.keep))
        under = {**offered.under, ("GET", record.PATH): made.route()}
        yield msgspec.structs.replace(offered, under=under, watch=made)


class Reporting:
    """A thread that sends what waits, oldest first.

    A server that its collector does not know yet keeps its records and asks again later; those of a key that the
    collector does know go all the same. What was refused for good is forgotten, and said.
    """

    def __init__(self, spool: Spool, send: Send, *, every_s: float = EVERY_S) -> None:
        self._spool = spool
        self._send = send
        self._every_s = every_s
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="records-reporting", daemon=True)
        self._failures = 0
        self._said = ""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop; what is not sent waits on disk for the next start."""
        self._ending.set()
        self._thread.join(_LAST_WORD_S)

    def _run(self) -> None:
        pause_s = 0.0
        while not self._ending.wait(pause_s):
            try:
                self.drain()
                self._failures, pause_s = 0, self._every_s
            except NetreadyError as error:
                pause_s = self._pause_s(error)
                self._failures += 1
                self._say(str(error))

    def drain(self) -> int:
        """Send all that waits; return how many records left.

        Raises:
            NetreadyError: it could not be sent, or the collector does not know a key; what waits stays.
        """
        done = after = 0
        unknown: dict[str, str] = {}
        while not self._ending.is_set():
            batch = self._spool.waiting(wire.MAX_BATCH_RECORDS, after)
            if not batch:
                break
            after = batch[-1][0]
            # A key that is not known is asked for once: else all that waits would be sent in vain, again and again.
            known = [(row, envelope) for row, envelope in batch if _key_of(envelope) not in unknown]
            if known:
                done += self._deliver(known, unknown)
        if unknown:
            raise NetreadyError(next(iter(unknown.values())))
        return done

    def _deliver(self, batch: Sequence[tuple[int, bytes]], unknown: dict[str, str]) -> int:
        """Send records and forget those that need not be sent again; return how many, and note keys not known."""
        reply = self._send([envelope for _, envelope in batch])
        if len(reply.items) != len(batch):
            raise NetreadyError(f"the collector answered for {len(reply.items)} records, not for {len(batch)}")
        done = []
        for (row, envelope), one in zip(batch, reply.items, strict=True):
            if one.answer == "unknown_server":
                unknown[_key_of(envelope)] = one.detail or "the collector does not know this server's key"
                continue
            if one.answer == "refused":
                _log.error("the collector refused a record for good: %s", one.detail)
            done.append(row)
        self._spool.forget(done)
        return len(done)

    def _pause_s(self, error: NetreadyError) -> float:
        asked_s = error.retry_after_s if isinstance(error, UplinkError) else None
        if asked_s is None:
            asked_s = min(_BACKOFF_S[1], _BACKOFF_S[0] * 2.0 ** min(self._failures, 10))
        return asked_s * random.uniform(0.75, 1.25)  # noqa: S311 - so that servers do not all come at once

    def _say(self, sentence: str) -> None:
        if sentence != self._said:
            self._said = sentence
            _log.warning("records wait: %s", sentence)


def _key_of(envelope: bytes) -> str:
    """Return the id of the key that signed a record; '' where it is none."""
    try:
        return next((one.keyid for one in record.open_envelope(envelope).signatures), "")
    except MalformedError:
        return ""
