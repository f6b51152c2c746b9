"""The log: what waits for its place in it, its entries, its tree."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct, structs, to_builtins
from psycopg.rows import kwargs_row

from collector.evidence.entry import Subject
from collector.evidence.tiles import Tile
from collector.store import copying
from collector.store.columns import Pack, bigints, booleans, bytestrings, integers, moments, packed, texts
from collector.store.database import Connection
from collector.store.questions import sql

_LOCK = 0x6C6F67  # "log": one transaction at a time gives places


class Pending(Struct, frozen=True, kw_only=True):
    """Something that shall stand in the log (collector.evidence.entry); ``sha256`` is of its very bytes.

    ``school_id`` and ``operator`` say who may see the entry, null where it concerns no single one. ``is_salted``: the
    bytes could be guessed, so that the entry's hash alone would tell them.
    """

    subject: Subject
    key: str
    school_id: str | None = None
    operator: str | None = None
    sha256: bytes
    at: datetime
    is_salted: bool = True


_PENDING: dict[str, Pack] = {
    "school_id": texts,
    "operator": texts,
    "subject": texts,
    "key": texts,
    "sha256": bytestrings,
    "at": moments,
    "is_salted": booleans,
}
_TILE: dict[str, Pack] = {"level": integers, "number": bigints, "hashes": bytestrings}


def pend(connection: Connection, wanted: Sequence[Pending]) -> None:
    """Let things wait for their place in the log, in the very transaction that stores them."""
    if not wanted:
        return
    rows = [
        {
            "school_id": one.school_id or "",
            "operator": one.operator or "",
            "subject": one.subject,
            "key": one.key,
            "sha256": one.sha256,
            "at": one.at,
            "is_salted": one.is_salted,
        }
        for one in wanted
    ]
    connection.execute(sql("log_pend"), packed(_PENDING, rows))


def missing(connection: Connection, wanted: Sequence[Pending]) -> list[Pending]:
    """Return those that neither stand in a log nor wait, by school, subject and key; for the owner."""
    lacking = list(wanted)
    for question in ("log_has", "log_awaits"):
        if not lacking:
            break
        schools, keys = {one.school_id or "" for one in lacking}, {one.key for one in lacking}
        asked = {"schools": sorted(schools), "keys": sorted(keys)}
        known = set(connection.execute(sql(question), asked).fetchall())
        lacking = [one for one in lacking if (one.school_id or "", one.subject, one.key) not in known]
    return lacking


class LogRecord(Struct, frozen=True, kw_only=True):
    """One log. ``stopped``: why it stands still; ``before``: the last checkpoint of the log before it."""

    number: int
    origin: str
    public_key: bytes
    size: int
    begun_at: datetime
    ended_at: datetime | None
    reason: str | None
    stopped: str | None
    before: str | None


class StoredEntry(Struct, frozen=True, kw_only=True):
    """An entry in its place: of which log, and the bytes that are the leaf. ``school_id`` is empty where none is."""

    school_id: str
    log: int
    index: int
    entry: bytes


class ReceiptKey(Struct, frozen=True, kw_only=True):
    """A key with which receipts are signed, by the id that they name it with."""

    key_id: str
    public_key: bytes
    made_at: datetime


def one_at_a_time(connection: Connection) -> None:
    """Let nobody else write the log until the transaction ends."""
    connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))


def newest_log(connection: Connection) -> LogRecord | None:
    """Return the log that grows; null before the first one began."""
    with connection.cursor(row_factory=kwargs_row(LogRecord)) as cursor:
        return cursor.execute(sql("log_newest")).fetchone()


def logs(connection: Connection, number: int | None = None) -> list[LogRecord]:
    """Return all logs, or the one of this number, the oldest first."""
    with connection.cursor(row_factory=kwargs_row(LogRecord)) as cursor:
        return cursor.execute(sql("log_numbered"), {"number": number}).fetchall()


def begin_log(connection: Connection, one: LogRecord) -> None:
    """Begin a log; after ``one_at_a_time``."""
    values = {name: getattr(one, name) for name in ("number", "origin", "public_key", "begun_at", "before")}
    connection.execute(sql("log_begin"), values)


def end_log(connection: Connection, number: int, reason: str, now: datetime) -> None:
    """End a log, because another one begins."""
    connection.execute(sql("log_end"), {"number": number, "reason": reason, "ended_at": now})


def stop_log(connection: Connection, number: int, why: str | None) -> bool:
    """Note why a log stands still, or that it goes on; tell whether that is new."""
    return connection.execute(sql("log_stop"), {"number": number, "stopped": why}).rowcount > 0


def take(connection: Connection, most: int) -> list[Pending]:
    """Return what has waited longest, which waits no more, in the order of its places; after ``one_at_a_time``."""
    rows = connection.execute(sql("log_take"), {"most": most}, binary=True).fetchall()
    found = [
        Pending(
            subject=subject,
            key=key,
            school_id=school_id or None,
            operator=operator or None,
            sha256=bytes(sha256),
            at=at.astimezone(UTC),
            is_salted=is_salted,
        )
        for subject, key, school_id, operator, sha256, at, is_salted in rows
    ]
    return sorted(found, key=lambda one: (one.at, one.school_id or "", one.subject, one.key, one.sha256))


def pend_again(connection: Connection, log: int, size: int) -> int:
    """Let the entries of a log from this size on wait for a place in the next one; return how many."""
    return connection.execute(sql("log_pend_again"), {"log": log, "size": size}).rowcount


def regions(connection: Connection, schools: Sequence[str]) -> dict[str, str]:
    """Return the regions of schools."""
    return dict(connection.execute(sql("log_regions"), {"schools": list(schools)}).fetchall())


def append(connection: Connection, log: LogRecord, rows: copying.Rows, tiles: Mapping[Tile, bytes]) -> None:
    """Store entries and what they change of the tree; for the owner, after ``one_at_a_time``."""
    copying.copy(connection, rows)
    table = [{"level": level, "number": number, "hashes": held} for (level, number), held in tiles.items()]
    connection.execute(sql("log_keep_tiles"), {"log": log.number, **packed(_TILE, table)})
    connection.execute(sql("log_grow"), {"number": log.number, "size": log.size + rows.count})


def tile(connection: Connection, log: int, level: int, number: int) -> bytes:
    """Return a tile's hashes, empty where there is none."""
    row = connection.execute(sql("log_tile"), {"log": log, "level": level, "number": number}, binary=True).fetchone()
    return bytes(row[0]) if row else b""


