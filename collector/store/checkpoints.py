"""Checkpoints of the log as they were signed, the witnesses who may cosign them, and who did."""

from datetime import datetime

import psycopg
from msgspec import Struct, to_builtins
from psycopg.rows import kwargs_row

from collector.errors import NotFound
from collector.evidence.errors import EvidenceError
from collector.store.database import Connection
from collector.store.questions import sql


class CheckpointRecord(Struct, frozen=True, kw_only=True):
    """A checkpoint; ``note`` is as the log signed it, ``stamp`` an authority's word on when (RFC 3161)."""

    log: int
    size: int
    root: bytes
    at: datetime
    note: str
    stamp: bytes | None = None


class Cosignature(Struct, frozen=True, kw_only=True):
    """A witness's line under a checkpoint; ``at`` is the witness's clock."""

    witness: str
    at: datetime
    line: str
    received_at: datetime


class WitnessRecord(Struct, frozen=True, kw_only=True):
    """Who may cosign, from when to when; ``size`` and ``at``: what it cosigned last of the log that was asked about."""

    name: str
    key: str
    added_at: datetime
    ended_at: datetime | None
    size: int | None
    at: datetime | None


def keep(connection: Connection, checkpoint: CheckpointRecord) -> None:
    """Store a checkpoint."""
    connection.execute(sql("checkpoint_keep"), to_builtins(checkpoint, builtin_types=(bytes, datetime)))


def keep_stamp(connection: Connection, log: int, size: int, stamp: bytes) -> None:
    """Store an authority's stamp of a checkpoint; the first one stays."""
    connection.execute(sql("checkpoint_keep_stamp"), {"log": log, "size": size, "stamp": stamp})


def newest(connection: Connection, log: int) -> CheckpointRecord | None:
    """Return a log's newest checkpoint."""
    found = of_log(connection, log, limit=1)
    return found[0] if found else None


def of_log(connection: Connection, log: int, *, limit: int) -> list[CheckpointRecord]:
    """Return a log's checkpoints, the newest first."""
    with connection.cursor(row_factory=kwargs_row(CheckpointRecord)) as cursor:
        return cursor.execute(sql("checkpoints_of_log"), {"log": log, "limit": limit}).fetchall()


def of_size(connection: Connection, log: int, size: int) -> CheckpointRecord | None:
    """Return a log's checkpoint at a size."""
    with connection.cursor(row_factory=kwargs_row(CheckpointRecord)) as cursor:
        return cursor.execute(sql("checkpoint_of_size"), {"log": log, "size": size}).fetchone()


def keep_cosignature(connection: Connection, log: int, size: int, one: Cosignature) -> None:
    """Store a witness's line; a second one under the same checkpoint says nothing new."""
    values = {"log": log, "size": size, **to_builtins(one, builtin_types=(datetime,))}
    connection.execute(sql("checkpoint_keep_cosignature"), values)


def cosignatures(connection: Connection, log: int, size: int) -> list[Cosignature]:
    """Return the witnesses' lines under a checkpoint, by name."""
    with connection.cursor(row_factory=kwargs_row(Cosignature)) as cursor:
        return cursor.execute(sql("checkpoint_cosignatures"), {"log": log, "size": size}).fetchall()


def add_witness(connection: Connection, name: str, key: str, now: datetime) -> None:
    """Let a witness cosign from now on.

    Raises:
        EvidenceError: there is one of this name or with this key.
    """
    try:
        with connection.transaction():
            connection.execute(sql("witness_keep"), {"name": name, "key": key, "at": now})
    except psycopg.errors.UniqueViolation as error:
        raise EvidenceError(
            f"there was a witness called {name}, or with this key, before: names and keys are never used twice"
        ) from error


def end_witness(connection: Connection, name: str, now: datetime) -> None:
    """Let a witness cosign no more; what it cosigned stays. Raises NotFound."""
    if not connection.execute(sql("witness_end"), {"name": name, "at": now}).rowcount:
        raise NotFound(f"there is no witness called {name!r} that may cosign now; see 'evidence witnesses list'")


def witnesses(connection: Connection, log: int) -> list[WitnessRecord]:
    """Return all who may or might once cosign, by name."""
    with connection.cursor(row_factory=kwargs_row(WitnessRecord)) as cursor:
        return cursor.execute(sql("witnesses"), {"log": log}).fetchall()
