"""Signs that the computer itself, or a program on it, was what limited a test; pure."""

from agent.contract.causes import DirectionWord, Evidence
from agent.contract.signs.seen import Seen, fact, held, marked

_OF_THIS_COMPUTER = {
    "host_limited": "the test on a faster computer, or with other programs closed",
    "vpn": "the test with the VPN switched off",
    "proxy": "the test without the proxy",
    "sleep": "the test on a computer that is kept awake",
    "network_changed": "the test on one cable or Wi-Fi from beginning to end",
}


def host(seen: Seen) -> tuple[Evidence, ...]:
    """Return what shows that this computer was the limit: such a test says nothing about the network."""
    test = seen.throughput
    if test is None:
        return ()
    found = [
        marked(word, fact(test, f"test marked {word}", 1, "mark", overturned_by))
        for word, overturned_by in _OF_THIS_COMPUTER.items()
        if word in test.tainted
    ]
    limit = seen.rules.host.cpu_busy_ratio
    if test.cpu_busy_ratio is not None and test.cpu_busy_ratio > limit.value:
        found.append(held(test, "processor during the test", test.cpu_busy_ratio, limit, "an idle processor"))
    share = max((_own_share(seen, name) for name, _, _ in seen.directions), default=0.0)
    if share > seen.rules.host.own_traffic_ratio.value:
        stopped = "the test with updates, cloud copies and video stopped"
        own = held(test, "this computer's other traffic", share, seen.rules.host.own_traffic_ratio, stopped)
        found.append(marked("cross_traffic", own))
    return tuple(found)


def doubts(seen: Seen) -> tuple[Evidence, ...]:
    """Return what makes a test too weak a witness against a line without being anybody's fault."""
    test = seen.throughput
    if test is None:
        return ()
    # Taints of later versions that are not known here are doubts too.
    known = {*_OF_THIS_COMPUTER, "link_limited"}
    return tuple(
        marked(word, fact(test, f"test marked {word}", 1, "mark")) for word in test.tainted if word not in known
    )


def _own_share(seen: Seen, name: DirectionWord) -> float:
    for way, one, _ in seen.directions:
        cross_bps = one.cross_traffic_bps or 0.0
        if way == name and cross_bps > 0:
            return cross_bps / (one.ip_bps + cross_bps)
    return 0.0
