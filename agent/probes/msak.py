"""How fast the line is: M-Lab's MSAK throughput1 over several WebSockets, download and then upload.

Needs a reflector or any other throughput1 server. Live rates: see agent.meter.progress.
"""

import functools
import time
import uuid
from typing import Annotated, ClassVar
from urllib.parse import urlencode

from msgspec import Meta, Struct

from agent.contract.measurement import Direction, Failed, Purpose, Throughput
from agent.host import tcp_info, transport
from agent.meter import bulk, client, dial, throughput1
from agent.meter.bulk import Download, Limits, Upload
from agent.meter.client import Opened, Opening
from agent.meter.dial import Endpoint
from agent.meter.errors import TransferError
from agent.meter.stream import Stream
from agent.meter.throughput1 import MessageSizes, Reporter

NAME = "msak"
_OPENING_S = 10.0  # at most, for connections and handshakes of one direction
_RESERVE_S = 1.0  # of the deadline, kept for closing and reckoning
_TOO_LATE = "too little time is left before the deadline; give more time or a smaller max_s"
_SHORTEST_S = 1.0  # a shorter direction would be slow start and nothing else
_SERVER_MARGIN_MS = 2_000  # the server is asked for more than we take, so that it is us who end
_LARGEST_UPLOAD_MESSAGE = 1 << 16  # servers count whole messages: these are small beside a sample
_UNSENT_BYTES = 128 * 1024  # in the kernel's buffer: enough to keep the line busy, little to throw away at the end


class Probe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure download and upload; ``max_s`` and ``max_bytes`` hold for each direction.

    ``server`` is a ws:// or wss:// URL, or HOST:PORT for ws. The targets belong to purpose "verdict", which a plain
    time limit does not use yet; they are accepted so that one policy fits every engine.
    """

    takes_the_line: ClassVar[bool] = True
    needs_server: ClassVar[bool] = True

    server: str = ""
    purpose: Purpose = "capacity"
    target_download_bps: Annotated[float, Meta(gt=0)] | None = None
    target_upload_bps: Annotated[float, Meta(gt=0)] | None = None
    max_bytes: Annotated[int, Meta(ge=1)] | None = None
    max_s: Annotated[float, Meta(gt=0, le=20)] = 5.0
    connections: Annotated[int, Meta(ge=1, le=32)] = 4
    ca_file: str | None = None

    def __post_init__(self) -> None:
        """Refuse a server that is no address (SettingsError)."""
        if self.server:
            dial.endpoint(self.server)

    def measure(self, deadline_s: float) -> Throughput | Failed:
        """Measure within ``deadline_s`` seconds; a direction that fails fails the whole test.

        Raises:
            SettingsError: the CA file cannot be used.
            InsecureUrlError: a plain address outside this computer and private networks.
        """
        if not self.server:
            return Failed(probe=NAME, failure="no_server", detail="no server is set to measure against; give one")
        deadline = time.monotonic() + deadline_s
        target = dial.endpoint(self.server)
        try:
            dial.check_security(target, deadline)
            return self._both(target, deadline)
        except TransferError as error:
            return Failed(probe=NAME, failure=error.failure, detail=str(error))

    def _both(self, target: Endpoint, deadline: float) -> Throughput:
        run = _Run(self, target, deadline)
        download = run.direction(throughput1.DOWNLOAD_PATH, directions_left=2)
        upload = run.direction(throughput1.UPLOAD_PATH, directions_left=1)
        return Throughput(
            engine=NAME,
            server=target.url,
            purpose=self.purpose,
            download=download,
            upload=upload,
            rtt_idle_ms=run.rtt_idle_ms,
        )


class _Run:
    """One test of both directions, under one measurement id."""

    def __init__(self, probe: Probe, target: Endpoint, deadline: float) -> None:
        self._probe = probe
        self._target = target
        self._deadline = deadline
        self._id = str(uuid.uuid4())
        self._context = transport.tls_context(probe.ca_file) if target.scheme == "wss" else None
        self.rtt_idle_ms: float | None = None

    @property
    def _share_bytes(self) -> int | None:
        """Each stream's part of the byte limit."""
        limit = self._probe.max_bytes
        return None if limit is None else -(-limit // self._probe.connections)

    def direction(self, path: str, directions_left: int) -> Direction:
        """Measure one direction.

        Raises:
            TransferError: it failed; the text says which direction it was.
        """
        phase = path.rpartition("/")[2]
        try:
            opened = self._open(path)
            try:
                return self._transfer(opened, phase, directions_left)
            finally:
                opened.close()
        except TransferError as error:
            raise TransferError(error.failure, f"{phase}: {error}") from error

    def _open(self, path: str) -> Opened:
        if self._deadline - time.monotonic() < _RESERVE_S + min(_SHORTEST_S, self._probe.max_s):
            raise TransferError("deadline", _TOO_LATE)
        query: dict[str, str | int] = {
            "mid": self._id,
            "streams": self._probe.connections,
            "duration": min(throughput1.MAX_DURATION_MS, int(self._probe.max_s * 1000) + _SERVER_MARGIN_MS),
            "client_name": "netready-agent",
        }
        if self._share_bytes is not None:
            query["bytes"] = self._share_bytes
        opening = Opening(
            endpoint=self._target,
            target=f"{self._target.prefix}{path}?{urlencode(query)}",
            subprotocol=throughput1.SUBPROTOCOL,
            context=self._context,
            deadline=min(self._deadline - _RESERVE_S, time.monotonic() + _OPENING_S),
        )
        return client.open_streams(opening, self._probe.connections)

    def _transfer(self, opened: Opened, phase: str, directions_left: int) -> Direction:
        if self.rtt_idle_ms is None:
            self.rtt_idle_ms = round(opened.rtt_s * 1000, 3)
        budget = (self._deadline - _RESERVE_S - time.monotonic()) / directions_left
        if budget < min(_SHORTEST_S, self._probe.max_s):
            raise TransferError("deadline", _TOO_LATE)
        limits = Limits(seconds=min(self._probe.max_s, budget), max_bytes=self._probe.max_bytes, rtt_s=opened.rtt_s)
        run = Download(opened.streams, limits) if phase == "download" else self._upload(opened.streams, limits)
        reporters = [Reporter(stream, time.monotonic(), with_tcp_info=False) for stream in opened.streams]

        def report(now: float) -> None:
            for reporter in reporters:
                reporter.tick(now)

        run.run(report)
        result = run.result()
        bulk.say_goodbye(opened.streams)
        return result

    def _upload(self, streams: tuple[Stream, ...], limits: Limits) -> Upload:
        run = Upload(streams, limits)
        for stream in streams:
            tcp_info.keep_unsent_short(stream.sock, _UNSENT_BYTES)
            stream.next_bulk = MessageSizes(largest=_LARGEST_UPLOAD_MESSAGE, limit=self._share_bytes)
            stream.on_text = functools.partial(_heard, run, stream)
        return run


def _heard(run: Upload, stream: Stream, text: bytes, now: float) -> None:
    far_clock_s, count = throughput1.received(text)
    run.heard(stream, count, far_clock_s, now)
