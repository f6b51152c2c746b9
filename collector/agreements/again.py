"""Have months judged again whose facts have changed: a back-dated contract, a late exclusion, a decided dispute."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from collector.store import verdicts
from collector.store.database import Connection

_MOST_MONTHS = 120  # what lies further back has no tests


def judge(connection: Connection, school_ids: Iterable[str], first: date, last: date, now: datetime) -> None:
    """Mark all months from one day to another of these schools to be judged again."""
    months = list(_months(first, last))[-_MOST_MONTHS:]
    verdicts.mark(connection, [(school_id, month) for school_id in school_ids for month in months], now, now)


def _months(first: date, last: date) -> Iterator[str]:
    month = first.replace(day=1)
    while month <= last:
        yield f"{month:%Y-%m}"
        month = date(month.year + month.month // 12, month.month % 12 + 1, 1)
