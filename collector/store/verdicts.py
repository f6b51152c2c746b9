"""Verdicts on lines: their versions as the very bytes, what waits to be judged, and what they are drawn from."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct, structs
from psycopg.rows import dict_row, kwargs_row

from collector.store import agents
from collector.store.database import Connection
from collector.store.evidence import Pending, missing, pend
from collector.store.questions import sql
from collector.verdicts import canonical, judge, verdict
from collector.verdicts.discovery import chances as chances_that_count
from collector.verdicts.facts import AgentKey, Discovery, Facts, Known, Past, SignedReport, days_of
from collector.verdicts.verdict import State, Verdict

_LOCK = 0x6A756467  # "judg": one process judges at a time
PRELIMINARY = 0
_SOON = timedelta(hours=1)  # late reports come in groups
_DAILY = timedelta(hours=20)  # a preliminary verdict need not be younger


class Due(Struct, frozen=True):
    """A school's month that waits to be judged; ``marked_at`` tells this mark from a later one."""

    school_id: str
    month: str
    marked_at: datetime


class Held(Struct, frozen=True, kw_only=True):
    """The newest version of a verdict: of which line and operator, and its bytes."""

    line: str
    operator: str
    version: int
    body: bytes


class Line(Struct, frozen=True, order=True):
    """A school's line."""

    school_id: str
    line: str


class Place(Struct, frozen=True, kw_only=True):
    """Where a school stands, for whoever may see its verdicts."""

    region_id: str
    synthetic: bool


class Made(Struct, frozen=True):
    """A verdict and the facts that it was drawn from."""

    verdict: Verdict
    facts: Facts


class KeyRecord(Struct, frozen=True, kw_only=True):
    """What was recorded of a computer's key: it is not believed of what came in from ``distrusted_from`` on."""

    school: str = ""
    agent: str
    public: str = ""
    distrusted_from: datetime
    recorded_at: datetime
    author: str
    reason: str


class Listed(Struct, frozen=True, kw_only=True):
    """A version of a verdict as lists show it. ``verdict`` is what it says; ``sha256`` is of these very bytes."""

    school: str
    name: str | None
    region: str
    line: str
    month: str
    operator: str
    version: int
    is_preliminary: bool
    state: State
    is_recurring: bool
    judged_at: datetime
    sha256: str
    synthetic: bool
    verdict: Verdict


class Breaches(Struct, frozen=True, kw_only=True):
    """The months in which a school's lines were in breach of an operator's contracts."""

    school_id: str
    operator: str
    region: str
    synthetic: bool
    months: list[str]


class Count(Struct, frozen=True, kw_only=True):
    """How many lines of an operator came out so in a month, by the newest versions."""

    month: str
    operator: str
    state: State
    is_preliminary: bool
    synthetic: bool
    lines: int


class Wanted(Struct, frozen=True, kw_only=True):
    """Which verdicts are asked for; null asks for all. Months are both included."""

    school: str | None = None
    region: str | None = None
    line: str | None = None
    first: str | None = None
    last: str | None = None
    operator: str | None = None
    state: State | None = None
    version: int | None = None


def one_judge_at_a_time(connection: Connection) -> None:
    """Let nobody else judge until the transaction ends."""
    connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))


