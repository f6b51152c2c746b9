"""Who is told: subscriptions are made and ended, and tried out."""

import logging
import secrets
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from agent.contract.values import Text
from collector.errors import NotAllowed, NotFound
from collector.notices import destination, mail, message, webhooks
from collector.notices.errors import NoticeError
from collector.settings import NoticesSettings
from collector.store import audit, notices
from collector.store.audit import Who
from collector.store.database import Connection, Viewer
from collector.store.notices import Channel, HeldBy, Kind, Lapsed, NewDelivery, Subscriber
from collector.words import counted, say

_ITSELF = Who("the collector")

_log = logging.getLogger(__name__)


class Wish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who wants to be told where; ``kinds`` empty: of everything that they may see."""

    name: Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
    channel: Channel
    address: Text
    kinds: Annotated[tuple[Kind, ...], Meta(max_length=20)] = ()


class Holder(Struct, frozen=True):
    """Whose access a subscription rests on: an account's, or that of the API tokens of one name."""

    by: HeldBy
    name: str


class Subscribed(Struct, frozen=True, kw_only=True):
    """A new subscription. ``secret``: what a webhook's messages are signed with; it is shown only now."""

    subscriber: Subscriber
    secret: str | None


def subscribe(
    connection: Connection,
    wish: Wish,
    viewer: Viewer,
    settings: NoticesSettings,
    *,
    who: Who,
    now: datetime,
    holder: Holder | None = None,
) -> Subscribed:
    """Tell somebody, from now on, of what this viewer may see; with a ``holder``, as long as that may see it too.

    Raises:
        NoticeError: the address cannot be used, is subscribed already, or there are enough subscriptions.
        SettingsError: it is an email, and there is no mail server.
    """
    if wish.channel == "email":
        mail.checked(wish.address)
        mail.check_settings(settings)
    else:
        destination.checked(wish.address)
    own = [one for one in notices.subscribers(connection) if Viewer(one.role, one.scope) == viewer]
    if len(own) >= settings.subscribers_each:
        raise NoticeError(
            counted(
                "there is {n} subscription already, and no more may be; end one first",
                "there are {n} subscriptions already, and no more may be; end one first",
                len(own),
            )
        )
    same = next((one for one in own if (one.channel, one.address) == (wish.channel, wish.address)), None)
    if same is not None:
        raise NoticeError(
            say(
                "this address is subscribed already as {name} ({id}); end that one first",
                name=repr(same.name),
                id=same.id,
            )
        )
    secret = webhooks.new_secret() if wish.channel == "webhook" else None
    made = Subscriber(
        id=secrets.token_hex(8),
        name=wish.name,
        role=viewer.role,
        scope=viewer.scope,
        channel=wish.channel,
        address=wish.address,
        kinds=tuple(dict.fromkeys(wish.kinds)),
        author=who.name,
        held_by=None if holder is None else holder.by,
        holder=None if holder is None else holder.name,
        created_at=now,
    )
    notices.keep_subscriber(connection, made, secret)
    _note(connection, who, made, "subscribed", now)
    return Subscribed(subscriber=made, secret=None if secret is None else webhooks.shown(secret))


def one_of(connection: Connection, subscriber_id: str, viewer: Viewer) -> Subscriber:
    """Return a subscriber that is still told, for a viewer who may change that.

    Raises:
        NotFound: there is none that the viewer may see.
        NotAllowed: it is another's; the ministry may end it.
    """
    found = notices.subscribers(connection, subscriber_id=subscriber_id)
    if not found:
        raise NotFound(say("there is no subscription {id} that you may see", id=repr(subscriber_id)))
    if viewer != Viewer(found[0].role, found[0].scope) and viewer.role not in ("ministry", "admin"):
        raise NotAllowed(say("a subscription is changed by those it is for, and by the ministry"))
    return found[0]


def end(connection: Connection, one: Subscriber, *, who: Who, now: datetime) -> None:
    """Send a subscriber nothing more, not even what waits."""
    notices.end_subscriber(connection, one.id, f"ended by {who.name}", now)
    _note(connection, who, one, "ended", now)


def end_lapsed(connection: Connection, now: datetime) -> None:
    """Send nothing more to whom an account or a token gave the right that is gone; for the owner alone."""
    for one in notices.lapsed(connection, now):
        why = _why(one)
        notices.end_subscriber(connection, one.id, why, now)
        detail = {"id": one.id, "done": "ended", "why": why, "role": one.role, "scope": one.scope}
        audit.note(connection, _ITSELF, "changed", f"notices to {one.name}", now=now, detail=detail)
        _log.warning("subscription %s is told nothing more: %s", one.id, why)


def _why(one: Lapsed) -> str:
    if one.held_by == "token":
        return f"no API token {one.holder!r} holds any more that may ask for notices of this role and scope"
    if one.has_account:
        return f"the account {one.holder!r} has another role or scope now"
    return f"the account {one.holder!r} is out of use"


def test(connection: Connection, one: Subscriber, *, who: Who, now: datetime) -> str:
    """Let a test wait for its turn; return its id."""
    event_id = secrets.token_hex(16)
    body = message.encoded(message.test_event(event_id, now))
    new = NewDelivery(school="", event_id=event_id, kind="test", subscriber=one, body=body)
    notices.keep_test(connection, new, now)
    _note(connection, who, one, "tested", now)
    return event_id


def _note(connection: Connection, who: Who, one: Subscriber, done: str, now: datetime) -> None:
    detail = {"id": one.id, "done": done, "channel": one.channel, "role": one.role, "scope": one.scope}
    audit.note(connection, who, "changed", f"notices to {one.name}", now=now, detail=detail)
