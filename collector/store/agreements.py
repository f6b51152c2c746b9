"""Contracts, exclusions and disputes: each record as its very bytes, beside the columns that questions need."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct, structs
from psycopg import sql as compose

from collector.store.database import Connection
from collector.store.evidence import Pending, pend
from collector.store.questions import sql
from collector.verdicts import canonical
from collector.verdicts.disputes import Disputed, Step
from collector.verdicts.exclusions import Exclusion
from collector.verdicts.terms import Terms

_LOCK = 0x61677265  # "agre": what is asked of a school's agreements cannot change between the look and the record
_TABLES = ("contract", "exclusion", "dispute_step", "dispute_file")
_Kind = TypeVar("_Kind", bound=Struct)


class Wanted(Struct, frozen=True, kw_only=True):
    """Which disputes are asked for; null asks for all."""

    id: str | None = None
    school: str | None = None
    operator: str | None = None
    line: str | None = None
    month: str | None = None


class ContractsWanted(Struct, frozen=True, kw_only=True):
    """Which schools are asked for; null asks for all. ``missing``: those without any contract."""

    school_id: str | None = None
    region: str | None = None
    operator: str | None = None
    missing: bool = False


class Judged(Struct, frozen=True):
    """A version of a verdict, as far as a dispute asks of it."""

    state: str
    judged_at: datetime
    is_newest: bool


def one_change_at_a_time(connection: Connection) -> None:
    """Let nobody else change an agreement until the transaction ends."""
    connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))


def keep_terms(connection: Connection, terms: Terms, region_id: str) -> None:
    """Add a record of a contract, and let its operator see what is excluded on the line; after the lock."""
    body = canonical.encode(terms)
    values = {
        "school_id": terms.school,
        "line": terms.line,
        "contract": terms.contract,
        "number": terms.number,
        "operator": terms.operator,
        "region_id": region_id,
        "valid_from": terms.valid_from,
        "recorded_at": terms.recorded_at,
        "body": body,
        "sha256": canonical.sha256(body),
    }
    connection.execute(sql("contract_keep"), values)
    connection.execute(sql("exclusion_shown_to"), values)
    _pend(
        connection,
        Pending(
            subject="contract",
            key=f"{terms.line}/{terms.number}/{terms.contract}",
            school_id=terms.school,
            operator=terms.operator,
            sha256=canonical.sha256(body),
            at=terms.recorded_at,
        ),
    )


def terms_of(
    connection: Connection, *, schools: Sequence[str] | None = None, operator: str | None = None
) -> list[Terms]:
    """Return all records of contracts that the viewer may see, of these schools or of one operator."""
    asked = {"schools": None if schools is None else list(schools), "operator": operator}
    return _read(connection, "contract_records", asked, Terms)


def schools_with_terms(
    connection: Connection, wanted: ContractsWanted, *, limit: int, offset: int
) -> tuple[list[str], int]:
    """Return one page of the schools with contracts that the viewer may see, or without, and how many there are."""
    asked = structs.asdict(wanted) | {"limit": limit, "offset": offset}
    rows = connection.execute(sql("contract_schools"), asked).fetchall()
    if not rows and offset:
        first = connection.execute(sql("contract_schools"), asked | {"limit": 1, "offset": 0}).fetchone()
        return [], int(first[1]) if first else 0
    return [row[0] for row in rows], int(rows[0][1]) if rows else 0


def has_operator(connection: Connection, operator: str) -> bool:
    """Tell whether there is a contract with an operator."""
    return connection.execute(sql("contract_operator_is_known"), {"operator": operator}).fetchone() == (True,)


def keep_exclusion(connection: Connection, one: Exclusion, region_id: str, operators: Sequence[str]) -> None:
    """Add a record of an exclusion; ``operators`` are shown it, all of them if it names no school and none is given."""
    body = canonical.encode(one)
    values = {
        "school_id": one.school or "",
        "exclusion_id": one.id,
        "number": one.number,
        "region_id": region_id,
        "operators": list(operators),
        "line": one.line,
        "begins": one.begins,
        "ends": one.ends,
        "recorded_at": one.recorded_at,
        "body": body,
        "sha256": canonical.sha256(body),
    }
    connection.execute(sql("exclusion_keep"), values)
    _pend(
        connection,
        Pending(
            subject="exclusion",
            key=f"{one.id}/{one.number}",
            school_id=one.school,
            operator=one.operator or (operators[0] if len(operators) == 1 else None),
            sha256=canonical.sha256(body),
            at=one.recorded_at,
        ),
    )


def exclusions(
    connection: Connection,
    *,
    exclusion_id: str | None = None,
    school_id: str | None = None,
    region_id: str | None = None,
    begins: datetime | None = None,
    ends: datetime | None = None,
) -> list[Exclusion]:
    """Return all records of exclusions that the viewer may see, in the order of their numbers.

    Args:
        connection: whose rights count.
        exclusion_id: of this one only.
        school_id: for this school, with what is for its region (name it too) and for the whole country.
        region_id: for this region, with what is for the whole country.
        begins: those that end after it.
        ends: those that begin before it.
    """
    asked = {"id": exclusion_id, "school_id": school_id, "region_id": region_id, "begins": begins, "ends": ends}
    return _read(connection, "exclusion_records", asked, Exclusion)


def shown_to(connection: Connection, one: Exclusion) -> list[str]:
    """Return which operators are shown an exclusion."""
    row = connection.execute(sql("exclusion_operators"), {"school_id": one.school or "", "id": one.id}).fetchone()
    return list(row[0]) if row else []


def keep_step(connection: Connection, step: Step, region_id: str, content: bytes | None = None) -> None:
    """Add a step of a dispute, and the file that it attaches."""
    body = canonical.encode(step)
    values: dict[str, Any] = {
        "school_id": step.about.school,
        "dispute_id": step.dispute,
        "number": step.number,
        "region_id": region_id,
        "operator": step.about.operator,
        "line": step.about.line,
        "month": step.about.month,
        "at": step.at,
        "body": body,
        "sha256": canonical.sha256(body),
    }
    connection.execute(sql("dispute_keep_step"), values)
    if content is not None and step.attached is not None:
        own = {"sha256": bytes.fromhex(step.attached.sha256), "content": content}
        connection.execute(sql("dispute_keep_file"), values | own)
    _pend(
        connection,
        Pending(
            subject="dispute",
            key=f"{step.dispute}/{step.number}",
            school_id=step.about.school,
            operator=step.about.operator,
            sha256=canonical.sha256(body),
            at=step.at,
        ),
    )


def steps(connection: Connection, wanted: Wanted) -> list[Step]:
    """Return the steps of disputes that the viewer may see, in their order."""
    asked = {
        "id": wanted.id,
        "school_id": wanted.school,
        "operator": wanted.operator,
        "line": wanted.line,
        "month": wanted.month,
    }
    return _read(connection, "dispute_steps", asked, Step)


def verdict_of(connection: Connection, about: Disputed) -> Judged | None:
    """Return a version of a verdict about an operator's contract, null where the viewer may see none such."""
    asked = {
        "school_id": about.school,
        "line": about.line,
        "month": about.month,
        "operator": about.operator,
        "version": about.version,
    }
    row = connection.execute(sql("dispute_verdict"), asked).fetchone()
    return None if row is None else Judged(*row)


def attached(connection: Connection, school_id: str, dispute_id: str, sha256: str) -> bytes | None:
    """Return a file that was attached to a dispute, null where the viewer may see none such."""
    asked = {"school_id": school_id, "id": dispute_id, "sha256": bytes.fromhex(sha256)}
    row = connection.execute(sql("dispute_file"), asked).fetchone()
    return None if row is None else bytes(row[0])


def follow_schools(connection: Connection, school_ids: Iterable[str]) -> None:
    """Let agreements go with schools that came to another region."""
    for table in _TABLES:
        moved = compose.SQL(sql("contract_follows_its_school")).format(table=compose.Identifier(table))
        connection.execute(moved, {"schools": list(school_ids)})


def _pend(connection: Connection, one: Pending) -> None:
    pend(connection, [one])


def _read(connection: Connection, question: str, asked: dict[str, Any], kind: type[_Kind]) -> list[_Kind]:
    return [canonical.decode(bytes(body), kind) for (body,) in connection.execute(sql(question), asked).fetchall()]
