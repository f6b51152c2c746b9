"""What rankings of schools found, kept for each school's period; and which of them wait to be found anew."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from collector.store.database import Connection
from collector.store.questions import sql

Class = Literal[0, 1, 2]
JUDGED: Literal[0] = 0
BY_FIGURE: Literal[1] = 1  # not enough data for an answer
NOTHING_TO_RANK_BY: Literal[2] = 2


class Finding(Struct, frozen=True, kw_only=True):
    """What a ranking says of a school: its own figures (``body``), and its place: by class, then by falling score.

    ``meets`` is its answer where it gives one of its own; the others show the line's.
    """

    place: Class
    score: float | None
    body: dict[str, Any]
    meets: bool | None = None


class Found(Struct, frozen=True, kw_only=True):
    """A finding as it is kept: by which ranking, seen by whom ('' everybody but operators, else that operator)."""

    ranking: str
    operator: str
    finding: Finding


class Due(Struct, frozen=True):
    """A school's period that waits; ``marked_at`` tells this mark from a later one."""

    school_id: str
    period: str
    marked_at: datetime


def mark(connection: Connection, periods: Iterable[tuple[str, str]]) -> None:
    """Note that what was found of these schools' periods (school, label) may not hold any more."""
    wanted = sorted(set(periods))
    if wanted:
        parameters = {"schools": [one[0] for one in wanted], "periods": [one[1] for one in wanted]}
        connection.execute(sql("mark_findings"), parameters)


def mark_of_other_rules(connection: Connection, labels: Sequence[str], rules_version: str) -> int:
    """Note that these periods, where they were judged by other rules, have to be judged again; return how many."""
    parameters = {"periods": list(labels), "rules_version": rules_version}
    return connection.execute(sql("mark_findings_of_other_rules"), parameters).rowcount


def due(connection: Connection, label: str | None, *, few: int, limit: int) -> list[Due]:
    """Return what waits longest, of one period or of all: what was found within the hour only where few wait."""
    parameters = {"period": label, "few": few, "limit": limit}
    with connection.cursor(row_factory=kwargs_row(Due)) as cursor:
        return cursor.execute(sql("findings_due"), parameters).fetchall()


def count_due(connection: Connection, label: str, most: int) -> int:
    """Return how many schools wait in a period, at most so many."""
    row = connection.execute(sql("count_findings_due"), {"period": label, "most": most}).fetchone()
    return int(row[0]) if row else 0


def replace(connection: Connection, one: Due, found: Sequence[Found], rules_version: str) -> bool:
    """Put what was found in the place of all that was known of a school's period; tell whether that was still wanted.

    A mark that was made meanwhile stays. Where the mark is gone, somebody else has found it after it was read here.
    """
    asked = {"school_id": one.school_id, "period": one.period}
    row = connection.execute(sql("finding_due"), asked).fetchone()
    if row is None:
        return False
    connection.execute(sql("forget_findings"), asked)
    with connection.cursor() as cursor:
        cursor.executemany(sql("keep_finding"), [_parameters(one, each, rules_version) for each in found])
    if row[0] == one.marked_at:
        connection.execute(sql("finding_is_done"), asked)
    return True


def put_off(connection: Connection, one: Due) -> None:
    """Leave a school's period marked, and alone for an hour."""
    connection.execute(sql("put_off_finding"), {"school_id": one.school_id, "period": one.period})


def _parameters(one: Due, each: Found, rules_version: str) -> dict[str, Any]:
    return {
        "school_id": one.school_id,
        "period": one.period,
        "ranking": each.ranking,
        "operator": each.operator,
        "class": each.finding.place,
        "score": each.finding.score,
        "meets": each.finding.meets,
        "body": Jsonb(each.finding.body),
        "rules_version": rules_version,
    }
