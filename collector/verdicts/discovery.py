"""Many lines are judged at once: how rare must a month be, that few of those who are accused are accused wrongly; pure.

Source: Benjamini and Hochberg, "Controlling the false discovery rate", JRSS B 57 (1995), 289.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from collector.verdicts.facts import Discovery


def counted(state: str, chance: float | None) -> float | None:
    """Return what a line's verdict adds to how rare others have to be; null where it says nothing of the line."""
    return None if state in ("insufficient", "no contract") else chance


def chances(lines: Iterable[tuple[str, float | None, bool]]) -> list[float]:
    """Return the chances that count, of lines by state, chance, and whether they are invented.

    Invented lines count only where an operator has no others: no real line is accused or spared because of them.
    """
    known = [(one, synthetic) for state, chance, synthetic in lines if (one := counted(state, chance)) is not None]
    return [one for one, synthetic in known if not synthetic] or [one for one, _ in known]


def of_operator(chances: Sequence[float], share: Fraction, risk: Fraction) -> Discovery:
    """Return how rare a line has to be among the judged lines of its operator.

    Args:
        chances: of each judged line, how often a line at its limit comes out so or worse in any of its promises.
        share: of the accused, how many may be accused wrongly.
        risk: what a line by itself has to be rarer than; nothing is accused that is not.
    """
    ordered = sorted(chances)
    most = 0.0
    for place, chance in enumerate(ordered, 1):
        if Fraction(chance) * len(ordered) <= place * share:
            most = chance
    accused = sum(chance <= most and Fraction(chance) < risk for chance in ordered)
    return Discovery(lines=len(ordered), accused=accused, most_chance=most)
