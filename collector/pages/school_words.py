"""What a school's pages say of words that measurements and judgements use: causes, failures, links, next steps."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from agent.contract.causes import Cause, Confidence, Evidence
from agent.contract.failure import Failure
from collector.diagnosis import words
from collector.diagnosis.sentences import NAMES as CAUSES
from collector.pages.asking import speech
from collector.pages.rendering import mbit
from collector.readiness import Readiness
from collector.store.schools import SchoolRecord
from collector.words import Sentence, mark, say

__all__ = (
    "ANSWERS",
    "CAUSES",
    "CONFIDENCE",
    "FAILURES",
    "GRADES",
    "MEDIA",
    "PURPOSES",
    "STOPS",
    "TAINTS",
    "WHO",
    "Step",
    "figure",
    "is_contract_too_small",
    "next_step",
)

Who = Literal["operator", "school", "office", "nobody"]
ANSWERS: Mapping[bool | None, str] = {
    True: mark("PASS"),
    False: mark("FAIL"),
    None: mark("NOT ENOUGH DATA"),
}
CONFIDENCE: dict[Confidence, str] = {
    "high": mark("high confidence"),
    "medium": mark("medium confidence"),
    "low": mark("low confidence"),
}
MEDIA: dict[str, str] = {
    "ethernet": mark("cable"),
    "wifi": mark("Wi-Fi"),
    "cellular": mark("mobile network"),
    "loopback": mark("inside the computer"),
    "virtual": mark("virtual link"),
    "unknown": mark("not told"),
}
STOPS: dict[str, str] = {
    "verdict": mark("the answer was clear"),
    "converged": mark("the speed was steady"),
    "time": mark("its time was over"),
    "bytes": mark("its data were used up"),
}
TAINTS: dict[str, str] = {
    "cross_traffic": mark("others used the line"),
    "host_limited": mark("the computer was too slow"),
    "link_limited": mark("the computer's link was too slow"),
    "server_limited": mark("the test server was too slow"),
    "shared_line": mark("the line was shared"),
    "sleep": mark("the computer slept"),
    "network_changed": mark("the computer changed its network"),
    "vpn": mark("through a VPN"),
    "proxy": mark("through a proxy"),
}
PURPOSES: dict[str, str] = {"capacity": mark("how fast it can be"), "verdict": mark("whether it is enough")}
GRADES: dict[str, str] = {
    "good": mark("good"),
    "weak": mark("weak"),
    "none": mark("no reception"),
}
FAILURES: dict[Failure, str] = {
    "no_server": mark("no test server was named"),
    "dns_failed": mark("the name could not be found"),
    "connect_refused": mark("the server refused the connection"),
    "connect_timeout": mark("the server did not answer"),
    "unreachable": mark("there was no way to the server"),
    "tls_certificate": mark("the certificate is wrong or expired"),
    "tls_failed": mark("the secure connection failed"),
    "redirected": mark("the server sent elsewhere"),
    "captive_portal": mark("a login page answered instead"),
    "intercepted": mark("something in between answered instead"),
    "refused_by_server": mark("the server did not allow it"),
    "busy": mark("the server was busy"),
    "http_status": mark("the server answered with an error"),
    "protocol_error": mark("the server speaks another protocol"),
    "connection_reset": mark("the connection was cut"),
    "closed_early": mark("the connection ended too early"),
    "stalled": mark("the data stopped coming"),
    "no_answer": mark("no echo came back"),
    "deadline": mark("it took too long"),
    "permission_denied": mark("the computer's system did not allow it"),
    "host_error": mark("the computer had trouble of its own"),
}
WHO: dict[Who, str] = {
    "operator": mark("The telecom operator's job"),
    "school": mark("The school's job"),
    "office": mark("The education office's job"),
    "nobody": mark("Nobody has to do anything"),
}


class Step(Struct, frozen=True):
    """What is to be done next, and whose job it is."""

    who: Who
    what: Sentence


_BY_CAUSE: dict[Cause, Step] = {
    "ISP_LINE": Step(
        "operator", say("Show the operator the verdicts with their evidence, and ask for the line's repair.")
    ),
    "LOWER_PLAN": Step("office", say("Compare the bill with the contract, and order a plan that carries the target.")),
    "LINE_SATURATED": Step(
        "school",
        say("Find out what fills the line, move updates to the night, and if that is not enough ask for more."),
    ),
    "LAN_WIRED": Step("school", say("Repair the school's own cables and switches, then measure again.")),
    "WIFI_COVERAGE": Step("school", say("Add access points where the signal is weak, then measure again.")),
    "WIFI_INTERFERENCE": Step("school", say("Move the Wi-Fi to 5 GHz and quiet channels, then measure again.")),
    "WIFI_CONFIG": Step("school", say("Have the settings and cables of the access points checked.")),
    "HOST": Step("school", say("Close other programs on the slow computers, or replace these computers.")),
    "MIXED": Step("school", say("Mend what is inside the school first, then measure again.")),
}


def next_step(judged: Readiness, cause: Cause) -> Step:
    """Return what is to be done next about a school, and by whom."""
    school = judged.school
    if judged.state == "not connected":
        return Step("office", say("Order a line for this school."))
    if not judged.tests:
        return Step(
            "school", say("Install the program on a computer with a cable and enrol it: it measures by itself.")
        )
    if school.pupils is None and judged.meets is not False:
        return Step("office", say("Enter the number of pupils in the registry: the target depends on it."))
    if judged.meets:
        known = _BY_CAUSE.get(cause)
        # It needs no larger plan; what is slow inside, or slower than was sold, is to be mended all the same.
        is_due = known is not None and known.who in ("school", "operator")
        return known if known and is_due else Step("nobody", say("The line carries lessons. Go on measuring."))
    if judged.meets is None:
        return Step(
            "school", say("Leave a computer with a cable switched on during lessons until there is enough data.")
        )
    return _of_failing(judged, school, cause)


def _of_failing(judged: Readiness, school: SchoolRecord, cause: Cause) -> Step:
    if cause in _BY_CAUSE:
        return _BY_CAUSE[cause]
    if is_contract_too_small(judged):
        return Step("office", say("Order a larger plan: the contract promises less than the school needs."))
    if school.download_contracted_bps is None:
        return Step(
            "office", say("Enter the contract's speeds in the registry, so that the line can be held against them.")
        )
    return Step("school", say("Measure with a computer on a cable near the router, to find out what is slow."))


def is_contract_too_small(judged: Readiness) -> bool:
    """Tell whether the contract itself promises less than the target."""
    school, target = judged.school, judged.target
    pairs = (
        (school.download_contracted_bps, target.download_bps or target.download_floor_bps),
        (school.upload_contracted_bps, target.upload_bps),
    )
    return any(promised is not None and promised < (1 - target.tolerance) * needed for promised, needed in pairs)


def figure(one: Evidence) -> Sentence:
    """Return a figure of the evidence with its unit and what it was held against."""
    if one.unit == "mark":
        return say("yes")
    if one.unit == "bit/s":
        value, limit = mbit(one.value), mbit(one.threshold)
        if one.threshold is None:
            return say("{rate} Mbit/s", rate=value)
        return say("{value} Mbit/s (held against {limit})", value=value, limit=limit)
    tongue = speech()
    unit = words.said(one.unit)
    value = tongue.number(one.value, 3)
    if one.threshold is None:
        return say("{value} {unit}", value=value, unit=unit)
    return say("{value} {unit} (held against {limit})", value=value, unit=unit, limit=tongue.number(one.threshold, 3))
