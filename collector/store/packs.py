"""What an evidence pack needs besides the verdict: the facts of its version, and where it stands in the log."""

from msgspec import Struct
from psycopg.rows import kwargs_row

from collector.store.checkpoints import CheckpointRecord
from collector.store.database import Connection
from collector.store.evidence import StoredEntry
from collector.store.questions import sql
from collector.store.verdicts import Listed


class Drawn(Struct, frozen=True):
    """What a version was drawn from: facts without reports, and the bytes of both rules; null: not kept any more."""

    facts: bytes
    standard: bytes | None
    causes: bytes | None


def drawn_from(connection: Connection, one: Listed) -> Drawn | None:
    """Return what a version of a verdict was drawn from, null where the viewer sees no such verdict."""
    asked = {
        "school_id": one.school,
        "line": one.line,
        "month": one.month,
        "operator": one.operator,
        "version": one.version,
        "standard": bytes.fromhex(one.verdict.standard_sha256),
        "causes": bytes.fromhex(one.verdict.causes_sha256),
    }
    row = connection.execute(sql("pack_facts"), asked).fetchone()
    if row is None:
        return None
    facts, standard, causes = row
    return Drawn(bytes(facts), standard and bytes(standard), causes and bytes(causes))


def entries(connection: Connection, one: Listed) -> list[StoredEntry]:
    """Return the log's entries about versions of this number of verdicts on the same line and month, any operator's."""
    values = {"school_id": one.school, "key": f"{one.line}/{one.month}/{one.version}"}
    with connection.cursor(row_factory=kwargs_row(StoredEntry)) as cursor:
        return cursor.execute(sql("pack_entries"), values).fetchall()


def first_checkpoint(connection: Connection, log: int, index: int) -> CheckpointRecord | None:
    """Return the first checkpoint of a log that covers an entry, null while none does."""
    with connection.cursor(row_factory=kwargs_row(CheckpointRecord)) as cursor:
        return cursor.execute(sql("pack_first_checkpoint"), {"log": log, "index": index}).fetchone()
