"""What is stored is promised a place in the log: signed by each process that answers, with a key of its computer's."""

import hashlib
import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from nacl.signing import SigningKey

from agent.contract import signing, wire
from collector.evidence import promise, safekeeping
from collector.evidence.errors import KeepingError
from collector.ledger.checkpointing import EVERY_S
from collector.ledger.keeping import data_folder
from collector.settings import Settings
from collector.store import evidence
from collector.store.database import Connection
from collector.store.evidence import Pending, ReceiptKey

KEY = "receipts.key"
# The next checkpoint at the latest, and an hour for one that was late.
WITHIN = timedelta(seconds=EVERY_S) + timedelta(hours=1)
_FRESH = timedelta(seconds=10)

_log = logging.getLogger(__name__)


class Promiser:
    """Knows which log grows, looked up every few seconds; promises nothing while none does."""

    def __init__(self, settings: Settings) -> None:
        self._file = data_folder(settings) / KEY
        self._lock = threading.Lock()
        self._key: SigningKey | None = None
        self._origin: str | None = None
        self._looked_at: datetime | None = None
        self._is_told = False

    def look(self, connection: Connection, now: datetime) -> None:
        """Look which log grows, in a transaction that stores reports; what it stores itself is part of that."""
        with self._lock:
            if self._looked_at is not None and abs(now - self._looked_at) < _FRESH:
                return
            self._looked_at = now
            log = evidence.newest_log(connection)
            key = self._own_key() if log is not None and log.stopped is None else None
            self._origin = log.origin if log is not None and key is not None else None
            if key is not None:
                _make_known(connection, key, now)

    def promise(self, receipts: Sequence[wire.Receipt], now: datetime) -> wire.Promise | None:
        """Return the promise for what was stored; null where nothing was, or nobody can promise."""
        key, origin = self._key, self._origin
        if key is None or origin is None or not any(one.answer in ("stored", "duplicate") for one in receipts):
            return None
        return promise.made(origin, now + WITHIN, receipts, key)

    def _own_key(self) -> SigningKey | None:
        if self._key is None:
            try:
                self._key = safekeeping.made_key(self._file)
            except KeepingError as error:
                if not self._is_told:
                    self._is_told = True
                    _log.warning("receipts promise no place in the log: %s", error)
        return self._key


def _make_known(connection: Connection, key: SigningKey, now: datetime) -> None:
    public = bytes(key.verify_key)
    known = ReceiptKey(key_id=signing.agent_id(public), public_key=public, made_at=now)
    if evidence.keep_receipt_key(connection, known):
        sha256 = hashlib.sha256(public).digest()
        evidence.pend(
            connection, [Pending(subject="key", key=f"receipts/{known.key_id}", sha256=sha256, at=now, is_salted=False)]
        )
