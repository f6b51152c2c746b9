"""What one computer's session says about the target, and what to fix first. Pure: measurements in, sentences out.

It never blames the line for what this computer, its cable or its Wi-Fi explains.
"""

from collections.abc import Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from agent.contract import standards
from agent.contract.failure import Failure
from agent.contract.measurement import Direction, Failed, Latency, Link, Measurement, Skipped, Throughput
from agent.contract.signs import LIMITED_ELSEWHERE, wiring
from agent.contract.standards import Interval, Outcome, Target, Verdict

MBIT = 1e6
SLOW_ETHERNET_BPS = 100e6
NEAR_LINK_SPEED = 0.7  # a cable or card this full is what limits the test
NOTABLE_TRAFFIC_BPS = 1e6
NOTABLE_LOSS = 0.02
NOTABLE_DELAY_MS = 150.0  # one way and back; beyond it talking over each other begins (ITU-T G.114, 2003)
_NO_SPEED_TESTS = frozenset({"link", "latency"})  # the other probe of a session is its engine, whichever it is
_Kind = TypeVar("_Kind")

ADVICE: dict[Failure, str] = {
    "no_server": "No test server is known: enrol this computer, or name a server with --server.",
    "dns_failed": "The server's name could not be found: check that this computer is online and its DNS server works.",
    "connect_refused": "The test server's machine answers, but no test runs there: tell whoever runs the server.",
    "connect_timeout": "The test server did not answer: check the cable or Wi-Fi, then the firewall or filter.",
    "unreachable": "There is no way to the test server: check the cable or Wi-Fi and the router.",
    "tls_certificate": "The server's certificate is not trusted: check this computer's date and time; a filter that "
    "reads encrypted traffic does this too.",
    "tls_failed": "No encrypted connection came about: a firewall or filter may stand in between.",
    "redirected": "The test server sent us to another address: check the address with whoever runs the server.",
    "captive_portal": "A login page answered in the server's place: log in to the network with a browser first, then "
    "run this again.",
    "intercepted": "A filter or proxy answers in the test server's place: ask whoever runs it to let this server "
    "through.",
    "refused_by_server": "The test server does not let this computer in: tell whoever runs the server.",
    "busy": "The test server is busy: run this again in a few minutes.",
    "http_status": "The test server answered unexpectedly: check its address.",
    "protocol_error": "What answers is no netready test server: check the address; a proxy may stand in between.",
    "connection_reset": "The connection was cut in the middle: a filter, or a line that drops out. Run this again.",
    "closed_early": "The test server ended the test early: run this again.",
    "stalled": "The connection stood, but no more data came: the line drops out or is overloaded. Run this again.",
    "no_answer": "No echo came back: no test server runs there, or a firewall blocks UDP to it; ask for it to be "
    "allowed.",
    "deadline": "The time was over before there was a result: the line is very slow or drops out. Run this again.",
    "permission_denied": "This computer does not allow the test: run it as administrator, or check its firewall.",
    "host_error": "This computer itself had trouble: close other programs and run this again.",
}


class Finding(Struct, frozen=True, kw_only=True):
    """The verdict with its reason in words, and what to fix, the most important first."""

    verdict: Verdict
    reason: str
    fixes: tuple[str, ...]


def find(measurements: Sequence[Measurement], target: Target) -> Finding:
    """Judge a session against the target and say what to fix."""
    throughput = _first(measurements, Throughput)
    link = _first(measurements, Link)
    download = _rate(throughput, throughput.download, link) if throughput else None
    upload = _rate(throughput, throughput.upload, link) if throughput else None
    verdict = standards.judge(download, upload, target)
    return Finding(
        verdict=verdict,
        reason=_reason(verdict, download, upload, target, _failure_of_the_speed_test(measurements)),
        fixes=tuple(_fixes(measurements, throughput, link, target, verdict)),
    )


def mbit(bps: float) -> str:
    """Return a rate for people: 18.4, 20, 0.93, 250."""
    value = bps / MBIT
    if value >= 100:
        return f"{value:.0f}"
    return (f"{value:.1f}" if value >= 1 else f"{value:.2f}").rstrip("0").rstrip(".") or "0"


