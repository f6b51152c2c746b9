"""The job that sends what waits, to all subscribers at once; tried again for three days, then given up and shown.

A message keeps its id and its bytes over all tries, so that a receiver knows one that comes twice. A subscriber that
does not answer gets one try a round and costs the others nothing.
"""

import asyncio
import itertools
import logging
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from agent.contract.errors import NetreadyError, SettingsError
from collector.notices import destination, mail, message, subscribing, webhooks
from collector.notices.destination import Network
from collector.notices.webhooks import Outcome
from collector.settings import NoticesSettings, Settings
from collector.store import notices
from collector.store.database import Database
from collector.store.notices import Due, Subscriber, Tried

EVERY_S = 5.0
# Seconds between tries: 72 hours in all, so that a long weekend without anybody to restart a server loses nothing.
PAUSES = (10, 120, 600, 1_800, 7_200, 21_600, 43_200, 86_400, 98_270)
_EACH = 20
_AT_ONCE = 32
_ROUND_S = 10.0
_ENDED = "the subscription ended"

_log = logging.getLogger(__name__)


class Post(Struct, frozen=True, kw_only=True):
    """How messages leave."""

    settings: NoticesSettings
    allowed: tuple[Network, ...]
    trusted: ssl.SSLContext


class Recipient(Struct, frozen=True):
    """A subscriber, and what its messages are signed with; null for one who gets email."""

    subscriber: Subscriber
    secret: bytes | None


def post_of(settings: NoticesSettings) -> Post:
    """Return how messages leave by these settings; raises SettingsError for what cannot be used."""
    try:
        trusted = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"notices.ca_file: {settings.ca_file} cannot be used: {error}") from error
    return Post(settings=settings, allowed=destination.networks(settings.allowed_networks), trusted=trusted)


def run(database: Database, settings: Settings, *, now: datetime | None = None) -> int:
    """Send what waits; return how many messages were tried."""
    if not settings.notices.send:
        return 0
    at = now or datetime.now(UTC)
    with database.owning() as connection:
        subscribing.end_lapsed(connection, at)
        subscribers = {one.id: one for one in notices.subscribers(connection)}
        notices.drop_waiting(connection, subscribers, _ENDED)
        waiting = notices.due(connection, at, _EACH)
        secrets = notices.secrets(connection) if waiting else {}
    if not waiting:
        return 0
    post = post_of(settings.notices)
    work = [
        (Recipient(subscribers[key], secrets.get(key)), list(group))
        for key, group in itertools.groupby(waiting, key=lambda one: one.subscriber_id)
    ]
    return asyncio.run(_round(database, post, work, at))


async def _round(database: Database, post: Post, work: Sequence[tuple[Recipient, list[Due]]], now: datetime) -> int:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(recipient: Recipient, waiting: list[Due]) -> int:
        async with turns:
            return await _send_to(database, post, recipient, waiting, now)

    return sum(await asyncio.gather(*(one(*each) for each in work)))


async def _send_to(database: Database, post: Post, recipient: Recipient, waiting: Sequence[Due], now: datetime) -> int:
    """Send to one subscriber until something fails or its time is up; return how many messages were tried."""
    until = time.monotonic() + _ROUND_S
    for count, due in enumerate(waiting, start=1):
        outcome = await send(post, recipient, due.event_id, due.body, now)
        _keep(database, due, outcome, now)
        if not outcome.is_delivered or time.monotonic() > until:
            return count
    return len(waiting)


async def send(post: Post, recipient: Recipient, message_id: str, body: bytes, now: datetime) -> Outcome:
    """Send one message; return what became of it."""
    one = recipient.subscriber
    try:
        if recipient.secret is not None:
            headers = webhooks.headers_of(message_id, body, recipient.secret, now)
            return await webhooks.post(one.address, headers, body, post.allowed, post.trusted)
        read, own_id = message.decoded(body), f"{message_id}.{one.id}"
        return await asyncio.to_thread(mail.send, read, own_id, one.address, post.settings, post.trusted)
    except NetreadyError as error:
        return Outcome(is_delivered=False, said=str(error))


def _keep(database: Database, due: Due, outcome: Outcome, now: datetime) -> None:
    tried = _tried(due, outcome, now)
    with database.owning() as connection:
        notices.was_tried(connection, due, tried, now)
        if outcome.is_gone:
            notices.end_subscriber(connection, due.subscriber_id, outcome.said, now)
    if tried.state == "dead":
        _log.warning(
            "notice %s to subscriber %s is given up after %d tries: %s",
            *(due.event_id, due.subscriber_id, due.tries + 1, outcome.said),
        )


def _tried(due: Due, outcome: Outcome, now: datetime) -> Tried:
    if outcome.is_delivered:
        return Tried(state="delivered", next_at=now, outcome=outcome.said)
    if outcome.is_final or due.tries >= len(PAUSES):
        return Tried(state="dead", next_at=now, outcome=outcome.said)
    pause = max(PAUSES[due.tries] * _jitter(due), outcome.wait_s)
    return Tried(state="waiting", next_at=now + timedelta(seconds=pause), outcome=outcome.said)


def _jitter(due: Due) -> float:
    """Return 1 to 1.1, by the message's own id: what failed together does not come back together."""
    return 1 + int(due.event_id[:4], 16) / 0xFFFF / 10
