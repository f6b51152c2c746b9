"""A far end to measure against, at the end of a known line, with a reflector that answers there."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Self

import msgspec

from agent.contract import measurement
from tests.lab import namespaces
from tests.lab.lines import KnownLine
from tests.lab.namespaces import ETHERNET_BYTES, MTU, Line, Namespace
from tests.lab.school import School
from tests.lab.shape import Counts
from tests.lab.traffic import Arrived, Sent

Way = Literal["download", "upload"]
PORT = 9000
_COMPETING_PORT = 9300
_ENDS_WITHIN_S = 10
_MARGIN_S = 20
_SETTLE_S = 0.05


class FastLine(Line):
    """A line too fast to emulate: tbf on the veth pair between client and server, without delay or loss.

    Single packets are more than two cores can do at 940 Mbit/s, so TCP may hand over eight at once. tbf still counts
    each one's headers, but the interface counters count those of the first only: they show 3.8 % too little.
    """

    packets_per_segment = 8

    client_address, address, address6 = namespaces.CLIENT_IP, namespaces.SERVER_IP, namespaces.SERVER_IP6

    def become(self, line: KnownLine) -> None:
        """Let the line be this one from now on, with full buckets."""
        for namespace, shape in ((self.server, line.download), (self.client, line.upload)):
            # tbf counts the Ethernet header; our rates are those of IP packets.
            whole = (MTU + ETHERNET_BYTES) / MTU
            boost = (int(shape.burst_bytes * whole), shape.peak_bps * whole) if shape.peak_bps else None
            self._shape(namespace, shape.rate_bps * whole, shape.queue_ms, boost)

    def counts(self) -> None:
        """Return nothing: the kernel shapes, and its counts are not those of the emulator."""

    def distrust(self) -> None:
        """Return nothing: the kernel does not say how late it was."""


class Competing(msgspec.Struct):
    """Traffic that shares the line; filled in when it has ended."""

    sent: Sent | None = None
    arrived: Arrived | None = None


class FarEnd:
    """A school's namespace (``client``), a server's, and between them the line last told (``become``)."""

    def __init__(self, place: School | FastLine) -> None:
        self._place = place
        self.client, self.server = place.client, place.server
        self.address, self.address6, self.port = place.address, place.address6, PORT

    def become(self, line: KnownLine) -> Self:
        """Let the line be this one from now on, with empty queues and full buckets."""
        self._place.become(line)
        self.line = line
        return self

    def truth(self, way: Way) -> float:
        """Return the line's rate in bit/s at the IP layer."""
        return getattr(self.line, way).rate_bps

    def counts(self) -> Counts | None:
        """Return what the emulated line has carried since it became what it is."""
        return self._place.counts()

    def distrust(self) -> str | None:
        """Return why the line was not what it was told to be, None where it was as far as is known."""
        return self._place.distrust()

    def measure(self, probe: str, deadline_s: float, *settings: str) -> object:
        """Measure from the school with a probe (settings as KEY=VALUE) and return the measurement."""
        server = f"server={self.address}:{self.port}"
        command = (sys.executable, "-m", "tests.lab.measure", probe, str(deadline_s), server, *settings)
        return measurement.decode(self.client.run(*command, timeout_s=deadline_s + _MARGIN_S).encode())

    @contextmanager
    def competing(self, way: Way, share: float) -> Iterator[Competing]:
        """Send UDP of this share of the line's rate between the school's computer and the server, until the end.

        It does not give way: where the line is full, a drop-tail queue drops of both.
        """
        from_server = way == "download"
        sender, receiver = (self.server, self.client) if from_server else (self.client, self.server)
        host = self._place.client_address if from_server else self.address
        shape, seen = getattr(self.line, way), Competing()
        with _working(receiver, "count", str(_COMPETING_PORT)) as counting:
            with _working(sender, "send", host, str(_COMPETING_PORT), str(shape.rate_bps * share)) as sending:
                yield seen
                seen.sent = msgspec.json.decode(_result(sending), type=Sent)
            time.sleep((shape.delay_ms + shape.queue_ms) / 1000 + _SETTLE_S)  # what is underway still arrives
            seen.arrived = msgspec.json.decode(_result(counting), type=Arrived)


@contextmanager
def far_end(line: KnownLine) -> Iterator[FarEnd]:
    """Build what this line needs, with a reflector at its end; ``become`` then takes lines of the same kind."""
    with School() if line.emulated else FastLine() as place:
        reflector = place.server.start(sys.executable, "-m", "tests.lab.reflect", "::", str(PORT))
        try:
            if not reflector.stdout.readline().startswith("listening "):
                raise OSError("the reflector does not start")
            yield FarEnd(place).become(line)
        finally:
            _result(reflector)


@contextmanager
def _working(namespace: Namespace, *arguments: str) -> Iterator[subprocess.Popen]:
    process = namespace.start(sys.executable, "-m", "tests.lab.traffic", *arguments)
    try:
        if process.stdout.readline() != "ready\n":
            raise OSError(f"tests.lab.traffic {arguments} does not start")
        yield process
    finally:
        if process.poll() is None:
            _result(process)


def _result(process: subprocess.Popen) -> str:
    """End a process of ours by closing its input, and return what it printed last."""
    return process.communicate(timeout=_ENDS_WITHIN_S)[0]