def _rate(throughput: Throughput, direction: Direction | None, link: Link | None) -> Interval | None:
    """Return what a direction proves about the line.

    Where something else was the limit (this computer, its link, the server, a VPN) the line may be faster; where this
    computer's other traffic shared the line, that much must be allowed for.
    """
    if direction is None:
        return None
    rate = standards.interval_of(direction)
    slow_link = link is not None and _is_limit(link, direction.ip_bps)
    if LIMITED_ELSEWHERE.intersection(throughput.tainted) or slow_link:
        return msgspec.structs.replace(rate, high_bps=None)
    if rate.high_bps is not None and direction.cross_traffic_bps:
        return msgspec.structs.replace(rate, high_bps=rate.high_bps + direction.cross_traffic_bps)
    return rate


def _is_limit(link: Link, rate_bps: float) -> bool:
    """Tell whether a wired link is so full that it, not the line, is what was measured."""
    return link.medium == "ethernet" and bool(link.speed_bps) and rate_bps >= NEAR_LINK_SPEED * (link.speed_bps or 0)


def _reason(
    verdict: Verdict, download: Interval | None, upload: Interval | None, target: Target, failed: Failed | None
) -> str:
    wanted = target.download_bps or target.download_floor_bps
    parts = [
        _sentence("download", download, verdict.download, wanted, target.tolerance),
        _sentence("upload", upload, verdict.upload, target.upload_bps, target.tolerance),
    ]
    if download is None and upload is None and failed is not None:
        parts = [f"no speed could be measured ({failed.failure.replace('_', ' ')})"]
    if target.download_bps is None and verdict.outcome == "UNDECIDED" and download is not None:
        parts.append("how much this school needs depends on its number of pupils: give --pupils")
    return "; ".join(parts)


def _sentence(name: str, rate: Interval | None, outcome: Outcome | None, target_bps: float, tolerance: float) -> str:
    if rate is None or outcome is None:
        return f"{name} was not measured"
    level = standards.decision_level(target_bps, tolerance)
    if rate.low_bps == 0 and rate.high_bps is None:
        return f"{name} {mbit(rate.value_bps)} Mbit/s comes from too short a test to prove anything"
    at_least = "at least " if rate.high_bps is None else ""
    shown_bps = rate.value_bps if rate.high_bps is not None else rate.low_bps
    words = {"PASS": "reaches", "FAIL": "is below", "UNDECIDED": "is too close to call for"}
    if outcome == "UNDECIDED" and rate.high_bps is None:
        words["UNDECIDED"] = "(the line may be faster than this test could show) proves nothing about"
    if outcome == "UNDECIDED" and rate.low_bps >= level:
        words["UNDECIDED"] = "reaches at least"
    allowed = f" less {tolerance:.0%} tolerance" if outcome == "PASS" and shown_bps < target_bps else ""
    needed = f"the {mbit(target_bps)} Mbit/s needed{allowed}"
    return f"{name} {at_least}{mbit(shown_bps)} Mbit/s {words[outcome]} {needed}"


def _fixes(
    measurements: Sequence[Measurement],
    throughput: Throughput | None,
    link: Link | None,
    target: Target,
    verdict: Verdict,
) -> list[str]:
    fixes = _unmeasured(measurements)
    here = _here(throughput, link, verdict.outcome, target)
    fixes += here
    latency = _first(measurements, Latency)
    if latency is not None:
        fixes += _delay(latency)
    if verdict.outcome == "FAIL" and not here:
        fixes.append(
            "Nothing on this computer explains it. Run this again when nobody else is online; if it stays so, "
            "the line is too slow: show this to the operator."
        )
    return fixes


def _unmeasured(measurements: Sequence[Measurement]) -> list[str]:
    """Return why probes saw nothing; what several have in common is said once."""
    failed: dict[Failure, list[str]] = {}
    for seen in measurements:
        if isinstance(seen, Failed):
            failed.setdefault(seen.failure, []).append(seen.probe)
    fixes = [f"{', '.join(names)}: {ADVICE[failure]}" for failure, names in failed.items()]
    skipped = [seen for seen in measurements if isinstance(seen, Skipped)]
    return fixes + [f"{seen.probe} could not run on this computer: {seen.reason}" for seen in skipped]


