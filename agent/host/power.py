"""Whether this computer runs on its battery, and how much is left."""

from collections.abc import Callable
from typing import Any

import psutil
from msgspec import Struct


class Battery(Struct, frozen=True, kw_only=True):
    """A battery: what is left of it in percent, and whether it is being charged; null where that is not known."""

    percent: float
    is_plugged: bool | None


def battery(ask: Callable[[], Any] | None = None) -> Battery | None:
    """Return this computer's battery; None where it has none, or where the system does not say (psutil's answer)."""
    ask = ask or getattr(psutil, "sensors_battery", None)
    try:
        told = None if ask is None else ask()
    except (OSError, ValueError, AttributeError, NotImplementedError, psutil.Error):  # broken drivers of laptops
        return None
    if told is None or not 0 <= told.percent <= 100:
        return None
    return Battery(percent=float(told.percent), is_plugged=told.power_plugged)


def is_low(least_percent: int, found: Battery | None) -> bool:
    """Tell whether a computer runs on its battery with less than this left; where that is not known it does not."""
    return found is not None and found.is_plugged is False and found.percent < least_percent
