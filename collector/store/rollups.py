"""School days and months added up, judged periods, and which days wait to be added up again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Struct
from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from agent.contract.standards import Interval
from collector.absences import Heard, Silence
from collector.slots import Figures, LineTest
from collector.store.database import Connection
from collector.store.questions import sql

SchoolDay = tuple[str, date]
_NAMES = Figures.__struct_fields__

# Histograms are packed, a fifth of what they take as jsonb, and most of a country's database: names as their place here
# (only ever added to), bins as numbers, ids of agents as bytes.
_HISTOGRAMS = (
    "agents",
    *(
        f"{any_hour}{way}{kind}"
        for any_hour in ("", "any_")
        for way in ("download", "upload")
        for kind in ("", "_at_least")
    ),
)
_PLACES = {name: place for place, name in enumerate(_HISTOGRAMS)}
_unpack = msgspec.msgpack.Decoder(dict[int, dict[int | bytes, int]]).decode


class Dirty(Struct, frozen=True, order=True):
    """A day of a school that waits to be added up, and since when: a day may wait for several reasons."""

    school_id: str
    day: date
    since: datetime


class Rollup(Struct, frozen=True, kw_only=True):
    """A school's day or month (its first day) in one voice, for one operator ('' for none)."""

    school_id: str
    begins: date
    voice: str
    operator: str
    region_id: str
    synthetic: bool
    figures: Figures


class PeriodRecord(Struct, frozen=True, kw_only=True):
    """A judged period as stored; its fields are described at ``collector.readiness.Readiness``."""

    school_id: str
    operator: str
    voice: str
    tests: int
    computers: int
    days: int
    slots: int
    slots_met: int
    slots_missed: int
    share: float | None
    share_low: float | None
    share_high: float | None
    download_p25_bps: float | None
    download_bps: float | None
    download_p95_bps: float | None
    upload_p25_bps: float | None
    upload_bps: float | None
    upload_p95_bps: float | None
    download_at_least_bps: float | None
    upload_at_least_bps: float | None
    required_download_bps: float | None
    required_upload_bps: float | None
    missing_download_bps: float | None
    missing_upload_bps: float | None
    meets: bool | None
    state: str
    reason: str
    absences: dict[str, int]


def mark(connection: Connection, days: Iterable[SchoolDay]) -> None:
    """Note that these days of schools have to be added up again."""
    wanted = sorted(set(days))
    if wanted:
        parameters = {"schools": [one[0] for one in wanted], "days": [one[1] for one in wanted]}
        connection.execute(sql("mark_days"), parameters)


def mark_schools(connection: Connection, school_ids: Sequence[str]) -> None:
    """Note that all days of these schools have to be added up again: what they are held against has changed."""
    connection.execute(sql("mark_days_of_schools"), {"schools": list(school_ids)})


def mark_day(connection: Connection, day: date) -> None:
    """Note that a day has to be added up for every school that has computers."""
    connection.execute(sql("mark_schools_with_computers"), {"day": day})


def heard_between(
    connection: Connection, spans: Sequence[tuple[str, datetime, datetime]]
) -> Iterable[tuple[str, datetime, Heard]]:
    """Yield the reports of schools in spans of time and a day around them: the school, the span's begin, the report."""
    for row in connection.execute(sql("heard_between"), _spans(spans)):
        school_id, begins, agent_id, boot_id, monotonic_s, created_at, received_at, failures, has_answer = row
        yield (
            school_id,
            begins,
            Heard(
                agent_id=agent_id,
                boot_id=boot_id,
                monotonic_s=monotonic_s,
                created_at=created_at,
                received_at=received_at,
                failures=frozenset(failures or ()),
                has_answer=bool(has_answer),
            ),
        )


def silences(connection: Connection, begins: datetime, ends: datetime, longest: timedelta) -> list[Silence]:
    """Return when the collector heard nobody for longer than so, to ten minutes."""
    rows = connection.execute(sql("collector_was_heard"), {"begins": begins, "ends": ends}).fetchall()
    moments = [begins, *(row[0] for row in rows), ends]
    return [Silence(one, other) for one, other in pairwise(moments) if other - one > longest]


def waiting(connection: Connection, limit: int) -> list[Dirty]:
    """Return the days that wait longest, at most so many."""
    return [Dirty(*row) for row in connection.execute(sql("days_that_wait"), {"limit": limit}).fetchall()]


def few_waiting(connection: Connection, most: int) -> int:
    """Return how many days wait to be added up, at most so many."""
    row = connection.execute("select days_waiting(%s)", (most,)).fetchone()
    return int(row[0]) if row else 0


def done(connection: Connection, days: Sequence[Dirty]) -> None:
    """Take days off the list; what was noted of them meanwhile stays."""
    parameters = {
        "schools": [one.school_id for one in days],
        "days": [one.day for one in days],
        "since": [one.since for one in days],
    }
    connection.execute(sql("days_are_done"), parameters)


def tests_between(
    connection: Connection, spans: Sequence[tuple[str, datetime, datetime]]
) -> Iterable[tuple[str, bool, LineTest]]:
    """Yield the speed tests of schools in spans of time: the school, whether it is synthetic, the test."""
    for row in connection.execute(sql("tests_between"), _spans(spans)):
        school_id, synthetic, agent_id, at, region_id, operator, medium, link_bps, tainted, *rates = row
        yield (
            school_id,
            synthetic,
            LineTest(
                agent_id=agent_id,
                at=at,
                region_id=region_id,
                operator=operator,
                is_cabled=medium == "ethernet",
                link_speed_bps=link_bps,
                tainted=tuple(tainted),
                download=_interval(*rates[:3]),
                upload=_interval(*rates[3:]),
            ),
        )