def _here(throughput: Throughput | None, link: Link | None, outcome: Outcome, target: Target) -> list[str]:
    """Return what this computer, its cable or its Wi-Fi explains."""
    fixes = []
    tainted = frozenset(throughput.tainted if throughput else ())
    if link is not None:
        fixes += _about_link(link, throughput, outcome, target)
    elif "link_limited" in tainted:
        fixes.append("This computer's network link was the limit, not the line: use a faster cable or port.")
    if "host_limited" in tainted:
        fixes.append("This computer was too slow for the test: close other programs, or measure on a faster one.")
    if "vpn" in tainted:
        fixes.append("A VPN carried the test: switch it off and run this again, to measure the line itself.")
    if "proxy" in tainted:
        fixes.append("A proxy carried the test: let this computer reach the test server directly and run this again.")
    if "sleep" in tainted:
        fixes.append("This computer slept during the test: keep it awake and run this again.")
    if "network_changed" in tainted:
        fixes.append(
            "This computer changed its network during the test: keep to one cable or Wi-Fi and run this again."
        )
    if "server_limited" in tainted:
        fixes.append("The test server was the limit, not the line: run this again, or against another server.")
    if "cross_traffic" in tainted or _own_traffic(throughput, link):
        fixes.append(
            "This computer was using the network itself during the test: stop updates, cloud sync and video, "
            "then run this again."
        )
    return fixes


def _about_link(link: Link, throughput: Throughput | None, outcome: Outcome, target: Target) -> list[str]:
    fixes = []
    needed = max(target.download_bps or target.download_floor_bps, target.upload_bps)
    is_hidden = link.medium == "ethernet" and link.speed_bps is None and throughput is not None
    if is_hidden and outcome == "FAIL" and wiring.least_link_bps(_directions(throughput)) < needed:
        fixes.append(
            "This computer does not tell the speed of its cable, which may be what limits the test: run this on "
            "another computer by cable before blaming the line."
        )
    if link.medium == "loopback":
        fixes.append("The test server is this computer itself: this says nothing about the line.")
    if link.medium == "wifi" and outcome != "PASS":
        fixes.append(
            "This was measured over Wi-Fi, which may be what limits it: plug this computer into the router with a "
            "cable and run this again before blaming the line."
        )
    if link.medium == "ethernet" and link.speed_bps and link.speed_bps <= SLOW_ETHERNET_BPS:
        # A rate that the sender's pace bound says nothing of what the link can carry.
        measured = max((one.ip_bps for one in _directions(throughput) if not one.is_lower_bound), default=0.0)
        if _is_limit(link, measured) or link.speed_bps < needed:
            fixes.append(
                f"The cable link of this computer runs at {mbit(link.speed_bps)} Mbit/s only, and that limits the "
                "test, not the line: use a Cat 5e cable with all eight wires and a gigabit port."
            )
    if link.duplex == "half":
        fixes.append("The cable link runs at half duplex, which costs speed: set both ends to automatic.")
    return fixes


def _own_traffic(throughput: Throughput | None, link: Link | None) -> bool:
    if link is not None and link.medium == "loopback":
        return False  # what programs say to each other inside this computer takes nothing from the line
    before = [(link.download_bps or 0.0), (link.upload_bps or 0.0)] if link else []
    during = [one.cross_traffic_bps or 0.0 for one in _directions(throughput)]
    return any(rate >= NOTABLE_TRAFFIC_BPS for rate in (*before, *during))


def _delay(latency: Latency) -> list[str]:
    fixes = []
    if latency.loss_ratio >= NOTABLE_LOSS:
        fixes.append(
            f"{latency.loss_ratio:.0%} of the packets were lost: video lessons will stutter. "
            "Check cables and Wi-Fi first; if a cabled computer loses them too, tell the operator."
        )
    if latency.median_ms >= NOTABLE_DELAY_MS:
        fixes.append(
            f"Answers take {latency.median_ms:.0f} ms: talking in video lessons is hard (satellite lines do this)."
        )
    return fixes


def _directions(throughput: Throughput | None) -> list[Direction]:
    both = (throughput.download, throughput.upload) if throughput else ()
    return [one for one in both if one is not None]


def _failure_of_the_speed_test(measurements: Sequence[Measurement]) -> Failed | None:
    failed = (one for one in measurements if isinstance(one, Failed))
    return next((one for one in failed if one.probe not in _NO_SPEED_TESTS), None)


def _first(measurements: Sequence[Measurement], kind: type[_Kind]) -> _Kind | None:
    return next((one for one in measurements if isinstance(one, kind)), None)
