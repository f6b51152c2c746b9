"""How fast one connection is: M-Lab's ndt7 (spec 0.11), download and then upload.

Needs an ndt7 server: given, or found by M-Lab's locate service. It can stop early, counts uploads at the far end, and
cannot pace a download; a server ends each direction after ten seconds, too soon to look past a boost (the long form).
"""

import random
import time
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from agent import __version__
from agent.contract import ticket
from agent.contract.measurement import Failed, Throughput
from agent.host import transport
from agent.meter import both_ways, client, dial, locate, ndt7, pacer, throughput1
from agent.meter.both_ways import Abilities, Asked, Settings
from agent.meter.client import Opening
from agent.meter.errors import TransferError
from agent.meter.lane import Heard, Lane
from agent.meter.locate import Place
from agent.meter.ndt7 import AppInfo, Measurement
from agent.meter.stream import Stream
from agent.meter.throughput1 import MessageSizes

NAME = "ndt7"
_MAX_S = ndt7.DURATION_S - 1.0  # the server's clock begins before ours, and it is us who end
_LARGEST_UPLOAD_MESSAGE = 1 << 16  # servers may count whole messages: these are small beside a sample
_LOCATING_S = 10.0
_NEXT_WOULD_DO = frozenset({"busy", "refused_by_server", "connect_refused", "connect_timeout", "unreachable"})


class Probe(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure download and upload; ``server`` is a ws:// or wss:// URL, or HOST:PORT for ws.

    Without a server, and with ``use_locate``, M-Lab is asked at ``locate`` for one nearby; ``locate_key`` is the API
    key that it gives to those who measure often.
    """

    use_locate: bool = False
    locate: str = "https://locate.measurementlab.net/v2/nearest/ndt/ndt7"
    locate_key: Annotated[str, Meta(min_length=1, max_length=256)] | None = None

    def __post_init__(self) -> None:
        """Refuse a server or locate service that is no address (SettingsError)."""
        if self.server:
            dial.endpoint(self.server)
        dial.http_endpoint(self.locate)

    def measure(self, deadline_s: float) -> Throughput | Failed:
        """Measure within ``deadline_s`` seconds; a direction that fails fails the whole test.

        Raises:
            SettingsError: the CA file cannot be used.
            InsecureUrlError: a plain address outside this computer and private networks.
        """
        if not self.server and not self.use_locate:
            detail = "no server is set to measure against; give one, or use_locate = true to have M-Lab name one"
            return Failed(probe=NAME, failure="no_server", detail=detail)
        deadline = time.monotonic() + deadline_s
        try:
            return self._first_of(self._places(deadline), deadline)
        except TransferError as error:
            return Failed(probe=NAME, failure=error.failure, detail=str(error))

    def _places(self, deadline: float) -> list[Place]:
        if not self.server:
            return locate.nearest(
                self.locate, self.locate_key, self.ca_file, min(deadline, time.monotonic() + _LOCATING_S)
            )
        target = dial.endpoint(self.server)
        dial.check_security(target, deadline)
        named = {"client_name": "netready-agent", "client_version": __version__}
        query = urlencode(named if self.lease is None else named | {both_ways.LEASE_PARAMETER: self.lease})
        download, upload = (f"{target.prefix}{path}?{query}" for path in (ndt7.DOWNLOAD_PATH, ndt7.UPLOAD_PATH))
        return [Place(endpoint=target, download=download, upload=upload)]

    def _first_of(self, places: list[Place], deadline: float) -> Throughput:
        """Measure against the first server that takes us (m-lab/locate, USAGE.md: go on with the next result)."""
        settings = msgspec.structs.replace(self, form="short", max_s=min(_MAX_S, self.max_s or _MAX_S))
        *others, last = places
        for place in others:
            try:
                return both_ways.Test(settings, _Ndt7(self, place), place.endpoint, deadline).run()
            except TransferError as error:
                if error.failure not in _NEXT_WOULD_DO:
                    raise
        return both_ways.Test(settings, _Ndt7(self, last), last.endpoint, deadline).run()


class _Ndt7:
    """The method, for agent.meter.both_ways."""

    name = NAME
    abilities = Abilities(stops_early=True, paces_download=False, upload_counted_at="server", connections=1)

    def __init__(self, probe: Probe, place: Place) -> None:
        self._place = place
        self._fields = ticket.shown(probe.ticket if probe.server else None)  # M-Lab's servers have no use for it
        self.context = transport.tls_context(probe.ca_file) if place.endpoint.is_secure else None

    def engine(self, asked: Asked) -> "_Engine":
        opening = Opening(
            endpoint=self._place.endpoint,
            target=self._place.download if asked.way == "download" else self._place.upload,
            subprotocol=ndt7.SUBPROTOCOL,
            context=self.context,
            within_s=asked.opening_s,
            fields=self._fields,
        )
        return _Engine(opening, asked)


class _Engine:
    """One direction: a stream that is told by, and tells, measurement messages."""

    tells_count = True
    most_lanes = 1

    def __init__(self, opening: Opening, asked: Asked) -> None:
        self._opener = client.Opener(opening)
        self._asked = asked
        self._stream: Stream | None = None
        self._last_text = b""
        self._rng = random.Random()  # noqa: S311 - a schedule, no secret
        self._began = self._due = 0.0

    @property
    def rtt_s(self) -> float:
        return self._opener.rtt_s

    def open(self) -> Lane:
        return self._opener.open()

    def begin(self, lane: Lane, heard: Heard) -> None:
        assert isinstance(lane, Stream)  # noqa: S101 - ours: open() made it
        self._stream = lane
        self._began = time.monotonic()
        self._due = self._began + ndt7.next_interval_s(self._rng)
        if self._asked.way == "download":
            lane.on_text = self._remember
            return
        largest = pacer.largest_message(self._asked.lane_pace_bps, _LARGEST_UPLOAD_MESSAGE)
        lane.next_bulk = MessageSizes(smallest=ndt7.MIN_MESSAGE_BYTES, largest=largest, limit=self._asked.max_bytes)

        def listen(text: bytes, now: float) -> None:
            told = ndt7.received(text, lane.wire_sent)
            if told is not None:
                heard(lane, told, now)

        lane.on_text = listen

    def _remember(self, text: bytes, _now: float) -> None:
        self._last_text = text

    def tick(self, now: float) -> None:
        """Tell the server what was counted here, on the protocol's schedule; M-Lab publishes it beside its own."""
        if self._stream is None or now < self._due:
            return
        self._due = now + ndt7.next_interval_s(self._rng)
        stream, way = self._stream, self._asked.way
        counted = stream.payload_received if way == "download" else stream.payload_sent
        told = AppInfo(elapsed_us=int((now - self._began) * 1e6), num_bytes=counted)
        stream.send_text(ndt7.encode(Measurement(app_info=told, origin="client", test=way)))

    def server_limited(self) -> bool:
        return throughput1.sender_was_limited(self._last_text)
