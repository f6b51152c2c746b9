"""Moments, spans and amounts as the doctor says them."""

from datetime import datetime, timedelta

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def span(seconds: float) -> str:
    """Return a span of time in its largest unit: 3 days, 1 hour, 20 seconds."""
    seconds = abs(seconds)
    length, unit = next(((length, unit) for length, unit in _UNITS if seconds >= length), _UNITS[-1])
    number = round(seconds / length)
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def ago(moment: datetime, now: datetime) -> str:
    """Return a past moment with how long ago it was, or how far it lies ahead where a clock was wrong."""
    past = now - moment
    return f"{local(moment)} ({span(past.total_seconds())} {'ago' if past >= timedelta(0) else 'ahead of now'})"


def local(moment: datetime) -> str:
    """Return a moment by this computer's own clock."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def count(number: int, thing: str) -> str:
    """Return so many things: 1 report, 2 reports, no report."""
    return f"{number or 'no'} {thing}{'' if number <= 1 else 's'}"
