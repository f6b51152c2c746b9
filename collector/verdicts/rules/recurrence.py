"""Once is a bad month; two of three months in a row is a line that does not keep its contract; pure.

Source: Regulation (EU) 2015/2120, article 4(4): a discrepancy has to be "continuous or regularly recurring". The number
is ours: the regulation names none, and BEREC leaves it to the national authorities.
"""

from collections.abc import Mapping

MONTHS, OF = 2, 3


def recurs(broken: Mapping[int, bool], month: int) -> bool:
    """Tell whether a month is broken and so are enough of it and those before it.

    Args:
        broken: by month, counted from year 0 (12 * year + month - 1), whether it was a breach; others were not judged.
        month: the month that is asked about.
    """
    return broken.get(month, False) and sum(broken.get(month - ago, False) for ago in range(OF)) >= MONTHS
