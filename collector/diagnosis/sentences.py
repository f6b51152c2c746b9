"""The one sentence of each cause for a school: what it is, how many computers, and what to do."""

from agent.contract.causes import Cause, Contract, DirectionWord
from agent.contract.line import Line

_NAMES: dict[Cause, str] = {
    "HOST": "the computers themselves",
    "LAN_WIRED": "cables and switches",
    "WIFI_COVERAGE": "the reach of the Wi-Fi",
    "WIFI_INTERFERENCE": "the crowded air of the Wi-Fi",
    "WIFI_CONFIG": "the settings of the Wi-Fi",
    "LINE_SATURATED": "the school's own traffic",
    "LOWER_PLAN": "the plan of the line",
    "ISP_LINE": "the operator's line",
}
_INSIDE: dict[Cause, str] = {
    "HOST": "are too slow or too busy themselves: close other programs on them, or replace them",
    "LAN_WIRED": "are held back by their cable, port or switch: try another cable and port, then the switch they share",
    "WIFI_COVERAGE": "have too weak a Wi-Fi signal: put an access point in or near their rooms",
    "WIFI_INTERFERENCE": "are slow because the air of the Wi-Fi is crowded or disturbed: use 5 GHz, other channels and "
    "more access points",
    "WIFI_CONFIG": "are held back by the settings or the cable of their access points: use 5 GHz, and let them be "
    "checked",
}


def inside(cause: Cause, failing: int, measured: int, line: Line | None) -> str:
    """Return the sentence of a cause inside the school."""
    shown = " The operator's line delivers." if line is not None and line.delivers else ""
    return f"{failing} of {measured} measured computers {_INSIDE[cause]}.{shown}"


def mixed(causes: tuple[Cause, ...]) -> str:
    """Return the sentence for two causes or more."""
    return (
        f"More than one thing is slow: {' and '.join(_NAMES[one] for one in causes)}. Mend what is inside the school "
        "first, then measure again."
    )


def of_line(cause: Cause, line: Line, contract: Contract) -> str:
    """Return the sentence of a cause that lies in the line or its use."""
    if cause == "LINE_SATURATED":
        return _full(line)
    if cause == "LOWER_PLAN":
        return _plan(line, contract)
    when = "at some hours, " if line.is_at_times else ""
    return (
        f"The operator's line is slower than the contract promises: {when}in {line.tests} of {line.heard} tests of a "
        f"clean computer on a cable ({line.days} day{'' if line.days == 1 else 's'}), of which {line.sure_tests} on a "
        "line that was shown idle. Show this to the operator."
    )


def _full(line: Line) -> str:
    if line.is_firm:
        return (
            "The school's own traffic fills the line: see who is downloading, move updates to the night, or order a "
            "larger plan. Nobody is at fault."
        )
    return (
        "The school's own traffic may fill the line, but nobody counted it: see who is downloading and what cameras "
        "send, move updates to the night, and measure again when nobody else is online."
    )


def _plan(line: Line, contract: Contract) -> str:
    promised = "the contract promises" if contract.agreed else "the school needs"
    speed = f"{line.plan_bps / 1e6:g} Mbit/s {line.plan_way}" if line.plan_bps else "one smaller speed"
    gives = f"gives {speed} all day" if line.is_firm else f"gave {speed} in every test so far"
    cameras = (
        "" if line.is_firm or line.plan_way == "download" else " (or as one whose rest is used by cameras all day)"
    )
    return (
        f"The line {gives}, as a smaller plan than {promised} would{cameras}: compare the bill with the contract "
        "before complaining about the line."
    )


def too_small(promised: tuple[tuple[DirectionWord, float], ...]) -> str:
    """Return the sentence for a line that keeps a contract which is too small, in these directions."""
    speeds = " and ".join(f"{bps / 1e6:g} Mbit/s {name}" for name, bps in promised)
    return (
        f"The line does what its contract of {speeds} promises, and that is less than the school needs: order a larger "
        "plan."
    )


def healthy(contract: Contract, slow: int, measured: int) -> str:
    """Return the sentence for a school where nothing is the matter, but for few computers that nothing explains."""
    promised = "the contract promises" if contract.agreed else "the school needs"
    if slow:
        return (
            f"The line delivers what {promised}, and most measured computers get it; nothing shows why {slow} of "
            f"{measured} did not: measure there again."
        )
    return f"Nothing is the matter: the line delivers what {promised}, and the measured computers get it."


def insufficient(missing: tuple[str, ...]) -> str:
    """Return the sentence for too little data."""
    wanted = "; ".join(missing)
    return f"There is not enough to say what is slow. What is missing: {wanted}."


def not_organised(failing: int, measured: int) -> str:
    """Return the sentence of the government's finding: fibre, and no proper network behind it."""
    return (
        f"The local network is not properly organised: the line delivers, but in {failing} of {measured} measured "
        "rooms it does not arrive."
    )