def when_due(month: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return when a month of which a fact changed is to be judged again."""
    is_over = now.astimezone(zone).date() > days_of(month)[1]
    return now + (_SOON if is_over else _DAILY)


def mark(connection: Connection, months: Iterable[tuple[str, str]], now: datetime, due: datetime) -> None:
    """Note that verdicts on these (school, month) may not hold any more; schools without contract are passed over."""
    wanted = sorted(set(months))
    if wanted:
        asked = {"schools": [one[0] for one in wanted], "months": [one[1] for one in wanted]}
        connection.execute(sql("verdict_mark"), asked | {"now": now, "due": due})


def mark_changed(connection: Connection, months: Iterable[tuple[str, str]], now: datetime, zone: ZoneInfo) -> None:
    """Note that facts of these (school, month) changed: judged again soon where they are over, else once a day."""
    by_due: dict[datetime, list[tuple[str, str]]] = defaultdict(list)
    for school_id, month in months:
        by_due[when_due(month, now, zone)].append((school_id, month))
    for due in sorted(by_due):
        mark(connection, by_due[due], now, due)


def mark_fork(connection: Connection, fork: tuple[str, str, int], now: datetime, zone: ZoneInfo) -> None:
    """Note that nothing is believed any more from a school's computer's report of this number on, of the last year."""
    school_id, agent_id, sequence = fork
    asked = {"school_id": school_id, "agent_id": agent_id, "sequence": sequence, "zone": zone.key}
    rows = connection.execute(sql("verdict_months_from"), asked | {"now": now}).fetchall()
    mark_changed(connection, [(school_id, month) for (month,) in rows], now, zone)


def mark_all(connection: Connection, month: str, last: date, now: datetime) -> None:
    """Note that every line's month has to be judged."""
    connection.execute(sql("verdict_mark_all"), {"month": month, "last": last, "now": now})


def due(connection: Connection, now: datetime, settled: datetime, limit: int) -> list[Due]:
    """Return what waits longest, of what was marked until ``settled``."""
    asked = {"now": now, "settled": settled, "limit": limit}
    with connection.cursor(row_factory=kwargs_row(Due)) as cursor:
        return cursor.execute(sql("verdict_due"), asked).fetchall()


def waits(connection: Connection, month: str, now: datetime) -> bool:
    """Tell whether anything of a month still waits; what was put off holds up nobody else."""
    return connection.execute(sql("verdict_waits"), {"month": month, "now": now}).fetchone() == (True,)


def done(connection: Connection, one: Due) -> None:
    """Note that a school's month was judged; a mark made meanwhile stays."""
    values = {"school_id": one.school_id, "month": one.month, "marked_at": one.marked_at}
    connection.execute(sql("verdict_is_done"), values)


def put_off(connection: Connection, one: Due, until: datetime) -> None:
    """Leave a school's month marked, and alone until then."""
    connection.execute(sql("verdict_put_off"), {"school_id": one.school_id, "month": one.month, "due": until})


def reports(
    connection: Connection, school_id: str, span: tuple[datetime, datetime], known_at: datetime, most: tuple[int, int]
) -> list[tuple[datetime, SignedReport]]:
    """Return what a school's computers signed and when, made in a span of time and taken in until a moment.

    ``most``: how many reports and bytes a computer can make in it. Of one that sent more no more is read than shows it.
    """
    asked: dict[str, Any] = {"school_id": school_id, "begins": span[0], "ends": span[1], "known_at": known_at}
    asked |= {"most_reports": most[0], "most_bytes": most[1]}
    return [_made(row) for row in connection.execute(sql("verdict_reports"), asked).fetchall()]


def reports_before(
    connection: Connection, school_id: str, first: Sequence[SignedReport], known: tuple[datetime, datetime, timedelta]
) -> list[tuple[datetime, SignedReport]]:
    """Return, of the computers of these reports, the newest before them that came in as soon as it was made.

    ``known``: made before which moment, taken in until which, and how long after it was made is at once.
    """
    asked = {
        "school_id": school_id,
        "agents": [one.agent for one in first],
        "sequences": [one.sequence for one in first],
        "begins": known[0],
        "known_at": known[1],
        "clock": known[2],
    }
    return [_made(row) for row in connection.execute(sql("verdict_reports_before"), asked).fetchall()]


def _made(row: Sequence[Any]) -> tuple[datetime, SignedReport]:
    signed = SignedReport(agent=row[0], sequence=row[1], received_at=row[2], payload=row[4], signature=row[5])
    return row[3], signed


def neighbours(
    connection: Connection, school_id: str, spans: Sequence[tuple[str, int, int]], known_at: datetime
) -> list[Known]:
    """Return the numbers and hashes of computers' reports, of each from one number to another."""
    asked = {
        "school_id": school_id,
        "agents": [one[0] for one in spans],
        "lows": [one[1] for one in spans],
        "highs": [one[2] for one in spans],
        "known_at": known_at,
    }
    rows = connection.execute(sql("verdict_neighbours"), asked).fetchall()
    return [Known(agent=row[0], sequence=row[1], sha256=bytes(row[2]).hex()) for row in rows]


def keys(connection: Connection, school_id: str, reports: Iterable[SignedReport], known_at: datetime) -> list[AgentKey]:
    """Return the keys of the computers of these reports, and from where on they are not believed; for the owner.

    By what was recorded until a moment, and where a report of theirs did not continue the one before it.
    """
    newest: dict[str, int] = {}
    for one in reports:
        newest[one.agent] = max(one.sequence, newest.get(one.agent, 0))
    asked = {
        "school_id": school_id,
        "agents": sorted(newest),
        "sequences": [newest[agent] for agent in sorted(newest)],
        "known_at": known_at,
    }
    stolen: dict[str, datetime] = {}
    for agent, body in connection.execute(sql("bundle_agent_keys"), asked).fetchall():
        since = canonical.decode(bytes(body), KeyRecord).distrusted_from
        stolen[agent] = min(since, stolen.get(agent, since))
    rows = connection.execute(sql("verdict_keys"), asked).fetchall()
    return [
        AgentKey(agent=row[0], public=bytes(row[1]), distrusted_from=stolen.get(row[0]), forked_from=row[2])
        for row in rows
    ]


def distrust(connection: Connection, wanted: KeyRecord) -> list[str]:
    """Believe nothing any more that a computer's key signs and that came in from a moment on; return its schools."""
    asked = {"agent_id": wanted.agent, "since": wanted.distrusted_from, "now": wanted.recorded_at}
    found = connection.execute(sql("verdict_distrust"), asked).fetchall()
    for school_id, public in found:
        record = structs.replace(wanted, school=school_id, public=bytes(public).hex())
        body = canonical.encode(record)
        values = {
            "school_id": school_id,
            "agent_id": wanted.agent,
            "recorded_at": wanted.recorded_at,
            "body": body,
            "sha256": canonical.sha256(body),
        }
        connection.execute(sql("verdict_keep_agent_key"), values)
        pending = Pending(
            subject="key",
            key=f"agent/{wanted.agent}",
            school_id=school_id,
            sha256=canonical.sha256(body),
            at=wanted.recorded_at,
        )
        pend(connection, [pending])
    return [row[0] for row in found]


def past(connection: Connection, line: Line, operator: str, first: str, month: str) -> list[Past]:
    """Return what a line's months from ``first`` until the one before ``month`` came to, for this operator."""
    asked = {"school_id": line.school_id, "line": line.line, "operator": operator, "first": first, "month": month}
    rows = connection.execute(sql("verdict_past"), asked).fetchall()
    return [verdict.past_of(verdict.decode(bytes(body))) for (body,) in rows]


def newest(connection: Connection, school_id: str, month: str) -> list[Held]:
    """Return the newest version for each line and operator of a school's month."""
    with connection.cursor(row_factory=kwargs_row(Held)) as cursor:
        return cursor.execute(sql("verdict_newest"), {"school_id": school_id, "month": month}).fetchall()


def keep(connection: Connection, made: Made, place: Place, version: int, now: datetime) -> None:
    """Keep a version, and let it wait for its place in the log; the preliminary one is replaced, and not logged."""
    one = made.verdict
    body = canonical.encode(one)
    _keep_rules(connection, made.facts, now)
    _log_computers(connection, made.facts, now)
    connection.execute(
        sql("verdict_keep"),
        {
            "school_id": one.school,
            "line": one.line,
            "month": one.month,
            "operator": one.operator,
            "version": version,
            "region_id": place.region_id,
            "synthetic": place.synthetic,
            "state": one.state,
            "is_recurring": one.is_recurring,
            "chance": one.chance,
            "judged_at": now,
            "body": body,
            "sha256": canonical.sha256(body),
            "facts": canonical.encode(judge.without_reports(made.facts)),
        },
    )
    if version != PRELIMINARY:
        key = f"{one.line}/{one.month}/{version}"
        pending = Pending(
            subject="verdict",
            key=key,
            school_id=one.school,
            operator=one.operator,
            sha256=canonical.sha256(body),
            at=now,
        )
        pend(connection, [pending])


def _keep_rules(connection: Connection, facts: Facts, now: datetime) -> None:
    """Keep rules as they are in force; they wait for a place in the log if they have none."""
    wanted = []
    for text in (facts.standard, facts.causes):
        sha256 = canonical.sha256(text)
        connection.execute(sql("verdict_keep_rules"), {"sha256": sha256, "body": text})
        wanted.append(Pending(subject="rules", key=sha256.hex(), sha256=sha256, at=now, is_salted=False))
    pend(connection, missing(connection, wanted))


def _log_computers(connection: Connection, facts: Facts, now: datetime) -> None:
    """Let the keys of computers that were enrolled before keys were logged wait for their place in the log."""
    wanted = [agents.enrolled(one.agent, facts.school, one.public, now) for one in facts.keys]
    if lacking := missing(connection, wanted):
        known = agents.public_keys(connection, facts.school, [one.agent for one in facts.keys])
        sound = {agents.enrolled(agent, facts.school, public, now) for agent, public in known.items()}
        pend(connection, [one for one in lacking if one in sound])


def forget_open(connection: Connection, school_id: str, month: str, kept: Sequence[tuple[str, str]]) -> None:
    """Remove preliminary verdicts on lines and operators (as pairs) that have no terms in the month any more."""
    values = {"school_id": school_id, "month": month, "kept": [f"{line}/{operator}" for line, operator in kept]}
    connection.execute(sql("verdict_forget_open"), values)


def chances(connection: Connection, month: str, operator: str) -> list[float]:
    """Return how rare each judged line of an operator is in a month, as far as lines count for that."""
    return chances_that_count(connection.execute(sql("verdict_chances"), {"month": month, "operator": operator}))


def operators(connection: Connection, month: str) -> list[str]:
    """Return the operators with a verdict in a month."""
    return [row[0] for row in connection.execute(sql("verdict_operators"), {"month": month}).fetchall()]


def decided_otherwise(connection: Connection, month: str, operator: str, most_chance: float, risk: float) -> list[str]:
    """Return the schools with a line that may be judged otherwise, has a breach to be as rare as ``most_chance``.

    ``risk``: what any broken line is rarer than, whatever the others are.
    """
    asked = {"month": month, "operator": operator, "most_chance": most_chance, "risk": risk}
    return [row[0] for row in connection.execute(sql("verdict_decided_otherwise"), asked).fetchall()]


def discovery(connection: Connection, operator: str, month: str) -> Discovery | None:
    """Return how rare a breach of an operator's line has to be in a month; null while that is not known."""
    row = connection.execute(sql("verdict_discovery"), {"operator": operator, "month": month}).fetchone()
    return None if row is None else Discovery(lines=row[1], accused=row[2], most_chance=row[3])


def keep_discovery(connection: Connection, operator: str, month: str, one: Discovery, now: datetime) -> None:
    """Keep how rare a breach has to be from now on."""
    asked = {"operator": operator, "month": month}
    row = connection.execute(sql("verdict_discovery"), asked).fetchone()
    values: dict[str, Any] = asked | {"number": row[0] + 1 if row else 1, "made_at": now}
    values |= {"lines": one.lines, "accused": one.accused, "most_chance": one.most_chance}
    connection.execute(sql("verdict_keep_discovery"), values)


def months(connection: Connection) -> dict[str, datetime | None]:
    """Return the months that are being closed or were, with when."""
    return dict(connection.execute(sql("verdict_months")).fetchall())


def first_month(connection: Connection) -> str | None:
    """Return the month in which the oldest contract begins."""
    row = connection.execute(sql("verdict_first_month")).fetchone()
    return row[0] if row else None


def begin_month(connection: Connection, month: str, now: datetime) -> None:
    """Note that a month is being closed."""
    connection.execute(sql("verdict_begin_month"), {"month": month, "now": now})


def close_month(connection: Connection, month: str, now: datetime) -> None:
    """Note that a month is closed: from now on each change is a new version."""
    connection.execute(sql("verdict_close_month"), {"month": month, "now": now})


def later_months(connection: Connection, line: Line, operator: str, month: str, last: str) -> list[str]:
    """Return a line's months after one, until ``last``, that have a verdict for this operator."""
    asked = {"school_id": line.school_id, "line": line.line, "operator": operator, "month": month, "last": last}
    return [row[0] for row in connection.execute(sql("verdict_later_months"), asked).fetchall()]


def listed(connection: Connection, wanted: Wanted, *, limit: int, offset: int) -> tuple[list[Listed], int]:
    """Return the newest versions that the viewer may see, breaches first, and how many there are in all."""
    asked = structs.asdict(wanted) | {"school_id": wanted.school, "limit": limit, "offset": offset}
    found, total = _listed(connection, "verdicts_listed", asked)
    if not found and offset:
        total = _listed(connection, "verdicts_listed", asked | {"limit": 1, "offset": 0})[1]
    return found, total


def counts(connection: Connection, first: str, last: str, operator: str | None = None) -> list[Count]:
    """Return how many lines came out how in the months from first to last, as far as the viewer may see."""
    asked = {"first": first, "last": last, "operator": operator}
    with connection.cursor(row_factory=kwargs_row(Count)) as cursor:
        return cursor.execute(sql("verdict_counts"), asked).fetchall()


def breaches(connection: Connection, first: str, last: str) -> list[Breaches]:
    """Return what is judged a breach in the months from first to last, as far as the viewer may see."""
    with connection.cursor(row_factory=kwargs_row(Breaches)) as cursor:
        return cursor.execute(sql("verdict_breaches"), {"first": first, "last": last}).fetchall()


def versions(connection: Connection, line: Line, month: str, operator: str | None) -> list[Listed]:
    """Return all versions of a line's month that the viewer may see, of each operator the newest first."""
    asked = {"school_id": line.school_id, "line": line.line, "month": month, "operator": operator}
    return _listed(connection, "verdict_versions", asked)[0]


def _listed(connection: Connection, name: str, asked: dict[str, Any]) -> tuple[list[Listed], int]:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(sql(name), asked).fetchall()
    total = rows[0]["total"] if rows else 0
    kept = ({key: value for key, value in row.items() if key not in ("body", "total")} for row in rows)
    return [
        Listed(**one, verdict=verdict.decode(bytes(row["body"]))) for one, row in zip(kept, rows, strict=True)
    ], total
