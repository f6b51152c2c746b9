"""Periods people name: a quarter ``2026-Q4``, a month ``2026-11``, a year ``2026``; pure."""

import re
from datetime import date, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from msgspec import Struct

from agent.contract.errors import SettingsError

_SHAPE = re.compile(r"(?P<year>20\d\d)(?:-(?:Q(?P<quarter>[1-4])|(?P<month>0[1-9]|1[0-2])))?", re.ASCII)


class Period(Struct, frozen=True):
    """From ``start`` (included) to ``end`` (not), in the country's time zone."""

    label: str
    start: datetime
    end: datetime


def parse(label: str, zone: ZoneInfo) -> Period:
    """Read a period; raises SettingsError saying which forms there are."""
    match = _SHAPE.fullmatch(label.strip().upper())
    if match is None:
        raise SettingsError(f"{label!r} is not a period; write a quarter 2026-Q4, a month 2026-11 or a year 2026")
    year = int(match["year"])
    if match["quarter"]:
        first, months = 3 * int(match["quarter"]) - 2, 3
    elif match["month"]:
        first, months = int(match["month"]), 1
    else:
        first, months = 1, 12
    return Period(match[0], _first_of(year, first, zone), _first_of(year, first + months, zone))


def quarter_of(moment: datetime, zone: ZoneInfo) -> Period:
    """Return the quarter in which a moment lies."""
    local = moment.astimezone(zone)
    return parse(f"{local.year}-Q{(local.month + 2) // 3}", zone)


def months(period: Period) -> tuple[str, str]:
    """Return a period's first and last month, as ``2026-10``."""
    last = period.end - timedelta(days=1)
    return f"{period.start:%Y-%m}", f"{last:%Y-%m}"


def chosen(label: str | None, now: datetime, zone: ZoneInfo) -> Period:
    """Return the period a caller named, or the current quarter; raises SettingsError for nonsense."""
    return parse(label, zone) if label else quarter_of(now, zone)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """Return the day on which a moment lies in a zone."""
    return moment.astimezone(zone).date()


def before(period: Period, zone: ZoneInfo | None = None) -> Period:
    """Return the period of the same kind that ends where this one begins, in its own time zone unless told."""
    start = period.start
    zone = zone or cast("ZoneInfo", start.tzinfo)
    if "Q" in period.label:
        year, quarter = start.year, (start.month + 2) // 3
        return parse(f"{year - 1}-Q4" if quarter == 1 else f"{year}-Q{quarter - 1}", zone)
    if "-" in period.label:
        return parse(f"{start.year - 1}-12" if start.month == 1 else f"{start.year}-{start.month - 1:02d}", zone)
    return parse(str(start.year - 1), zone)


def _first_of(year: int, month: int, zone: ZoneInfo) -> datetime:
    return datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=zone)
