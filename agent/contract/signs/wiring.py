"""Signs of a bad cable, port or switch, and of a good one; pure."""

from collections.abc import Iterable

from agent.contract import standards
from agent.contract.causes import Evidence
from agent.contract.measurement import Direction, Link
from agent.contract.peer import Reached
from agent.contract.rules import Wired
from agent.contract.signs.seen import OTHER_SEGMENT, Seen, fact, held, marked, rate

_STEPS_BPS = (10e6, 100e6, 1e9, 2.5e9, 5e9, 10e9)  # IEEE 802.3: what a cable of copper agrees on
_OTHER_WITNESS = (
    "a test with a second computer on a cable that is faster than the line, or a computer whose link is told"
)
NARROW, HIDDEN = "narrow_link", "hidden_link_speed"
"""The marks of a link that is too slow to speak for a line, and of one that nobody knows the speed of."""


def wiring(seen: Seen) -> tuple[Evidence, ...]:
    """Return what shows the wiring to be at fault; a storm of broadcasts shows on Wi-Fi too."""
    found = list(storm(seen))
    if seen.link is not None and seen.is_cabled:
        found += _link(seen, seen.link)
    elif seen.throughput is not None and "link_limited" in seen.throughput.tainted and not seen.is_wifi:
        found.append(fact(seen.throughput, "test marked link_limited", 1, "mark", OTHER_SEGMENT))
    best = _best_peer(seen)
    if best is not None and seen.peer is not None and best[0] < _wide_enough_bps(seen):
        found.append(rate(seen.peer, "fastest computer inside", best[0], _wide_enough_bps(seen), OTHER_SEGMENT))
    return tuple(found)


def storm(seen: Seen) -> tuple[Evidence, ...]:
    """Return that broadcasts storm through the network, which a loop of cables does."""
    limit = seen.rules.wired.broadcasts_per_s
    for of in (seen.lan, seen.link):
        if of is not None and of.broadcasts_per_s is not None and of.broadcasts_per_s > limit.value:
            return (held(of, "broadcasts and multicasts", of.broadcasts_per_s, limit, "a quiet count a minute later"),)
    return ()


def good_path(seen: Seen) -> tuple[Evidence, ...]:
    """Return that another computer inside was reached faster than the line could ever be."""
    best = _best_peer(seen)
    if best is None or seen.peer is None or not seen.contract.is_known or best[0] < _wide_enough_bps(seen):
        return ()
    return (rate(seen.peer, "fastest computer inside", best[0], _wide_enough_bps(seen)),)


def too_narrow(seen: Seen) -> tuple[Evidence, ...]:
    """Return that the link is too slow to say anything about so fast a line, whether or not it was the limit."""
    link = seen.link
    if link is None or not seen.is_cabled or link.speed_bps is None or not seen.contract.is_known:
        return ()
    if link.speed_bps >= _wide_enough_bps(seen):
        return ()
    return (marked(NARROW, rate(link, "link of this computer", link.speed_bps, _wide_enough_bps(seen), OTHER_SEGMENT)),)


def untold(seen: Seen) -> tuple[Evidence, ...]:
    """Return that the system hides the speed of the cable and nothing else shows that it is wide enough.

    Another computer that was reached quickly over it does, or the test itself: what carries more than one step of
    Ethernet is of the next.
    """
    link = seen.link
    if link is None or not seen.is_cabled or link.speed_bps is not None or not seen.contract.is_known:
        return ()
    if good_path(seen) or least_link_bps(one for _, one, _ in seen.directions) >= _wide_enough_bps(seen):
        return ()
    return (marked(HIDDEN, fact(link, "speed of this computer's cable not told", 1, "mark", _OTHER_WITNESS)),)


def least_link_bps(directions: Iterable[Direction]) -> float:
    """Return the slowest Ethernet that can have carried what these tests prove."""
    carried_bps = max((standards.interval_of(one).low_bps for one in directions), default=0.0)
    return next((step for step in _STEPS_BPS if step >= carried_bps), carried_bps)


def error_ratio(errors: int | None, packets: int | None, rules: Wired) -> float | None:
    """Return the share of damaged packets where it is notable; None where it is not, or where nobody counted."""
    if errors is None or packets is None or errors < rules.least_errors.value:
        return None
    ratio = errors / (packets + errors)
    return ratio if ratio > rules.error_ratio.value else None


def _link(seen: Seen, link: Link) -> list[Evidence]:
    rules = seen.rules.wired
    found = []
    if link.duplex == "half":
        found.append(fact(link, "half duplex", 1, "mark", "full duplex on both ends of the cable"))
    # Of a null speed nothing is known; a speed of 0 is a cable without a link.
    if link.speed_bps is not None and 0 < link.speed_bps <= rules.slowest_link_bps.value:
        limit = rules.slowest_link_bps
        found.append(held(link, "link of this computer", link.speed_bps, limit, OTHER_SEGMENT))
    elif _is_full(seen, link):
        found.append(rate(link, "link of this computer, full in the test", link.speed_bps or 0.0, None, OTHER_SEGMENT))
    return found + _errors(link, rules)


def _is_full(seen: Seen, link: Link) -> bool:
    if seen.throughput is not None and "link_limited" in seen.throughput.tainted:
        return True
    limit_bps = seen.rules.wired.full_link_ratio.value * (link.speed_bps or 0.0)
    # A rate that the sender's pace bound says nothing of what the link can carry.
    return limit_bps > 0 and any(not one.is_lower_bound and one.ip_bps >= limit_bps for _, one, _ in seen.directions)


def _errors(link: Link, rules: Wired) -> list[Evidence]:
    ratio = error_ratio(link.errors, link.packets, rules)
    return [] if ratio is None else [held(link, "damaged packets", ratio, rules.error_ratio, OTHER_SEGMENT)]


def _wide_enough_bps(seen: Seen) -> float:
    return seen.rules.line.headroom_ratio.value * seen.contract.widest_bps


def _best_peer(seen: Seen) -> tuple[float, Reached] | None:
    """Return the fastest test between this computer and another, both on cables that could carry it."""
    tested = []
    for one in seen.peer.peers if seen.peer is not None and seen.is_cabled else ():
        rates = [bps for bps in (one.download_bps, one.upload_bps) if bps is not None]
        # A slow card at the other end is that computer's matter.
        is_narrow = one.link_bps_there is not None and one.link_bps_there < _wide_enough_bps(seen)
        if rates and one.medium_there == "ethernet" and one.medium_here in ("ethernet", None) and not is_narrow:
            tested.append((min(rates), one))
    return max(tested, key=lambda pair: pair[0], default=None)