class Thing(Struct, frozen=True):
    """What an entry is about; ``school_id``: null for that of any school."""

    subject: str
    key: str
    school_id: str | None = None


def entries_of(connection: Connection, thing: Thing, *, limit: int) -> list[StoredEntry]:
    """Return the entries about a thing, the oldest first: more than one where it began and ended, or a log did."""
    with connection.cursor(row_factory=kwargs_row(StoredEntry)) as cursor:
        return cursor.execute(sql("log_entries_of"), structs.asdict(thing) | {"limit": limit}).fetchall()


class Wanted(Struct, frozen=True, kw_only=True):
    """Which entries are asked for; null asks for all."""

    school_id: str | None = None
    subject: str | None = None


def entries_after(connection: Connection, wanted: Wanted, after: tuple[int, int], limit: int) -> list[StoredEntry]:
    """Return entries in the order of the log, those after a place (log, index)."""
    values = {"school_id": wanted.school_id, "subject": wanted.subject, "log": after[0], "index": after[1]}
    with connection.cursor(row_factory=kwargs_row(StoredEntry)) as cursor:
        return cursor.execute(sql("log_entries_after"), {**values, "limit": limit}).fetchall()


def count_entries(connection: Connection, wanted: Wanted, most: int) -> int:
    """Return how many entries there are, counted to ``most``."""
    values = {"school_id": wanted.school_id, "subject": wanted.subject, "most": most}
    row = connection.execute(sql("log_count_entries"), values).fetchone()
    return int(row[0]) if row else 0


def waiting(connection: Connection, most: int) -> tuple[int, datetime | None]:
    """Return how many things wait for their place, counted to ``most``, and since when the oldest does; the owner."""
    row = connection.execute(sql("log_waiting"), {"most": most}).fetchone()
    return (row[0], row[1]) if row else (0, None)


def keep_receipt_key(connection: Connection, key: ReceiptKey) -> bool:
    """Make a key for receipts known; tell whether it was not."""
    return (
        connection.execute(sql("log_keep_receipt_key"), to_builtins(key, builtin_types=(bytes, datetime))).rowcount > 0
    )


def receipt_keys(connection: Connection) -> list[ReceiptKey]:
    """Return every key with which receipts were ever signed."""
    with connection.cursor(row_factory=kwargs_row(ReceiptKey)) as cursor:
        return cursor.execute(sql("log_receipt_keys")).fetchall()
