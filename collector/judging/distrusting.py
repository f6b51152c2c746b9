"""A computer's key was stolen, or may have been: what came in since proves nothing; months are judged anew."""

from datetime import datetime, timedelta

from agent.contract.errors import SettingsError
from collector.errors import NotFound
from collector.store import verdicts
from collector.store.database import Connection
from collector.store.verdicts import KeyRecord
from collector.verdicts.facts import named, number_of

_LONGEST_REASON = 500
_LONGEST = timedelta(days=366)


def distrust(connection: Connection, wanted: KeyRecord) -> int:
    """Take a computer out of service and its word back from a moment on; return how many months are judged again.

    Raises:
        SettingsError: the moment lies ahead or more than a year back, or there is no reason.
        NotFound: no such computer was ever enrolled.
    """
    if not wanted.reason.strip() or len(wanted.reason) > _LONGEST_REASON:
        raise SettingsError(f"say why in 1 to {_LONGEST_REASON} characters: both sides read it")
    if not wanted.recorded_at - _LONGEST <= wanted.distrusted_from <= wanted.recorded_at:
        raise SettingsError(f"{wanted.distrusted_from:%Y-%m-%d %H:%M} is not within the last year; see --from")
    schools = verdicts.distrust(connection, wanted)
    if not schools:
        raise NotFound(f"no computer {wanted.agent!r} was ever enrolled; 'fleet --school ID' lists those of a school")
    months = _months(wanted.distrusted_from, wanted.recorded_at)
    verdicts.mark(
        connection, [(school, month) for school in schools for month in months], wanted.recorded_at, wanted.recorded_at
    )
    return len(months)


def _months(first: datetime, last: datetime) -> list[str]:
    """Return the months from one moment to another, with those beside them: whose clock it was is not asked here."""
    begins, ends = (number_of(f"{one:%Y-%m}") for one in (first - timedelta(days=1), last + timedelta(days=1)))
    return [named(number) for number in range(begins, ends + 1)]
