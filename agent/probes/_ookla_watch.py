"""One transfer of speedtest-cli's as it goes: points of its count, its end in time, and whether it was a whole one."""

import time
from collections.abc import Callable

from agent.host import tcp_info
from agent.meter.errors import TransferError
from agent.meter.lane import Way
from agent.probes._ookla_sockets import Connections
from agent.probes._ookla_talk import Tick, Transferred

LOOK_S = 0.05
_STALL_S = 3.0
_REFUSALS = frozenset({"refused_by_server", "busy", "http_status", "redirected", "captive_portal", "intercepted"})


class Watch:
    """Sees how a transfer goes, and ends it."""

    def __init__(self, way: Way, connections: Connections, lasts_s: float, end: Callable[[Way], None]) -> None:
        self._way = way
        self._connections = connections
        self._lasts_s = lasts_s
        self._end = end
        self._began = time.monotonic()
        self._cpu_s = time.process_time()
        self._points: list[tuple[float, int]] = [(0.0, 0)]
        self._grown_at = 0.0
        self._ended: str | None = None

    def look(self) -> bool:
        """Take a point; False once it has ended."""
        if self._ended is not None:
            return False
        full_at = self._connections.full_at
        at = (time.monotonic() if full_at is None else full_at) - self._began
        counted = self._counted()
        if counted > self._points[-1][1]:
            self._grown_at = at
        self._points.append((max(at, self._points[-1][0]), counted))
        if full_at is not None:
            self._ended = "bytes"
        elif at >= self._lasts_s:
            self._ended = "time"
        elif at - self._grown_at > _STALL_S:
            self._ended = "stalled"
        if self._ended is not None:
            self._took_cpu_s = time.process_time() - self._cpu_s
            self._end(self._way)
        return self._ended is None

    def _counted(self) -> int:
        connections = self._connections
        if self._way == "download":
            return round(connections.received / connections.payload_share_in)
        counted = connections.acked if tcp_info.is_told() else connections.handed
        return max(counted, self._points[-1][1])

    def tick(self) -> Tick:
        """Say where it stands."""
        at, counted = self._points[-1]
        before = next((point for point in reversed(self._points) if point[0] <= at - 0.5), self._points[0])
        bps = 8 * (counted - before[1]) / max(LOOK_S, at - before[0])
        moved = max(self._connections.received, self._connections.handed)
        return Tick(way=self._way, share=min(1.0, at / self._lasts_s), bytes=moved, bps=bps)

    def result(self) -> Transferred:
        """Say how it went; one that was not ended by us was no whole test.

        Raises:
            TransferError: it broke.
        """
        connections, trouble = self._connections, self._connections.trouble
        if connections.full_at is not None:
            self.look()  # the limit may have been reached between two looks
        at, counted = self._points[-1]
        if trouble is not None and (self._ended in (None, "stalled") or counted == 0 or trouble.failure in _REFUSALS):
            raise TransferError(trouble.failure, f"{self._way}: {trouble}")
        if self._ended == "stalled" or counted == 0:
            raise TransferError("stalled", f"{self._way}: no byte arrived for {_STALL_S:.0f} s")
        if self._ended is None:
            what = f"the far end ended the test after {time.monotonic() - self._began:.1f} s, before its time"
            raise TransferError("closed_early", f"{self._way}: {what}")
        is_download = self._way == "download"
        told = is_download or tcp_info.is_told()
        return Transferred(
            began=self._began,
            took_s=at,
            points=tuple(self._points) if told else (),
            counted_at="receiver" if is_download else "acked" if told else None,
            line_bytes=counted if is_download else connections.line_sent,
            payload_share=connections.payload_share_in if is_download else connections.payload_share_out,
            segment=(connections.segment.payload_bytes, connections.segment.header_bytes),
            connections=max(1, connections.most_at_once),
            congestion_control=None if is_download else connections.congestion_control,
            stop="bytes" if self._ended == "bytes" else "time",
            cpu_s=self._took_cpu_s,
        )
