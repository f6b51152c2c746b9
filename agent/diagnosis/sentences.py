"""The one sentence of each cause for whoever sits at this computer: what it is, and what to do."""

from msgspec import Struct

from agent.contract.causes import Cause, Contract, DirectionWord, Evidence
from agent.contract.failure import Failure
from agent.contract.line import Line
from agent.contract.values import Medium
from agent.diagnosis.finding import ADVICE, mbit

_NAMES: dict[Cause, str] = {
    "HOST": "this computer itself",
    "LAN_WIRED": "the cables and switches",
    "WIFI_COVERAGE": "the reach of the Wi-Fi",
    "WIFI_INTERFERENCE": "the crowded air of the Wi-Fi",
    "WIFI_CONFIG": "the settings of the Wi-Fi",
    "LINE_SATURATED": "the school's own traffic",
    "LOWER_PLAN": "the plan of the line",
    "ISP_LINE": "the operator's line",
}
_PLAIN: dict[Cause, str] = {
    "LAN_WIRED": "The cable, port or switch between this computer and the router is what slows it down, not the "
    "operator's line: try another cable (Cat 5e or better) and another port, then the switch.",
    "WIFI_COVERAGE": "The Wi-Fi signal is too weak where this computer stands: move it closer to an access point, or "
    "have one put in this room.",
    "WIFI_INTERFERENCE": "The Wi-Fi reaches this computer, but the air is crowded or disturbed: use the 5 GHz band, "
    "another channel or a cable, and put fewer devices on one access point.",
    "WIFI_CONFIG": "The Wi-Fi signal is good, but its settings hold this computer back: use the 5 GHz band, and let "
    "whoever looks after the access points check their band, channel width and cable.",
}
_OF_A_MARK = {
    "vpn": "A VPN carried the test: switch it off and measure again.",
    "proxy": "A proxy carried the test: let this computer reach the test server directly.",
    "sleep": "This computer slept during the test: keep it awake and measure again.",
    "network_changed": "This computer changed its network during the test: keep to one cable or Wi-Fi.",
    "cross_traffic": "This computer was using the network itself: stop updates, cloud copies and video, and measure "
    "again.",
}


class Words(Struct, frozen=True, kw_only=True):
    """What the sentences need to know."""

    contract: Contract
    medium: Medium | None
    line: Line
    too_small: tuple[tuple[DirectionWord, float], ...]
    also: tuple[Cause, ...]
    missing: tuple[str, ...]
    failure: Failure | None
    evidence: tuple[Evidence, ...]


def sentence(cause: Cause, words: Words) -> str:
    """Return the sentence of a cause."""
    if cause in _PLAIN:
        return _PLAIN[cause]
    made = {
        "HOST": _host,
        "HEALTHY": _healthy,
        "MIXED": _mixed,
        "LINE_SATURATED": _full,
        "LOWER_PLAN": _plan,
        "ISP_LINE": _slow_line,
        "INSUFFICIENT": _insufficient,
    }
    return made[cause](words)


def _healthy(words: Words) -> str:
    return f"Nothing is the matter: this computer gets what {_promise(words.contract)}."


def _mixed(words: Words) -> str:
    return (
        f"More than one thing is slow here: {' and '.join(_NAMES[one] for one in words.also)}. Mend what is inside the "
        "school first, then measure again."
    )


def _promise(contract: Contract) -> str:
    return "the contract promises" if contract.agreed else "the school needs"


def _host(words: Words) -> str:
    marks = {one.mark for one in words.evidence}
    for mark, advice in _OF_A_MARK.items():
        if mark in marks:
            return advice
    return (
        "This computer was too slow for the test, so it says nothing about the network: close other programs, or "
        "measure on a faster computer."
    )


def _plan(words: Words) -> str:
    line = words.line
    if line.plan_bps is None or line.plan_way is None:
        speeds = " and ".join(f"{mbit(promised)} Mbit/s {name}" for name, promised in words.too_small)
        return (
            f"The line does what its contract of {speeds} promises, and that is less than the school needs: order a "
            "larger plan."
        )
    gives = "always gives" if line.is_firm else "gave in every test so far"
    cameras = (
        "" if line.is_firm or line.plan_way == "download" else " (or as one whose rest is used by cameras all day)"
    )
    return (
        f"The line {gives} {mbit(line.plan_bps)} Mbit/s {line.plan_way}, as a smaller plan than "
        f"{_promise(words.contract)} would{cameras}: compare the bill with the contract before complaining about the "
        "line."
    )


def _full(words: Words) -> str:
    if words.line.is_firm:
        return (
            "The school's line is full of other traffic: see who is downloading, stop updates in lessons, or order a "
            "larger plan. Nobody is at fault."
        )
    return (
        "Other traffic of the school may fill the line, but nobody counted it: see who is downloading and what cameras "
        "send, stop updates in lessons, and measure again when nobody else is online."
    )


def _slow_line(words: Words) -> str:
    line = words.line
    when = "at some hours, " if line.is_at_times else ""
    return (
        f"The operator's line is slower than the contract promises: {when}in {line.tests} of {line.heard} tests by "
        f"cable on {line.days} day{'' if line.days == 1 else 's'}, with nothing else in the way. Show this to the "
        "operator."
    )


def _insufficient(words: Words) -> str:
    if words.failure is not None and not words.evidence:
        return f"There is no speed to judge. {ADVICE[words.failure]}"
    if words.medium == "wifi" and words.evidence:
        return (
            "This computer is slow over Wi-Fi and nothing shows why: plug it into the router with a cable and "
            "measure again before blaming the line."
        )
    wanted = "; ".join(words.missing)
    if wanted and words.evidence and words.medium == "ethernet" and not words.line.heard:
        return f"This cable or the operator's line may be slow, and nothing tells which. To be sure: {wanted}."
    if wanted and words.evidence and words.medium == "ethernet":
        return (
            "Nothing at this computer explains the slow result, so the operator's line may be slow. To be sure: "
            f"{wanted}."
        )
    return (
        f"There is not enough to say what is slow. What is missing: {wanted}."
        if wanted
        else "There is not enough to say what is slow: measure again, by cable if you can."
    )
