"""The one sentence of each cause for a school: what it is, how many computers, and what to do."""

from agent.contract.causes import Cause, Contract, DirectionWord
from agent.contract.line import Line
from collector.words import Sentence, counted, mark, say

NAMES: dict[Cause, str] = {
    "HOST": mark("the computers themselves"),
    "LAN_WIRED": mark("cables and switches"),
    "WIFI_COVERAGE": mark("the reach of the Wi-Fi"),
    "WIFI_INTERFERENCE": mark("the crowded air of the Wi-Fi"),
    "WIFI_CONFIG": mark("the settings of the Wi-Fi"),
    "LINE_SATURATED": mark("the school's own traffic"),
    "LOWER_PLAN": mark("the plan of the line"),
    "ISP_LINE": mark("the operator's line"),
    "MIXED": mark("several causes at once"),
    "HEALTHY": mark("nothing is the matter"),
    "INSUFFICIENT": mark("not known yet"),
}
_INSIDE: dict[Cause, str] = {
    "HOST": mark(
        "{failing} of {measured} measured computers are too slow or too busy themselves: close other programs on them,"
        " or replace them."
    ),
    "LAN_WIRED": mark(
        "{failing} of {measured} measured computers are held back by their cable, port or switch: try another cable and"
        " port, then the switch they share."
    ),
    "WIFI_COVERAGE": mark(
        "{failing} of {measured} measured computers have too weak a Wi-Fi signal: put an access point in or near their"
        " rooms."
    ),
    "WIFI_INTERFERENCE": mark(
        "{failing} of {measured} measured computers are slow because the air of the Wi-Fi is crowded or disturbed: use"
        " 5 GHz, other channels and more access points."
    ),
    "WIFI_CONFIG": mark(
        "{failing} of {measured} measured computers are held back by the settings or the cable of their access points:"
        " use 5 GHz, and let them be checked."
    ),
}
_WAYS: dict[DirectionWord, str] = {"download": mark("{rate} Mbit/s download"), "upload": mark("{rate} Mbit/s upload")}


def inside(cause: Cause, failing: int, measured: int, line: Line | None) -> Sentence:
    """Return the sentence of a cause inside the school."""
    told = Sentence(_INSIDE[cause], {"failing": failing, "measured": measured})
    if line is None or not line.delivers:
        return told
    return say("{sentence} {more}", sentence=told, more=say("The operator's line delivers."))


def mixed(causes: tuple[Cause, ...]) -> Sentence:
    """Return the sentence for two causes or more."""
    return say(
        "More than one thing is slow: {causes}. Mend what is inside the school first, then measure again.",
        causes=_and([Sentence(NAMES[one]) for one in causes]),
    )


def of_line(cause: Cause, line: Line, contract: Contract) -> Sentence:
    """Return the sentence of a cause that lies in the line or its use."""
    if cause == "LINE_SATURATED":
        return _full(line)
    if cause == "LOWER_PLAN":
        return _plan(line, contract)
    told = {"tests": line.tests, "heard": line.heard, "sure": line.sure_tests}
    if line.is_at_times:
        return counted(
            "The operator's line is slower than the contract promises: at some hours, in {tests} of {heard} tests of a"
            " clean computer on a cable ({n} day), of which {sure} on a line that was shown idle. Show this to the"
            " operator.",
            "The operator's line is slower than the contract promises: at some hours, in {tests} of {heard} tests of a"
            " clean computer on a cable ({n} days), of which {sure} on a line that was shown idle. Show this to the"
            " operator.",
            line.days,
            **told,
        )
    return counted(
        "The operator's line is slower than the contract promises: in {tests} of {heard} tests of a clean computer on a"
        " cable ({n} day), of which {sure} on a line that was shown idle. Show this to the operator.",
        "The operator's line is slower than the contract promises: in {tests} of {heard} tests of a clean computer on a"
        " cable ({n} days), of which {sure} on a line that was shown idle. Show this to the operator.",
        line.days,
        **told,
    )


