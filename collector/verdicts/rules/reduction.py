"""What a breach is worth, as far as a contract says so: in proportion to what was missing, or by levels; pure.

Sources: TKG section 57(4): the fee falls in the proportion in which the actual performance falls short of the agreed.
FCC 19-104 (2019): 5, 10, 15 or 25 % of the support are withheld from 85, 70, 55 % of the standard down (the levels were
not read in the original). Where a line was off line for too long, what it kept of its promise is the share of the time
that counts (the contract's hours, without what was excluded) in which it was not surely down; that share is ours.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Literal

Way = Literal["none", "proportional", "levels"]
_LEVELS = ((Fraction(1), 0), (Fraction(85, 100), 5), (Fraction(70, 100), 10), (Fraction(55, 100), 15))
_LOWEST = 25
_CENT = Decimal("0.01")


def reduction(way: Way, price: Decimal, kept: Fraction) -> Decimal | None:
    """Return what a month's price falls by; null where the contract names no way.

    Args:
        way: how the contract counts it.
        price: of the days that were judged, in the contract's currency.
        kept: which share of its promise the worst broken part kept, 0 to 1.
    """
    if way == "none":
        return None
    share = 1 - min(Fraction(1), max(Fraction(0), kept)) if way == "proportional" else Fraction(_withheld(kept), 100)
    exact = price * Decimal(share.numerator) / Decimal(share.denominator)
    return exact.quantize(_CENT, rounding=ROUND_HALF_EVEN)


def _withheld(kept: Fraction) -> int:
    """Return the percentage that is withheld: the first level that the kept share reaches."""
    return next((percent for least, percent in _LEVELS if kept >= least), _LOWEST)
