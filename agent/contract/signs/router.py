"""How the way to the router held up, idle and beside a test: what is slow or lossy there is inside; pure."""

from msgspec import Struct

from agent.contract.causes import DirectionWord, Evidence
from agent.contract.measurement import GatewayEchoes, Throughput
from agent.contract.rules import Threshold
from agent.contract.signs.seen import Seen, fact, held, towards
from agent.contract.values import Measured

_LEAST_ECHOES = 10
_LEAST_LOST, _MANY_LOST = 2, 5  # one lost echo of a hundred is chance; so many are none even where nothing was slow
_MEDIAN_SHARE = 0.4  # of the limit for the 95th percentile: a few late echoes alone are this computer's scheduling
_OVERTURNED = "quick answers of the router while the line is full"


class Way(Struct, frozen=True):
    """What is bad on the way to the router, and what shows it to be good."""

    bad: tuple[Evidence, ...]
    good: tuple[Evidence, ...]


def way(seen: Seen) -> Way:
    """Judge the way to the router by the limits of its medium."""
    loaded, idle = _loaded(seen), _idle(seen)
    good = () if loaded or idle else _clean(seen)
    return Way((*loaded, *idle), good)


def beyond(seen: Seen) -> tuple[Evidence, ...]:
    """Return by how much round trips rose beyond the router under load, where it answered and they did."""
    test = seen.throughput
    if test is None or test.gateway is None or test.rtt_idle_ms is None:
        return ()
    found = []
    both: tuple[tuple[DirectionWord, float | None, float | None], ...] = (
        ("download", test.rtt_download_ms, test.gateway.download_ms),
        ("upload", test.rtt_upload_ms, test.gateway.upload_ms),
    )
    for name, far, near in both:
        if far is None or near is None:
            continue
        rise = (far - test.rtt_idle_ms) - (near - (test.gateway.idle_ms or 0.0))
        if rise > max(seen.rules.line.queue_ms.value, near):
            limit = seen.rules.line.queue_ms
            found.append(towards(name, held(test, f"rise of round trips beyond the router, {name}", rise, limit)))
    return tuple(found)


def _limits(seen: Seen) -> tuple[Threshold, Threshold]:
    rules = seen.rules.wifi if seen.is_wifi else seen.rules.wired
    return rules.router_p95_ms, rules.router_loss_ratio


def _loaded(seen: Seen) -> tuple[Evidence, ...]:
    test = seen.throughput
    if test is None or test.gateway is None or test.gateway.received < _LEAST_ECHOES:
        return ()
    echoes, (late, _) = test.gateway, _limits(seen)
    found = [
        held(test, f"round trip to the router, {name}, 95 % within", p95, late, _OVERTURNED)
        for name, median, p95 in _times(echoes)
        if median is not None and p95 is not None and p95 > late.value and median > _MEDIAN_SHARE * late.value
    ]
    return (*found, *_lost_loaded(seen, test, echoes))


def _lost_loaded(seen: Seen, test: Throughput, echoes: GatewayEchoes) -> tuple[Evidence, ...]:
    ratio, limit = _loss(echoes.sent, echoes.received), _limits(seen)[1]
    # Where more comes back from beyond the router than from itself, it only answers echoes sparingly.
    is_real = test.loss_ratio is None or test.loss_ratio > ratio / 2
    if ratio <= limit.value or not is_real:
        return ()
    return (held(test, "echoes lost on the way to the router", ratio, limit, _OVERTURNED),)


def lossy(seen: Seen) -> tuple[Evidence, ...]:
    """Return that so much was lost beside a test that it is no chance, whatever the speed was."""
    test = seen.throughput
    if test is None or test.gateway is None or test.gateway.received < _LEAST_ECHOES:
        return ()
    is_no_chance = test.gateway.sent - test.gateway.received >= _MANY_LOST
    return _lost_loaded(seen, test, test.gateway) if is_no_chance else ()


def _times(echoes: GatewayEchoes) -> tuple[tuple[str, float | None, float | None], ...]:
    return (
        ("before the test", echoes.idle_ms, echoes.idle_p95_ms),
        ("while downloading", echoes.download_ms, echoes.download_p95_ms),
        ("while uploading", echoes.upload_ms, echoes.upload_p95_ms),
    )


def _idle(seen: Seen) -> tuple[Evidence, ...]:
    lan = seen.lan
    if lan is None or lan.gateway_echoes is None or lan.gateway_echoes.received < _LEAST_ECHOES:
        return ()
    echoes, (late, lost) = lan.gateway_echoes, _limits(seen)
    found = []
    median, p95 = echoes.median_ms, echoes.p95_ms
    if median is not None and p95 is not None and p95 > late.value and median > _MEDIAN_SHARE * late.value:
        found.append(held(lan, "round trip to the router, idle, 95 % within", p95, late, _OVERTURNED))
    ratio = _loss(echoes.sent, echoes.received)
    beyond_it = lan.second_hop_echoes
    passes = beyond_it is not None and beyond_it.received > 0 and _loss(beyond_it.sent, beyond_it.received) < ratio / 2
    if ratio > lost.value and not passes:
        found.append(held(lan, "echoes lost on the idle way to the router", ratio, lost, _OVERTURNED))
    return tuple(found)


def _loss(sent: int, received: int) -> float:
    lost = sent - received
    return lost / sent if lost >= _LEAST_LOST and received > 0 else 0.0


def _clean(seen: Seen) -> tuple[Evidence, ...]:
    """Return the figures that show a clean way: only echoes under load can, an idle way proves little.

    Each direction stands on its own echoes: where one that came out slow has none, nothing shows its way to be clean.
    """
    test = seen.throughput
    if test is None or test.gateway is None or test.gateway.received < _LEAST_ECHOES:
        return ()
    loaded: tuple[tuple[DirectionWord, float | None, float | None], ...] = (
        ("download", test.gateway.download_ms, test.gateway.download_p95_ms),
        ("upload", test.gateway.upload_ms, test.gateway.upload_p95_ms),
    )
    if not set(_slow(seen)) <= {name for name, median, _p95 in loaded if median is not None}:
        return ()
    return tuple(
        towards(name, _clean_figure(test, name, median if p95 is None else p95, _limits(seen)[0]))
        for name, median, p95 in loaded
        if median is not None
    )


def _slow(seen: Seen) -> tuple[DirectionWord, ...]:
    """Return the directions that did not come out as promised: about those it matters where the fault is."""
    share = seen.rules.line.delivers_ratio.value
    return tuple(name for name, one, promised in seen.directions if promised and one.ip_bps < share * promised)


def _clean_figure(test: Measured, name: DirectionWord, worst_ms: float, limit: Threshold) -> Evidence:
    figure = f"round trip to the router under load, {name}, 95 % within"
    if worst_ms > limit.value:  # late ones were too few to be the way's fault
        return fact(test, figure, worst_ms, "ms")
    return held(test, figure, worst_ms, limit)
