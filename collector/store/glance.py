"""What pages show at a glance: counts of a country or a region, and schools as lists show them."""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct
from psycopg.rows import args_row, kwargs_row

from collector.store.database import Connection
from collector.store.questions import sql


class Answered(Struct, frozen=True):
    """How many schools were judged in a period, and how many of them meet the target."""

    judged: int = 0
    ready: int = 0


class Glance(Struct, frozen=True, kw_only=True):
    """Counts of schools: judged by period, by what is the matter with them, by whether they are heard of."""

    periods: dict[str, Answered]
    causes: dict[str, int]
    heard: dict[str, int]


class ListedSchool(Struct, frozen=True, kw_only=True):
    """A school as lists show it."""

    id: str
    name: str
    region: str
    district: str | None
    operator: str | None
    technology: str | None
    synthetic: bool
    state: str
    meets: bool | None
    tests: int
    download_bps: float | None
    upload_bps: float | None
    download_at_least_bps: float | None
    upload_at_least_bps: float | None
    required_download_bps: float | None
    required_upload_bps: float | None


class Filter(Struct, frozen=True, kw_only=True):
    """Which schools a list shows; null is all. ``start``: schools closed before it are left out."""

    period: str
    start: date
    region: str | None = None
    district: str | None = None
    operator: str | None = None
    technology: str | None = None
    state: str | None = None


def country_glance(connection: Connection, period: str, periods: Sequence[str], region: str | None) -> Glance:
    """Return the counts of a period, and of several for their trend, as far as the viewer may see schools."""
    asked = {"period": period, "periods": list(periods), "region": region}
    parts: dict[str, dict[str, Answered]] = {"period": {}, "cause": {}, "heard": {}}
    for part, word, schools, ready in connection.execute(sql("country_glance"), asked, prepare=False).fetchall():
        parts[part][word] = Answered(schools, ready)
    return Glance(
        periods=parts["period"],
        causes={word: one.judged for word, one in parts["cause"].items()},
        heard={word: one.judged for word, one in parts["heard"].items()},
    )


class Key(Struct, frozen=True, gc=False):
    """What puts a school into order: its name, or ``score`` (null: not judged) and then ``fitness``, both falling."""

    id: str
    name: str
    synthetic: bool
    score: float | None
    fitness: float | None


def school_keys(connection: Connection, chosen: Filter) -> list[Key]:
    """Return what puts into order all schools that fit and that the viewer may see; in no order yet."""
    asked = {name: getattr(chosen, name) for name in chosen.__struct_fields__}
    with connection.cursor(row_factory=args_row(Key), binary=True) as cursor:
        return cursor.execute(sql("school_keys"), asked, prepare=False).fetchall()


def listed_schools(connection: Connection, period: str, school_ids: Sequence[str]) -> list[ListedSchool]:
    """Return these schools, in the same order, as far as the viewer may see them."""
    asked = {"period": period, "schools": list(school_ids)}
    with connection.cursor(row_factory=kwargs_row(ListedSchool), binary=True) as cursor:
        found = {row.id: row for row in cursor.execute(sql("listed_schools"), asked, prepare=False).fetchall()}
    return [found[school_id] for school_id in school_ids if school_id in found]


class Choices(Struct, frozen=True, kw_only=True):
    """By what a list of schools can be narrowed."""

    districts: list[str]
    technologies: list[str]


def school_choices(connection: Connection, region: str | None) -> Choices:
    """Return the districts of a region (of all without one) and all technologies of schools that the viewer may see."""
    rows = connection.execute(sql("school_choices"), {"region": region}).fetchall()
    return Choices(
        districts=[word for part, word in rows if part == "district"],
        technologies=[word for part, word in rows if part == "technology"],
    )