def _spans(spans: Sequence[tuple[str, datetime, datetime]]) -> dict[str, Any]:
    return {
        "schools": [one[0] for one in spans],
        "begins": [one[1] for one in spans],
        "ends": [one[2] for one in spans],
    }


def _interval(bps: float | None, low: float | None, high: float | None) -> Interval | None:
    return None if bps is None else Interval(value_bps=bps, low_bps=low or 0.0, high_bps=high)


def replace_days(connection: Connection, days: Sequence[SchoolDay], rows: Sequence[Rollup]) -> None:
    """Put new rows in the place of all rows of these days."""
    parameters = {"schools": [one[0] for one in days], "days": [one[1] for one in days]}
    connection.execute(sql("forget_days"), parameters)
    with connection.cursor() as cursor:
        cursor.executemany(sql("keep_school_day"), [_parameters(one) for one in rows])


def days_of_months(connection: Connection, months: Sequence[SchoolDay]) -> list[Rollup]:
    """Return the days of these schools' months, each month given by its first day."""
    parameters = {"schools": [one[0] for one in months], "months": [one[1] for one in months]}
    return [_rollup(row) for row in connection.execute(sql("days_of_months"), parameters).fetchall()]


def replace_months(connection: Connection, months: Sequence[SchoolDay], rows: Sequence[Rollup]) -> None:
    """Put new rows in the place of all rows of these months."""
    parameters = {"schools": [one[0] for one in months], "months": [one[1] for one in months]}
    connection.execute(sql("forget_months"), parameters)
    with connection.cursor() as cursor:
        cursor.executemany(sql("keep_school_month"), [_parameters(one) for one in rows])


def months_of_years(connection: Connection, years: Sequence[SchoolDay]) -> list[Rollup]:
    """Return the months of these schools' years, each year given by its first day."""
    parameters = {"schools": [one[0] for one in years], "years": [one[1] for one in years]}
    return [_rollup(row) for row in connection.execute(sql("months_of_years"), parameters).fetchall()]


def replace_periods(
    connection: Connection, periods_of: Sequence[tuple[str, str]], rows: Sequence[dict[str, Any]]
) -> None:
    """Put new judgements in the place of all of these schools' periods (school, label)."""
    parameters = {"schools": [one[0] for one in periods_of], "periods": [one[1] for one in periods_of]}
    connection.execute(sql("forget_periods"), parameters)
    with connection.cursor() as cursor:
        cursor.executemany(sql("keep_school_period"), [row | {"absences": Jsonb(row["absences"])} for row in rows])


def changed(connection: Connection, schools: Mapping[str, int]) -> None:
    """Note that so many schools were judged anew in periods, and renew the priors that this can have moved.

    A prior takes a look at every school: too much for one that sends a late report.
    """
    parameters = {"periods": list(schools), "schools": list(schools.values())}
    told: dict[str, bool] = dict(connection.execute(sql("periods_that_changed"), parameters).fetchall())
    due = [label for label in schools if told.get(label, True)]
    if due:
        renew_prior(connection, due)


def renew_prior(connection: Connection, labels: Sequence[str]) -> None:
    """Find anew how schools typically fare in these periods, and how alike they are."""
    connection.execute(sql("renew_prior"), {"periods": list(labels)})


def periods(
    connection: Connection, label: str, school_id: str | None = None, *, cabled: bool = False
) -> dict[str, PeriodRecord]:
    """Return judged periods by school: of whole schools, or (``cabled``) as their present operators answer for them."""
    parameters = {"period": label, "school_id": school_id, "cabled": cabled}
    with connection.cursor(row_factory=kwargs_row(PeriodRecord)) as cursor:
        return {one.school_id: one for one in cursor.execute(sql("periods_of_schools"), parameters).fetchall()}


def _rollup(row: tuple[Any, ...]) -> Rollup:
    school_id, begins, voice, operator, region_id, synthetic, *figures = row
    values = dict(zip(_NAMES, figures, strict=True))
    values["histograms"] = unpacked(values["histograms"])
    return Rollup(
        school_id=school_id,
        begins=begins,
        voice=voice,
        operator=operator,
        region_id=region_id,
        synthetic=synthetic,
        figures=Figures(**values),
    )


def _parameters(one: Rollup) -> dict[str, Any]:
    found = values(one)
    return found | {"absences": Jsonb(found["absences"])}


def values(one: Rollup, begins: str = "begins") -> dict[str, Any]:
    """Return a row's values by column; ``begins`` is what the table calls the day or month."""
    row = {
        "school_id": one.school_id,
        begins: one.begins,
        "voice": one.voice,
        "operator": one.operator,
        "region_id": one.region_id,
        "synthetic": one.synthetic,
    }
    return row | msgspec.structs.asdict(one.figures) | {"histograms": packed(one.figures.histograms)}


def packed(histograms: dict[str, dict[str, int]]) -> bytes:
    """Return histograms as they are stored."""
    return msgspec.msgpack.encode({_PLACES[name]: _packed(name, counts) for name, counts in histograms.items()})


def _packed(name: str, counts: dict[str, int]) -> dict[int, int] | dict[bytes, int]:
    if name == "agents":
        return {bytes.fromhex(agent_id): count for agent_id, count in counts.items()}
    return {int(binned): count for binned, count in counts.items()}


def unpacked(stored: bytes) -> dict[str, dict[str, int]]:
    """Return histograms that were stored."""
    return {
        _HISTOGRAMS[place]: {key.hex() if isinstance(key, bytes) else str(key): count for key, count in counts.items()}
        for place, counts in _unpack(stored).items()
    }
