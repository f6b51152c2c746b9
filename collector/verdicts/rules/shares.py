"""80/80: of the half hours, so many reach so much of the promised speed; each direction by itself, and the round trip.

Source: FCC, performance measures for high-cost support, DA 18-710 (2018) and FCC 19-104 (2019): 80 % of the speed tests
at 80 % of the speed, 95 % of the round trips at most 100 ms; NTIA took both over for BEAD. Theirs are point rules over
a week; the bound beyond chance is ours.
"""

from collector.verdicts.rules import Asked, Month, Numbers, often
from collector.verdicts.rules.latency import round_trips
from collector.verdicts.terms import WAYS


def asked(month: Month, numbers: Numbers, link_headroom: float) -> list[Asked]:
    """Return what the contract promises: a direction each, and the round trip where one is named."""
    shares = (numbers.speed_share, numbers.slot_share)
    found = [one for way in WAYS for one in often(month, (way, "most"), shares, link_headroom, way)]
    return [*found, *round_trips(month, numbers)]
