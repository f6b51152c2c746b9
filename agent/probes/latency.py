"""How quick the line is when nothing fills it: a train of UDP echoes on a fixed schedule. Never falls back to TCP."""

import socket
import time
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from agent.contract.measurement import Failed, Latency
from agent.host import transport
from agent.meter import dial, echo, echo_nonce
from agent.meter.dial import Address, Endpoint
from agent.meter.echo import Train
from agent.meter.errors import TransferError

NAME = "latency"
_LOOK_UP_S = 5.0


class Probe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Send ``count`` echoes, one every ``interval_s``, to the reflector's UDP port (the number in ``server``).

    Where none comes back, the reflector is asked over TCP for the nonce that it may want; the next time first.
    """

    takes_the_line: ClassVar[bool] = False
    needs_server: ClassVar[bool] = True

    server: str = ""
    count: Annotated[int, Meta(ge=1, le=1000)] = 25
    interval_s: Annotated[float, Meta(ge=0.005, le=10)] = 0.05
    ca_file: str | None = None

    def __post_init__(self) -> None:
        """Refuse a server that is no address (SettingsError)."""
        if self.server:
            dial.endpoint(self.server)

    def measure(self, deadline_s: float) -> Latency | Failed:
        """Measure within ``deadline_s`` seconds; the first address of the server that answers is the one measured."""
        if not self.server:
            return Failed(probe=NAME, failure="no_server", detail="no server is set to measure against; give one")
        deadline = time.monotonic() + deadline_s
        target = dial.endpoint(self.server)
        try:
            places = dial.addresses(
                target.host, target.port, socket.SOCK_DGRAM, min(deadline, time.monotonic() + _LOOK_UP_S)
            )
            train = self._train(target, places, deadline)
        except TransferError as error:
            return Failed(probe=NAME, failure=error.failure, detail=str(error))
        return reckon(train, target.authority)

    def _train(self, target: Endpoint, places: list[Address], deadline: float) -> Train:
        nonce = self._nonce(target, deadline) if echo_nonce.is_wanted(target) else None
        train = self._first_answered(places, deadline, nonce or b"")
        if train.rtts_s or nonce is not None:
            return train
        nonce = self._nonce(target, deadline)
        return train if nonce is None else self._first_answered(places, deadline, nonce)

    def _nonce(self, target: Endpoint, deadline: float) -> bytes | None:
        context = transport.tls_context(self.ca_file) if target.is_secure else None
        return echo_nonce.ask(target, context, deadline)

    def _first_answered(self, places: list[Address], deadline: float, nonce: bytes) -> Train:
        trouble: OSError | None = None
        train: Train | None = None
        for index, place in enumerate(places):
            share = (deadline - time.monotonic()) / (len(places) - index)
            try:
                train = self._run(place, time.monotonic() + share, nonce)
            except OSError as error:
                trouble = error
                continue
            if train.rtts_s:
                return train
        if train is None:
            raise TransferError.of(trouble or OSError(), "no echo can be sent")
        return train

    def _run(self, place: Address, deadline: float, nonce: bytes) -> Train:
        family, address = place
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect(address)
            return echo.run_train(sock, self.count, self.interval_s, deadline, nonce)


def reckon(train: Train, server: str) -> Latency | Failed:
    """Turn a train into a measurement; nothing back at all is a failure, not a loss of 100 %."""
    if train.sent == 0:
        return Failed(probe=NAME, failure="deadline", detail="there was no time to send a single echo")
    if not train.rtts_s:
        why = "its computer says that nothing listens there" if train.refused else "a firewall may be in the way"
        detail = f"none of {train.sent} UDP echoes to {server} came back; {why}"
        return Failed(probe=NAME, failure="no_answer", detail=detail)
    found = echo.summarise(train.rtts_s)
    return Latency(
        server=server,
        sent=train.sent,
        received=len(train.rtts_s),
        min_ms=found.min_ms,
        median_ms=found.median_ms,
        p95_ms=found.p95_ms,
        jitter_ms=found.jitter_ms,
        loss_ratio=round(1 - len(train.rtts_s) / train.sent, 6),
    )
