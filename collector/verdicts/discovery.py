"""Many lines are judged at once: how rare must a month be, that few of those who are accused are accused wrongly; pure.

Source: Benjamini and Hochberg, "Controlling the false discovery rate", JRSS B 57 (1995), 289.
"""

from collections.abc import Sequence
from fractions import Fraction

from collector.verdicts.facts import Discovery


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
