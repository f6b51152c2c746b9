"""What spoiled a test, as words: from what was seen beside it; pure.

``tainted`` words rest on something seen; ``suspected`` ones on signs that have other explanations too.
"""

from msgspec import Struct

from agent.contract.measurement import Direction
from agent.host import path
from agent.meter.echo import Echoes

# A tenth of the line spoils a test (FCC 19-104 lets a test be put off from there on); the counters are not that exact.
_NOTABLE_SHARE = 0.07
_RESTLESS = 0.06  # half-width of the interval over the rate, on a line that nothing of this computer shared
_QUEUED_MS, _QUEUED_SHARE = 10.0, 1.5


class Seen(Struct, frozen=True, kw_only=True):
    """What was seen beside one direction; a reason where it applied, None where it did not or is not known."""

    direction: Direction
    host_limited: str | None = None
    link_limited: str | None = None
    server_limited: bool = False
    standstill_s: float = 0.0


class Around(Struct, frozen=True, kw_only=True):
    """What was seen of the way to the server and of the idle line; ``handshakes_ms`` are each direction's first."""

    vpn: bool | None = None
    handshakes_ms: tuple[float, ...] = ()
    idle: Echoes | None = None
    network_changed: bool = False


def is_cross_traffic(direction: Direction) -> bool:
    """Tell whether this computer's other traffic took a notable part of the line."""
    cross_bps = direction.cross_traffic_bps or 0.0
    return cross_bps >= _NOTABLE_SHARE * (direction.ip_bps + cross_bps)


def tainted(around: Around, directions: list[Seen]) -> tuple[str, ...]:
    """Return the words for what spoiled the test, in the contract's order."""
    signs = {
        "cross_traffic": any(is_cross_traffic(one.direction) for one in directions),
        "host_limited": any(one.host_limited is not None for one in directions),
        "link_limited": any(one.link_limited is not None for one in directions),
        "server_limited": any(one.server_limited for one in directions),
        "vpn": around.vpn is True,
        "proxy": _is_proxy(around),
        "sleep": any(one.standstill_s > 0 for one in directions),
        "network_changed": around.network_changed,
    }
    return tuple(word for word, applies in signs.items() if applies)


def suspected(around: Around, directions: list[Seen]) -> tuple[str, ...]:
    """Return the words for what may have spoiled it: other computers are not seen, only that somebody is there."""
    restless = any(_is_restless(one.direction) and not is_cross_traffic(one.direction) for one in directions)
    return ("shared_line",) if restless or _is_queued(around.idle) else ()


def _is_proxy(around: Around) -> bool:
    """Tell whether something nearer than the server answered every handshake.

    On a line that others fill, most echoes wait in the queue, and a lucky handshake does not: so the slowest handshake
    is held against the quickest echo, and echoes that differ as much among themselves as from it prove nothing.
    """
    if not around.handshakes_ms or around.idle is None or not around.idle.rtts_s:
        return False
    slowest_ms, quickest_ms = max(around.handshakes_ms), min(around.idle.rtts_s) * 1000
    is_steady = max(around.idle.rtts_s) * 1000 - quickest_ms < quickest_ms - slowest_ms
    return is_steady and path.proxy(slowest_ms, quickest_ms) is not None


def _is_restless(direction: Direction) -> bool:
    low, high = direction.ip_low_bps, direction.ip_high_bps
    return low is not None and high is not None and (high - low) / 2 > _RESTLESS * direction.ip_bps


def _is_queued(idle: Echoes | None) -> bool:
    """Tell whether echoes of the idle line waited in a queue: the middle one far above the quickest."""
    median_ms = _median_ms(idle)
    if idle is None or median_ms is None:
        return False
    least_ms = min(idle.rtts_s) * 1000
    return median_ms > _QUEUED_SHARE * least_ms and median_ms - least_ms > _QUEUED_MS


def _median_ms(idle: Echoes | None) -> float | None:
    if idle is None or not idle.rtts_s:
        return None
    return sorted(idle.rtts_s)[len(idle.rtts_s) // 2] * 1000
