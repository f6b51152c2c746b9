"""Signs that the school's own traffic was on the line beside a test, and of an idle line; pure."""

from agent.contract.causes import Evidence
from agent.contract.signs.seen import Seen, fact, held, towards

_LATER = "the same test after lessons, when nobody else is online"
_NO_CAMERAS = "the same test with the cameras switched off"


def counted(seen: Seen) -> tuple[Evidence, ...]:
    """Return that the router's own counters show the school's traffic on the line."""
    share = _router_share(seen)
    if share is None or seen.lan is None or share < seen.rules.line.busy_ratio.value:
        return ()
    return (held(seen.lan, "the school's traffic by the router's counters", share, seen.rules.line.busy_ratio, _LATER),)


def idle(seen: Seen) -> tuple[Evidence, ...]:
    """Return that the router's own counters show an idle line; not where this computer itself was moving much then."""
    share = _router_share(seen)
    if share is None or seen.lan is None or share >= seen.rules.line.busy_ratio.value or _own(seen):
        return ()
    return (held(seen.lan, "the school's traffic by the router's counters", share, seen.rules.line.busy_ratio),)


def suspected(seen: Seen, quickest_ms: float | None) -> tuple[Evidence, ...]:
    """Return what looks like somebody else on the line: a queue before the test began, a restless rate.

    ``quickest_ms`` is the least idle round trip ever seen from this computer to the same server. The operator's other
    customers look the same; only the router's counters can tell.
    """
    test, rules = seen.throughput, seen.rules.line
    if test is None or idle(seen):
        return ()
    found = []
    now_ms = test.rtt_idle_ms
    if seen.latency is not None:
        quickest_ms = min(seen.latency.min_ms, quickest_ms if quickest_ms is not None else seen.latency.min_ms)
        now_ms = max(seen.latency.median_ms, now_ms or 0.0)
    near_ms = (test.gateway.idle_ms if test.gateway is not None else None) or 0.0
    if now_ms is not None and quickest_ms is not None:
        waits_ms = now_ms - quickest_ms - near_ms
        if waits_ms > rules.queue_ms.value and now_ms > rules.queue_ratio.value * quickest_ms:
            found.append(held(test, "waiting on the line before the test began", waits_ms, rules.queue_ms, _LATER))
    if "shared_line" in test.suspected:
        found.append(fact(test, "test marked shared_line", 1, "mark", _LATER))
    return (*found, *_own(seen), *_cameras(seen))


def _own(seen: Seen) -> tuple[Evidence, ...]:
    """Return that this computer itself was moving much shortly before the test."""
    link, limit = seen.link, seen.rules.line.busy_ratio
    if link is None or link.medium == "loopback":
        return ()
    used = ((link.download_bps, seen.contract.download_bps), (link.upload_bps, seen.contract.upload_bps))
    share = max((moved / promised for moved, promised in used if moved and promised), default=0.0)
    if share < limit.value:
        return ()
    return (held(link, "this computer's own traffic before the test", share, limit, "the test with it stopped"),)


def _cameras(seen: Seen) -> tuple[Evidence, ...]:
    """Return that the registered cameras may send what the upload lacks; nobody counted whether they do."""
    services = seen.services
    sent_bps = services.cameras_upload_bps if services is not None else None
    promised_bps = seen.contract.upload_bps
    if services is None or not sent_bps or not promised_bps:
        return ()
    level_bps = seen.rules.line.delivers_ratio.value * promised_bps
    if not any(name == "upload" and one.ip_bps < level_bps for name, one, _ in seen.directions):
        return ()
    share, limit = sent_bps / promised_bps, seen.rules.line.busy_ratio
    if share < limit.value:
        return ()
    return (towards("upload", held(services, "what the school's cameras may send", share, limit, _NO_CAMERAS)),)


def _router_share(seen: Seen) -> float | None:
    """Return how much of what is promised other traffic took, in the fuller direction."""
    router = seen.lan.router if seen.lan is not None else None
    if router is None or not router.counts:
        return None
    shares = [
        used / promised
        for used, promised in (
            (router.download_bps, seen.contract.download_bps),
            (router.upload_bps, seen.contract.upload_bps),
        )
        if used is not None and promised
    ]
    return max(shares, default=None)
