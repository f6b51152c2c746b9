"""Test servers and their own records of tests: taken in, checked, and laid beside what the computers reported."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from agent.contract import record, signing, wire
from agent.contract.errors import MalformedError, SettingsError, SignatureError
from agent.contract.record import ServerRecord
from collector.errors import NotFound
from collector.store import audit, verdicts
from collector.store import records as stored
from collector.store.audit import Who
from collector.store.database import Connection, Database, Role
from collector.store.records import MissingTest, NewRecord, Place, ServerKey, StoredRecord
from collector.verdicts.facts import days_of

MISSING_AFTER = timedelta(days=14)  # computers that were off line bring their reports by then
WAITING_KEPT = timedelta(days=92)
BROUGHT_AFTER = timedelta(days=7)  # what a server had not sent yet when its key ended
LONGEST_BACK = timedelta(days=366)
_A_DAY = timedelta(days=1)
MAX_BODY_BYTES = 512 * 1024
_CLOCK_TOLERANCE = timedelta(minutes=5)
_AT_ONCE = 500
_MOST_A_RUN = 20_000

_log = logging.getLogger(__name__)
_batch_decoder: msgspec.json.Decoder[wire.RecordBatch] = msgspec.json.Decoder(wire.RecordBatch)


# -- servers -------------------------------------------------------------------------------------------------------


class NewServer(Struct, frozen=True, kw_only=True):
    """A test server as somebody names it; ``key`` is its public key in hex, as ``netready-agent reflect`` says it.

    ``since``: the key counts for tests that began from then on; null for now.
    """

    url: str
    key: str
    place: Place
    operator: str | None = None
    since: datetime | None = None


def add_server(connection: Connection, wanted: NewServer, who: Who, now: datetime) -> ServerKey:
    """Believe records that this key signs of tests from now on, or from before; closed months are judged again.

    A server may have several keys, each for its own time. A key in use gets another address, place or operator, for all
    its time: that sets right what was wrong. A server that moves needs a new key.

    Raises:
        SettingsError: the address or the key is none; or it is not known since then.
    """
    public_key = _key(wanted.key)
    if not _is_address(wanted.url):
        raise SettingsError(f"{wanted.url!r} is not a test server's address; expected for example wss://host.example")
    key_id = signing.agent_id(public_key)
    before = stored.keys(connection, [key_id]).get(key_id)
    since = _since(wanted, before, now)
    made = ServerKey(
        key_id=key_id,
        public_key=public_key,
        url=wanted.url,
        place=wanted.place,
        operator=wanted.operator,
        since=since,
        author=who.name,
        recorded_at=now,
    )
    kept = _keep(connection, made, who, "server's key added" if before is None else "server's key changed")
    _have_judged(connection, since, now)
    return kept


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("ws", "wss", "http", "https") and bool(parts.hostname) and url.isprintable()


def _since(wanted: NewServer, before: ServerKey | None, now: datetime) -> datetime:
    if before is not None and before.ended_at is None:
        if wanted.since not in (None, before.since):
            raise SettingsError(
                f"this key counts since {before.since:%Y-%m-%d %H:%M %Z} already; end it ('servers end') with --at that"
                " moment, then add it again"
            )
        return before.since
    since = wanted.since or now
    if not now - LONGEST_BACK <= since <= now:
        raise SettingsError(f"{since:%Y-%m-%d %H:%M %Z} is not within the last year; see --since")
    if before is not None and before.ended_at is not None and since < before.ended_at:
        raise SettingsError(
            f"this key counted until {before.ended_at:%Y-%m-%d %H:%M %Z}; it can count again from then on"
        )
    return since


def end_server(
    connection: Connection, named: str, who: Who, now: datetime, at: datetime | None = None
) -> list[ServerKey]:
    """Believe no record of a test that begins from now on, or from a moment of before; closed months are judged again.

    Records of earlier tests are taken in for some days more; those that are here stay believed.

    ``named`` is a server's address (all its keys end), a key or a key's id.

    Raises:
        NotFound: no key in use is of that name.
        SettingsError: the moment lies ahead, more than a year back or before the key began.
    """
    ends = at or now
    found = [one for one in stored.keys(connection).values() if one.ended_at is None and named in _names(one)]
    if not found:
        raise NotFound(
            f"no key in use belongs to {named!r}; 'netready-collector servers list' shows those that there are"
        )
    if not max(now - LONGEST_BACK, *(one.since for one in found)) <= ends <= now:
        raise SettingsError(f"{ends:%Y-%m-%d %H:%M %Z} is not within the last year, or before the key began; see --at")
    ended = [msgspec.structs.replace(one, ended_at=ends, author=who.name, recorded_at=now) for one in found]
    kept = [_keep(connection, one, who, "ended") for one in ended]
    _have_judged(connection, ends, now)
    return kept


def _have_judged(connection: Connection, since: datetime, now: datetime) -> None:
    """Have months judged again that are over and touched; those that go on are judged each day."""
    first = f"{since - _A_DAY:%Y-%m}"  # whose clock it is, is not asked here
    for month in sorted(verdicts.months(connection)):
        if month >= first:
            verdicts.mark_all(connection, month, days_of(month)[1], now)


def _names(one: ServerKey) -> tuple[str, str, str]:
    return one.url, one.key_id, one.public_key.hex()


def _keep(connection: Connection, key: ServerKey, who: Who, what: str) -> ServerKey:
    stored.keep_key(connection, key)
    detail = {"key": key.key_id, "place": key.place, "operator": key.operator, "did": what}
    audit.note(connection, who, "changed", f"server {key.url}", now=key.recorded_at, detail=detail)
    return key


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != signing.PUBLIC_KEY_BYTES:
        raise SettingsError("the key has to be 64 hexadecimal digits, as 'netready-agent reflect --state DIR' says it")
    return key


# -- records -------------------------------------------------------------------------------------------------------


def read_batch(body: bytes) -> tuple[msgspec.Raw, ...]:
    """Return the envelopes of a request's body; raises MalformedError where it is no batch of records."""
    if len(body) > MAX_BODY_BYTES:
        raise MalformedError(f"the body has more than {MAX_BODY_BYTES} bytes; send fewer records at once")
    try:
        return _batch_decoder.decode(body).envelopes
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"the body is not a batch of records: {error}") from error


