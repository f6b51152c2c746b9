"""How sure a verdict is, by repeats and days, and which of many figures are shown for it; pure."""

from collections.abc import Iterable, Sequence

from agent.contract import line as lines
from agent.contract import standards
from agent.contract.causes import Cause, Confidence, Contract, Defect, DirectionWord, Evidence
from agent.contract.rules import Rules
from agent.contract.signs import Signs
from agent.contract.standards import Target

_SHOWN = 3


def surety(cause: Cause, signs: Sequence[Signs], rules: Rules) -> Confidence:
    """Return how sure these tests of one computer make a cause that lies at it or inside the school."""
    strong = telling(cause, signs, rules)
    sure = lines.confidence(strong, rules) if strong else "low"
    # A computer's or a cable's own figure needs no repeats to be true.
    return "medium" if sure == "low" and cause in {"HOST", "LAN_WIRED"} else sure


def telling(cause: Cause, signs: Sequence[Signs], rules: Rules) -> tuple[Signs, ...]:
    """Return the tests that show this cause clearly: over Wi-Fi none at a borderline signal, no mere guess."""
    return tuple(one for one in signs if not (cause.startswith("WIFI") and is_weak(one, rules)))


def is_weak(one: Signs, rules: Rules) -> bool:
    """Tell whether what explains a slow Wi-Fi is a borderline signal, or only something that may disturb."""
    limit = rules.wifi.signal_dbm.value - rules.wifi.borderline_db.value
    if one.coverage:
        return all(figure.value >= limit for figure in one.coverage)
    return not one.interference and not one.setup


def rates(signs: Sequence[Signs]) -> tuple[Evidence, ...]:
    """Return what the newest of these tests came out with."""
    return tuple(one.rate for one in signs[-_SHOWN:] if one.rate is not None)


def named_once(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Return the last figure of each name."""
    return tuple({one.figure: one for one in evidence}.values())


def defects(signs: Iterable[Signs]) -> tuple[Defect, ...]:
    """Return every defect once, as it was seen last."""
    return tuple({(one.defect, one.sentence): one for each in signs for one in each.defects}.values())


def too_small(contract: Contract, target: Target) -> tuple[tuple[DirectionWord, float], ...]:
    """Return the directions in which the contract itself promises less than the school needs, with what it promises."""
    needed_bps = target.download_bps or target.download_floor_bps
    both: tuple[tuple[DirectionWord, float | None, float], ...] = (
        ("download", contract.download_bps, needed_bps),
        ("upload", contract.upload_bps, target.upload_bps),
    )
    return tuple(
        (name, promised)
        for name, promised, needed in both
        if contract.agreed and promised is not None and promised < standards.decision_level(needed, target.tolerance)
    )
