"""Many frames or scan results of a network become one: medians of what varies, the majority of what does not."""

import math
from array import array
from collections.abc import Sequence
from statistics import median, median_low
from typing import TypeVar

from msgspec import Struct

from agent.contract.wifi import Network
from agent.host.wifi.elements import Elements, Traits, text

MAX_NETWORKS = 20_000
"""More than any place has; somebody is inventing them, or the capture is damaged."""
_MAX_DISTINCT = 8
_Choice = TypeVar("_Choice")


class Heard(Struct, frozen=True, kw_only=True):
    """A network heard once. ``signal_dbm`` has been accepted before (elements.signal)."""

    bssid: str | None
    elements: Elements
    signal_dbm: float | None = None
    signal_percent: int | None = None
    associated: bool = False


class Sightings:
    """Collects what is heard, in the order first seen; ``left_out`` counts what came beyond the limit."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self.left_out = 0

    def add(self, heard: Heard) -> None:
        """Count one frame or scan result in."""
        bssid = heard.bssid or ""
        seen = self._seen.get(bssid)
        if seen is None:
            if len(self._seen) >= MAX_NETWORKS:
                self.left_out += 1
                return
            seen = self._seen[bssid] = _Seen()
        seen.add(heard)

    def networks(self) -> tuple[Network, ...]:
        """Return one network for each address."""
        return tuple(seen.network(bssid) for bssid, seen in self._seen.items())


class _Seen:
    __slots__ = ("associated", "frames", "names", "percents", "signals", "stations", "traits", "utilisations")

    def __init__(self) -> None:
        self.frames = 0
        self.names: dict[bytes, int] = {}
        self.traits: dict[Traits, int] = {}
        self.signals = array("d")
        self.percents = array("B")
        self.stations = array("H")
        self.utilisations = array("d")
        self.associated = False

    def add(self, heard: Heard) -> None:
        elements = heard.elements
        self.frames += 1
        self.associated |= heard.associated
        _vote(self.traits, elements.traits)
        if elements.ssid is not None:
            _vote(self.names, elements.ssid)
        for values, value in (
            (self.signals, heard.signal_dbm),
            (self.percents, heard.signal_percent),
            (self.stations, elements.stations),
            (self.utilisations, elements.utilisation),
        ):
            if value is not None:
                values.append(value)  # type: ignore[arg-type]

    def network(self, bssid: str) -> Network:
        # A probe response tells the name that a hidden network's beacons keep to themselves.
        told = {name: votes for name, votes in self.names.items() if name.strip(b"\0")}
        return make_network(
            bssid or None,
            Elements(
                traits=max(self.traits, key=self.traits.__getitem__),
                ssid=max(told or self.names, key=(told or self.names).__getitem__, default=None),
                stations=median_low(self.stations) if self.stations else None,
                utilisation=median(self.utilisations) if self.utilisations else None,
            ),
            signals=self.signals,
            signal_percent=median_low(self.percents) if self.percents else None,
            associated=self.associated,
            frames=self.frames,
        )


def make_network(
    bssid: str | None,
    elements: Elements,
    *,
    signals: Sequence[float] = (),
    signal_percent: int | None = None,
    associated: bool = False,
    frames: int = 1,
) -> Network:
    """Make a network of what was heard; ``signals`` are those of its frames, accepted before."""
    traits, ssid = elements.traits, elements.ssid or b""
    ordered = sorted(signals)
    return Network(
        bssid=bssid,
        ssid=text(ssid),
        ssid_hex=ssid.hex(),
        channel=traits.channel,
        frequency_mhz=traits.frequency_mhz,
        signal_dbm=median(ordered) if ordered else None,
        signal_percent=signal_percent,
        security=traits.security,
        generation=traits.generation,
        stations=elements.stations,
        utilisation=elements.utilisation,
        associated=associated,
        channel_other=traits.channel_other,
        width_mhz=traits.width_mhz,
        signal_p20_dbm=weak(ordered),
        frames=frames,
    )


def _vote(votes: dict[_Choice, int], choice: _Choice) -> None:
    if choice in votes or len(votes) < _MAX_DISTINCT:
        votes[choice] = votes.get(choice, 0) + 1


def weak(signals: Sequence[float]) -> float | None:
    """Return the 20th percentile of signals in rising order (nearest rank); None of none."""
    return signals[math.ceil(len(signals) / 5) - 1] if signals else None
