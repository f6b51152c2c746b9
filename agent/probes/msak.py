"""How fast the line is: M-Lab's MSAK throughput1 over several WebSockets, download and then upload.

Needs a reflector or any other throughput1 server. It can stop early, counts uploads at the far end, and has a netready
reflector pace a verdict's download; another server sends as fast as it can. Live rates: see agent.meter.progress.
"""

import time
import uuid
from urllib.parse import urlencode

import msgspec

from agent.contract import ticket
from agent.contract.measurement import Failed, Throughput
from agent.host import transport
from agent.meter import both_ways, client, dial, far_record, layers, pacer, throughput1
from agent.meter.both_ways import Abilities, Asked, Settings
from agent.meter.client import Opening
from agent.meter.dial import Endpoint
from agent.meter.errors import TransferError
from agent.meter.lane import Heard, Lane
from agent.meter.stream import Stream
from agent.meter.throughput1 import MessageSizes, Reporter

NAME = "msak"
_SERVER_MARGIN_S = 2.0  # the server is asked for more than we take, so that it is us who end
_SMALLEST_UPLOAD_MESSAGE = 1 << 14  # all segments are full from the first on: their number then tells the bytes
_LARGEST_UPLOAD_MESSAGE = 1 << 16  # servers count whole messages: these are small beside a sample
_MOST_LANES = 6
_REPORT_MS = 100


class Probe(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure download and upload; ``server`` is a ws:// or wss:// URL, or HOST:PORT for ws."""

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
        method = _Msak(self, target)
        try:
            dial.check_security(target, deadline)
            seen = both_ways.Test(self, method, target, deadline).run()
        except TransferError as error:
            return Failed(probe=NAME, failure=error.failure, detail=str(error), test_id=method.test_id)
        record = far_record.fetch(target, method.context, method.test_id, deadline)
        return msgspec.structs.replace(seen, test_id=method.test_id, record=record)


class _Msak:
    """The method, for agent.meter.both_ways; both directions go by one measurement id."""

    name = NAME
    abilities = Abilities(stops_early=True, paces_download=True, upload_counted_at="server", connections=_MOST_LANES)

    def __init__(self, probe: Probe, target: Endpoint) -> None:
        self._target = target
        self.test_id = str(uuid.uuid4())
        self._lease = probe.lease
        self._fields = ticket.shown(probe.ticket)
        self.context = transport.tls_context(probe.ca_file) if target.scheme == "wss" else None

    def engine(self, asked: Asked) -> "_Engine":
        path = throughput1.DOWNLOAD_PATH if asked.way == "download" else throughput1.UPLOAD_PATH
        most = asked.connections or _MOST_LANES
        query: dict[str, str | int] = {
            "mid": self.test_id,
            "streams": most,
            "duration": min(throughput1.MAX_DURATION_MS, int((asked.seconds + _SERVER_MARGIN_S) * 1000)),
            "cc": "bbr",
            throughput1.REPORT_PARAMETER: _REPORT_MS,
            "client_name": "netready-agent",
        }
        if self._lease is not None:
            query[both_ways.LEASE_PARAMETER] = self._lease
        if asked.max_bytes is not None:
            query["bytes"] = asked.max_bytes
        if asked.lane_pace_bps is not None and asked.way == "download":
            query[throughput1.PACE_PARAMETER] = round(asked.lane_pace_bps / layers.USUAL.ip_per_payload)
        opening = Opening(
            endpoint=self._target,
            target=f"{self._target.prefix}{path}?{urlencode(query)}",
            subprotocol=throughput1.SUBPROTOCOL,
            context=self.context,
            within_s=asked.opening_s,
            fields=self._fields,
        )
        return _Engine(opening, asked, most)


class _Engine:
    """One direction: streams that are told by, and tell, measurement messages."""

    tells_count = True

    def __init__(self, opening: Opening, asked: Asked, most_lanes: int) -> None:
        self.most_lanes = most_lanes
        self._opener = client.Opener(opening)
        self._asked = asked
        self._reporters: list[Reporter] = []
        largest = pacer.largest_message(asked.lane_pace_bps, _LARGEST_UPLOAD_MESSAGE)
        self._sizes = MessageSizes(  # of all streams together, so that the byte limit is that of the direction
            smallest=_SMALLEST_UPLOAD_MESSAGE, largest=max(_SMALLEST_UPLOAD_MESSAGE, largest), limit=asked.max_bytes
        )
        self._last_texts: dict[Lane, bytes] = {}

    @property
    def rtt_s(self) -> float:
        return self._opener.rtt_s

    def open(self) -> Lane:
        return self._opener.open()

    def begin(self, lane: Lane, heard: Heard) -> None:
        assert isinstance(lane, Stream)  # noqa: S101 - ours: open() made it
        self._reporters.append(Reporter(lane, time.monotonic(), with_tcp_info=False))
        if self._asked.way == "upload":
            lane.next_bulk = self._sizes
            lane.on_text = lambda text, now: heard(lane, throughput1.received(text), now)
        else:
            lane.on_text = lambda text, _now: self._last_texts.update({lane: text})

    def tick(self, now: float) -> None:
        for reporter in self._reporters:
            reporter.tick(now)

    def server_limited(self) -> bool:
        return any(throughput1.sender_was_limited(text) for text in self._last_texts.values())
