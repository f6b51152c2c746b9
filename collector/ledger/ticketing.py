"""Tickets for test servers that want to see a lease: signed by each process that answers, with its computer's key.

The key signs nothing else. Every computer that runs a collector has its own, and test servers are told them all.
"""

import logging
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from nacl.signing import SigningKey

from agent.contract import ticket, wire
from agent.contract.ticket import Ticket
from collector.evidence import safekeeping
from collector.evidence.errors import KeepingError
from collector.ledger.keeping import data_folder
from collector.settings import Settings

KEY = "leases.key"
AFTER = timedelta(seconds=30)  # for what a session asks of the server when the line is free again (a video lesson)
# A ticket bounds what a stolen one costs, and never cuts a test off: nobody knows how fast a line is before that.
_MOST_BPS = 2.5e9

_log = logging.getLogger(__name__)


def key_file(settings: Settings) -> Path:
    """Return where the key is that signs tickets."""
    return data_folder(settings) / KEY


def public_key(settings: Settings) -> bytes:
    """Return what test servers are told, with the key made on first use. Raises KeepingError."""
    return bytes(safekeeping.made_key(key_file(settings)).verify_key)


def with_ticket(settings: Settings, reply: wire.LeaseReply, now: datetime) -> wire.LeaseReply:
    """Return the answer with a ticket where it gives the line and names a server; without where no key can be made."""
    if reply.state != "granted" or reply.server is None or reply.lease is None:
        return reply
    try:
        key = safekeeping.made_key(key_file(settings))
    except KeepingError as error:
        _log.warning("leases go without tickets, and test servers that want them refuse the tests: %s", error)
        return reply
    return msgspec.structs.replace(reply, ticket=issued(reply, key, now))


def issued(reply: wire.LeaseReply, key: SigningKey, now: datetime) -> str:
    """Return the ticket of a lease that was given."""
    begins, ends = (now + timedelta(seconds=one) for one in (reply.starts_in_s, reply.ends_in_s))
    seconds = (ends - begins + AFTER).total_seconds()
    made = Ticket(
        lease=reply.lease or "",
        server=reply.server or "",
        not_before=int(begins.timestamp()),
        expires=int((ends + AFTER).timestamp()) + 1,
        max_bytes=int(seconds * _MOST_BPS / 8),
    )
    return ticket.issue(made, key)
