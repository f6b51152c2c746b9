"""A message: what a webhook gets as JSON, and what an email is written from. Its bytes are kept, and sent as they are.

The shape is that of Standard Webhooks (https://www.standardwebhooks.com): type, timestamp, data.
"""

import re
from datetime import datetime

import msgspec
from msgspec import Struct

from collector.notices import texts
from collector.store.notices import Detail, Kind, ListedEvent

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Data(Struct, frozen=True, kw_only=True):
    """What a message tells. ``id`` is that of the event: a message that comes twice has the same."""

    id: str
    title: str
    text: str
    school: str | None
    name: str | None
    region: str | None
    operator: str | None
    line: str | None
    month: str | None
    synthetic: bool
    detail: Detail


class Message(Struct, frozen=True, kw_only=True):
    """One message."""

    type: Kind
    timestamp: datetime
    data: Data


def encoded(event: ListedEvent) -> bytes:
    """Return the bytes of the message about an event, as the viewer who read the event may see it."""
    words = texts.words_of(event)
    return msgspec.json.encode(
        Message(
            type=event.kind,
            timestamp=event.at,
            data=Data(
                id=event.id,
                title=_plain(words.title),
                text=_plain(words.text),
                school=event.school or None,
                name=event.name,
                region=event.region or None,
                operator=event.operator,
                line=event.line,
                month=event.month,
                synthetic=event.synthetic,
                detail=event.detail,
            ),
        )
    )


def decoded(raw: bytes) -> Message:
    """Read a message as it was kept."""
    return msgspec.json.decode(raw, type=Message)


def test_event(event_id: str, now: datetime) -> ListedEvent:
    """Return the event of a test: it is about no school."""
    return ListedEvent(
        id=event_id,
        kind="test",
        school="",
        name=None,
        region="",
        operator=None,
        line=None,
        month=None,
        number=0,
        synthetic=False,
        is_late=False,
        at=now,
        detail=Detail(),
    )


def _plain(text: str) -> str:
    """Return a text in one line: names come from outside, and go into the headers of mails."""
    return _CONTROLS.sub(" ", text)