def take(connection: Connection, envelopes: Sequence[msgspec.Raw], now: datetime, zone: ZoneInfo) -> wire.RecordReply:
    """Check and store records in the caller's transaction; each gets its own answer, given after the commit.

    ``zone``: in which months are counted whose verdicts may not hold any more.
    """
    opened = [_opened(raw) for raw in envelopes]
    signed = [one for one in opened if isinstance(one, signing.Envelope)]
    # A foreign signature's key may be called anything, but PostgreSQL cannot be asked for text with NUL.
    named = {signature.keyid for envelope in signed for signature in envelope.signatures}
    servers = stored.keys(connection, sorted(keyid for keyid in named if "\0" not in keyid))
    judged = [one if isinstance(one, wire.RecordReceipt) else _judge(one, servers, now) for one in opened]
    read = [
        one if isinstance(one, wire.RecordReceipt) else msgspec.structs.replace(one, envelope=bytes(raw))
        for one, raw in zip(judged, envelopes, strict=True)
    ]
    receipts, new = _sort(connection, read)
    stored.keep(connection, new)
    stored.settle(connection, [one.test_id for one in new], now, zone)
    return wire.RecordReply(items=tuple(receipts))


def _opened(raw: msgspec.Raw) -> signing.Envelope | wire.RecordReceipt:
    try:
        return record.open_envelope(raw)
    except MalformedError as error:
        return _refused(str(error))


def _judge(envelope: signing.Envelope, servers: dict[str, ServerKey], now: datetime) -> NewRecord | wire.RecordReceipt:
    server = next((servers[one.keyid] for one in envelope.signatures if one.keyid in servers), None)
    if server is None:
        return wire.RecordReceipt(
            answer="unknown_server",
            detail="the collector does not know this server's key; whoever runs it adds it with "
            "'netready-collector servers add'",
        )
    try:
        found = record.decode(signing.verify(envelope, record.PAYLOAD_TYPE, server.public_key))
    except (MalformedError, SignatureError) as error:
        return _refused(str(error))
    began_at = _began_at(found)
    if began_at is None:
        return _refused("the record counts nothing")
    untimely = _untimely(began_at, server.ended_at, now)
    if untimely is not None:
        return _refused(untimely)
    return NewRecord(
        test_id=found.test_id,
        key_id=server.key_id,
        lease_id=found.lease,
        began_at=began_at,
        received_at=now,
        envelope=b"",
    )


