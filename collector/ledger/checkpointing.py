"""The log's word on what it has: a checkpoint, signed each hour in which something came; a job."""

import logging
from datetime import UTC, datetime

from agent.contract.errors import SettingsError
from collector.evidence import merkle, note
from collector.evidence.errors import LogStopped, StampError
from collector.evidence.note import Checkpoint, Note
from collector.ledger import sequencing, stamping
from collector.ledger.keeping import keeping_of
from collector.ledger.trees import tree_of
from collector.settings import Settings
from collector.store import checkpoints, evidence
from collector.store.checkpoints import CheckpointRecord
from collector.store.database import Database

EVERY_S = 3600.0

_log = logging.getLogger(__name__)


def run(database: Database, settings: Settings) -> CheckpointRecord | None:
    """Give all that waits its place and sign what the log has then; return its newest checkpoint, null of an empty log.

    Raises:
        LogStopped: the log must not go on; says what to do.
    """
    sequencing.run(database, settings)
    keeping, now = keeping_of(settings), datetime.now(UTC)
    with database.owning() as connection:
        log = sequencing.opened(connection, settings, keeping, now)
        newest = checkpoints.newest(connection, log.number)
        if not log.stopped and log.size > (newest.size if newest else 0):
            said = Checkpoint(log.origin, log.size, merkle.root(tree_of(connection, log.number).node, log.size))
            signed = Note(said.body, (note.sign(said.body, log.origin, keeping.made_key()),))
            # Before the commit: what anybody may have seen is never newer than the file.
            keeping.keep(evidence.logs(connection)[0].origin, signed)
            newest = CheckpointRecord(log=log.number, size=said.size, root=said.root, at=now, note=signed.text)
            checkpoints.keep(connection, newest)
    if log.stopped:
        raise LogStopped(log.stopped)
    if newest is not None and newest.stamp is None and settings.evidence.timestamp_url is not None:
        _stamp(database, settings.evidence.timestamp_url, newest)
    return newest


def _stamp(database: Database, url: str, newest: CheckpointRecord) -> None:
    """Have a checkpoint stamped; an authority that does not answer holds nobody up."""
    try:
        stamp = stamping.stamped(url, newest.note.encode())
    except (StampError, SettingsError) as error:
        _log.warning("the checkpoint of %d entries has no stamp: %s", newest.size, error)
        return
    with database.owning() as connection:
        checkpoints.keep_stamp(connection, newest.log, newest.size, stamp)
