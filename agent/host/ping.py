"""Round trips to one address on a fixed schedule, from a thread, without privileges.

Echoes (ICMP) where the system allows them and the far end answers, else the time of a TCP handshake with one of its
usual ports, where a refusal is an answer too. Nothing here judges, and no trouble of the network raises.
"""

import statistics
import threading
import time
from collections.abc import Callable
from typing import Self

from msgspec import Struct

from agent.contract.lan import Echoes
from agent.contract.values import Denied
from agent.host import icmp
from agent.host.echoing import Echoing, HandshakeEchoing, SocketEchoing, WindowsEchoing

PATIENCE_S = 1.0  # an answer that takes longer counts as lost
_SILENT_S = 0.5  # without any answer to echoes, a handshake is tried
_MOST = 20_000
_WAIT_S = 5.0  # for the thread's end, which is a matter of milliseconds
_LEAST_FOR_MEDIAN, _LEAST_FOR_P95 = 3, 10


class Sample(Struct, frozen=True):
    """One echo: when it was sent (time.monotonic), and its round trip; None where it never came back."""

    sent_at: float
    rtt_s: float | None


class Summary(Struct, frozen=True, kw_only=True):
    """What samples show, in milliseconds; null where there are too few. The 95th percentile is a nearest rank."""

    median_ms: float | None
    p95_ms: float | None


class Pinger:
    """Sends echoes to an address from a thread of its own, from ``start`` to ``stop``.

    Each is sent at its own time whether or not earlier ones came back. A late thread leaves echoes out rather than send
    several at once.

    Attributes:
        protocol: "icmp" or "tcp", as far as is known until now.
        interval_s: the time between two echoes; it may be changed while it runs.
        denied: what this computer did not allow; None where nothing.
        most: as many are sent before it ends by itself.
    """

    def __init__(self, address: str, interval_s: float = 0.1, most: int = _MOST) -> None:
        self.address = address
        self.interval_s = interval_s
        self.most = most
        self.protocol = "icmp"
        self.denied: Denied | None = None
        self._echoing: Echoing | None = None
        self._samples: tuple[Sample, ...] = ()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ping", daemon=True)

    def start(self) -> Self:
        """Begin to send."""
        self._thread.start()
        return self

    def stop(self, grace_s: float = 0.0) -> tuple[Sample, ...]:
        """End, and return the samples whose outcome is known: that came back, or were sent long enough ago.

        ``grace_s`` is how long to wait for answers that are still underway. A second call returns what the first did.
        """
        self._stopping.set()
        self._thread.join(_WAIT_S)
        echoing, self._echoing = self._echoing, None
        if echoing is None or self._thread.is_alive():
            return self._samples
        until = time.monotonic() + min(grace_s, PATIENCE_S)
        while len(echoing.rtts_s) < len(echoing.sent_at) and (now := time.monotonic()) < until:
            echoing.wait(min(until, now + 0.01))
        known_before = time.monotonic() - (PATIENCE_S if grace_s < PATIENCE_S else 0.0)
        echoing.close()
        self._samples = tuple(
            Sample(sent_at, rtt_s)
            for number, sent_at in enumerate(echoing.sent_at)
            if (rtt_s := echoing.round_trip(number, PATIENCE_S)) is not None or sent_at <= known_before
        )
        return self._samples

    def _run(self) -> None:
        echoing = self._open()
        if echoing is None:
            return
        self._echoing, self.protocol = echoing, echoing.protocol
        began = due = time.monotonic()
        while len(echoing.sent_at) < self.most:
            echoing.wait(due)
            if self._stopping.is_set():
                return
            echoing.send()
            now = time.monotonic()
            due = max(due + self.interval_s, now)
            if echoing.protocol == "icmp" and not echoing.rtts_s and now - began > _SILENT_S:
                began = float("inf")  # asked once
                echoing = self._instead(echoing)

    def _open(self) -> Echoing | None:
        """Return a way to echo; None where there is none to this address."""
        for make in self._ways():
            try:
                return make(self.address)
            except PermissionError:
                self.denied = Denied(what="icmp", setting=icmp.SETTING)
            except OSError:
                continue
        return None

    @staticmethod
    def _ways() -> tuple[Callable[[str], Echoing], ...]:
        return (SocketEchoing if icmp.is_unprivileged() else WindowsEchoing, HandshakeEchoing)

    def _instead(self, silent: Echoing) -> Echoing:
        """Return handshakes in place of echoes that nobody answers; the same echoes where nobody answers those."""
        try:
            other = HandshakeEchoing(self.address)
        except OSError:
            return silent
        if silent.rtts_s:
            other.close()
            return silent
        silent.close()
        self._echoing, self.protocol = other, other.protocol
        return other


def run(address: str, count: int, interval_s: float = 0.1) -> tuple[Pinger, tuple[Sample, ...]]:
    """Send so many echoes over the idle line, fewer on a busy machine; wait for the last, return pinger and samples."""
    pinger = Pinger(address, interval_s, count).start()
    time.sleep(max(0.0, (count - 0.5) * interval_s))
    return pinger, pinger.stop(PATIENCE_S)


def summarise(samples: tuple[Sample, ...]) -> Summary:
    """Return the median and the 95th percentile of those that came back."""
    rtts_ms = sorted(sample.rtt_s * 1000 for sample in samples if sample.rtt_s is not None)
    count = len(rtts_ms)
    return Summary(
        median_ms=round(statistics.median(rtts_ms), 3) if count >= _LEAST_FOR_MEDIAN else None,
        p95_ms=round(rtts_ms[-(-count * 95 // 100) - 1], 3) if count >= _LEAST_FOR_P95 else None,
    )


def loss_ratio(samples: tuple[Sample, ...]) -> float | None:
    """Return the share that never came back; None where none did, which proves a refusal as well as a loss."""
    back = sum(sample.rtt_s is not None for sample in samples)
    return round(1 - back / len(samples), 6) if back else None


def echoes(protocol: str, samples: tuple[Sample, ...]) -> Echoes:
    """Return the samples as the contract has them."""
    summary = summarise(samples)
    return Echoes(
        protocol=protocol,
        sent=len(samples),
        received=sum(sample.rtt_s is not None for sample in samples),
        median_ms=summary.median_ms,
        p95_ms=summary.p95_ms,
        loss_ratio=loss_ratio(samples),
    )
