"""What the registry said of schools, from when to when, and what has to be judged anew when it says something else."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

import msgspec
from msgspec import Struct
from psycopg.rows import kwargs_row

from collector.store.database import Connection
from collector.store.questions import sql


class Told(Struct, frozen=True, kw_only=True):
    """What the registry said of a school; ``pupils`` and the like null where it did not say."""

    name: str
    region_id: str
    district: str | None = None
    pupils: int | None = None
    connectivity_type: str | None = None
    operator: str | None = None
    download_contracted_bps: int | None = None
    upload_contracted_bps: int | None = None


class HistoryRecord(Told, frozen=True, kw_only=True):
    """The same with the days between which it held; ``valid_to`` is not included, null where it still holds."""

    school_id: str
    valid_from: date
    valid_to: date | None = None


def history_of(connection: Connection, school_ids: Sequence[str]) -> dict[str, list[HistoryRecord]]:
    """Return the history of schools, each in the order of time."""
    found: dict[str, list[HistoryRecord]] = defaultdict(list)
    with connection.cursor(row_factory=kwargs_row(HistoryRecord)) as cursor:
        for row in cursor.execute(sql("history_of_schools"), {"schools": list(school_ids)}):
            found[row.school_id].append(row)
    return found


def schools_on(connection: Connection, school_ids: Sequence[str], day: date) -> dict[str, HistoryRecord]:
    """Return what the registry said of schools on a day; before it first spoke of one, what it said then."""
    with connection.cursor(row_factory=kwargs_row(HistoryRecord)) as cursor:
        rows = cursor.execute(sql("schools_on"), {"schools": list(school_ids), "day": day}).fetchall()
    return {row.school_id: row for row in rows}


def replace(connection: Connection, school_ids: Sequence[str], rows: Iterable[HistoryRecord]) -> None:
    """Put new histories in the place of those of these schools."""
    connection.execute(sql("forget_history"), {"schools": list(school_ids)})
    with connection.cursor() as cursor:
        cursor.executemany(sql("keep_history"), [msgspec.structs.asdict(row) for row in rows])


def told_on(connection: Connection, school_ids: Sequence[str]) -> dict[str, date]:
    """Return the date of the newest registry that told of each school that is known."""
    return dict(connection.execute(sql("schools_told"), {"schools": list(school_ids)}).fetchall())


def tell(connection: Connection, school_ids: Sequence[str], day: date) -> None:
    """Note that a registry of this date is the newest that told of these schools."""
    connection.execute(sql("tell_of_schools"), {"schools": list(school_ids), "told_on": day})


def not_told(connection: Connection, school_ids: Sequence[str]) -> list[tuple[str, str]]:
    """Return id and name of the schools that are known and open, and not among these."""
    return connection.execute(sql("schools_not_told"), {"schools": list(school_ids)}).fetchall()


def mergers(connection: Connection) -> dict[str, str | None]:
    """Return every known school with the one that it was merged into, if it was."""
    return dict(connection.execute(sql("mergers")).fetchall())


def mark_changes(connection: Connection, school_ids: Sequence[str], named: Sequence[str], since: date) -> None:
    """Note the days on which these schools have to be judged anew; ``named``: those that got their first operator."""
    parameters = {"schools": list(school_ids), "named": list(named), "since": since}
    connection.execute(sql("registry_changes"), parameters)