def _full(line: Line) -> Sentence:
    if line.is_firm:
        return say(
            "The school's own traffic fills the line: see who is downloading, move updates to the night, or order a"
            " larger plan. Nobody is at fault."
        )
    return say(
        "The school's own traffic may fill the line, but nobody counted it: see who is downloading and what cameras"
        " send, move updates to the night, and measure again when nobody else is online."
    )


def _plan(line: Line, contract: Contract) -> Sentence:
    speed = say("one smaller speed")
    if line.plan_bps and line.plan_way is not None:
        speed = way(line.plan_way, line.plan_bps)
    if line.is_firm:
        if contract.agreed:
            return say(
                "The line gives {speed} all day, as a smaller plan than the contract promises would: compare the bill"
                " with the contract before complaining about the line.",
                speed=speed,
            )
        return say(
            "The line gives {speed} all day, as a smaller plan than the school needs would: compare the bill with the"
            " contract before complaining about the line.",
            speed=speed,
        )
    if line.plan_way == "download":
        if contract.agreed:
            return say(
                "The line gave {speed} in every test so far, as a smaller plan than the contract promises would:"
                " compare the bill with the contract before complaining about the line.",
                speed=speed,
            )
        return say(
            "The line gave {speed} in every test so far, as a smaller plan than the school needs would: compare the"
            " bill with the contract before complaining about the line.",
            speed=speed,
        )
    if contract.agreed:
        return say(
            "The line gave {speed} in every test so far, as a smaller plan than the contract promises would (or as one"
            " whose rest is used by cameras all day): compare the bill with the contract before complaining about the"
            " line.",
            speed=speed,
        )
    return say(
        "The line gave {speed} in every test so far, as a smaller plan than the school needs would (or as one whose"
        " rest is used by cameras all day): compare the bill with the contract before complaining about the line.",
        speed=speed,
    )


def too_small(promised: tuple[tuple[DirectionWord, float], ...]) -> Sentence:
    """Return the sentence for a line that keeps a contract which is too small, in these directions."""
    return say(
        "The line does what its contract of {speeds} promises, and that is less than the school needs: order a larger"
        " plan.",
        speeds=_and([way(name, bps) for name, bps in promised]),
    )


def healthy(contract: Contract, slow: int, measured: int) -> Sentence:
    """Return the sentence for a school where nothing is the matter, but for few computers that nothing explains."""
    if slow:
        told = {"slow": slow, "measured": measured}
        if contract.agreed:
            return say(
                "The line delivers what the contract promises, and most measured computers get it; nothing shows why"
                " {slow} of {measured} did not: measure there again.",
                **told,
            )
        return say(
            "The line delivers what the school needs, and most measured computers get it; nothing shows why {slow} of"
            " {measured} did not: measure there again.",
            **told,
        )
    if contract.agreed:
        return say(
            "Nothing is the matter: the line delivers what the contract promises, and the measured computers get it."
        )
    return say("Nothing is the matter: the line delivers what the school needs, and the measured computers get it.")


def insufficient(missing: tuple[Sentence, ...]) -> Sentence:
    """Return the sentence for too little data."""
    wanted: Sentence | str = missing[-1] if missing else ""
    for one in reversed(missing[:-1]):
        wanted = say("{first}; {rest}", first=one, rest=wanted)
    return say("There is not enough to say what is slow. What is missing: {wanted}.", wanted=wanted)


def not_organised(failing: int, measured: int) -> Sentence:
    """Return the sentence of the government's finding: fibre, and no proper network behind it."""
    return say(
        "The local network is not properly organised: the line delivers, but in {failing} of {measured} measured rooms"
        " it does not arrive.",
        failing=failing,
        measured=measured,
    )


def way(name: DirectionWord, bps: float) -> Sentence:
    """Return a speed in one direction."""
    return Sentence(_WAYS[name], {"rate": f"{bps / 1e6:g}"})


def _and(parts: list[Sentence]) -> Sentence:
    """Return a list of things as one."""
    told = parts[-1]
    for one in reversed(parts[:-1]):
        told = say("{first} and {rest}", first=one, rest=told)
    return told