def _untimely(began_at: datetime, ended_at: datetime | None, now: datetime) -> str | None:
    """Return why a record is not taken now, of a test that began then and by a key that ended then; null if it is."""
    if began_at > now + _CLOCK_TOLERANCE:
        return f"the test began at {began_at.isoformat()}, which is still to come; set this server's clock"
    if ended_at is not None and began_at >= ended_at:
        return f"this server's key ended at {ended_at.isoformat()}, before the test"
    if ended_at is not None and now > ended_at + BROUGHT_AFTER:
        return (
            f"this server's key ended at {ended_at.isoformat()}; what it signed was taken in for {BROUGHT_AFTER.days}"
            " days more, since nobody knows who has it by now"
        )
    return None


def _began_at(found: ServerRecord) -> datetime | None:
    return min((one.began_at for one in (found.download, found.upload) if one is not None), default=None)


def _sort(
    connection: Connection, judged: Sequence[NewRecord | wire.RecordReceipt]
) -> tuple[list[wire.RecordReceipt], list[NewRecord]]:
    """Tell what is new from what is here already."""
    known = stored.known(connection, sorted({one.test_id for one in judged if isinstance(one, NewRecord)}))
    receipts: list[wire.RecordReceipt] = []
    new: list[NewRecord] = []
    for one in judged:
        if isinstance(one, wire.RecordReceipt):
            receipts.append(one)
            continue
        earlier = known.setdefault((one.test_id, one.key_id, one.began_at), one.envelope)
        if earlier is one.envelope:
            new.append(one)
            receipts.append(wire.RecordReceipt(answer="stored"))
        elif earlier == one.envelope:
            receipts.append(wire.RecordReceipt(answer="duplicate"))
        else:
            # A server that counts right signs one record of a test: this shows that it, or its key, is not sound.
            _log.error("a second record of test %s at that time by server %s, refused", one.test_id, one.key_id)
            detail = f"another record of test {one.test_id} at that time by this server is here already"
            receipts.append(_refused(detail))
    return receipts, new


def _refused(sentence: str) -> wire.RecordReceipt:
    return wire.RecordReceipt(answer="refused", detail=sentence[:2000])


def run(database: Database, now: datetime, zone: ZoneInfo) -> int:
    """Look again at records whose schools were not known; return how many have one now. ``zone`` as of ``take``."""
    seen = given = 0
    while seen < _MOST_A_RUN:
        with database.ingesting() as connection:
            looked, found = stored.settle_due(connection, now, zone, _AT_ONCE)
        seen, given = seen + looked, given + found
        if looked < _AT_ONCE:
            break
    with database.owning() as connection:
        forgotten = stored.forget_waiting(connection, now - WAITING_KEPT)
    if forgotten:
        _log.info("records of tests that no school claimed in %d days, deleted: %d", WAITING_KEPT.days, forgotten)
    return given


def aware(moment: datetime) -> datetime:
    """Return a moment that somebody asked for; raises MalformedError for one without a zone."""
    if moment.tzinfo is None:
        raise MalformedError(f"{moment.isoformat()} has no time zone; write for example {moment.isoformat()}Z")
    return moment


def shown_to(role: Role, one: StoredRecord, now: datetime) -> StoredRecord:
    """Return a record as somebody may see it now.

    Whoever knows a lease that still holds can have tests made under it. So operators and schools, who gain by it, hear
    of no lease until a day after the test.
    """
    if role not in ("operator", "school") or one.began_at <= now - _A_DAY:
        return one
    return msgspec.structs.replace(one, lease_id=None, envelope=b"")


def missing(connection: Connection, now: datetime, school_id: str | None, *, limit: int) -> list[MissingTest]:
    """Return tests that a server recorded under a school's lease and that no report told of within 14 days."""
    return stored.missing(connection, now - MISSING_AFTER, school_id, limit=limit)
