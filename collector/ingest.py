"""Bytes -> verified report -> stored once. Judges nothing; keeps the signed bytes as they came.

Each envelope of a batch gets its own answer; the answers are given only after the commit.
"""

import zlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import msgspec
import psycopg
from msgspec import Struct

from agent.contract import measurement, report, signing, wire
from agent.contract.coverage import key_of, label_of
from agent.contract.errors import MalformedError, ReportError
from agent.contract.measurement import Failed, Link, Measurement, Skipped, Throughput, Unknown
from agent.contract.standards import interval_of
from collector.periods import day_of
from collector.settings import PolicySettings
from collector.store import agents, evidence, fleet, peers, records, reports, rollups, rooms, sightings, verdicts
from collector.store.database import Connection
from collector.store.evidence import Pending

# A clock may be this far ahead before we say so: network delay and drift of an unsynchronised PC over a week or two.
CLOCK_TOLERANCE = timedelta(minutes=5)

# A clock may be a day ahead and what is late still of before.
_AFTER_THE_END = timedelta(days=1)

DEFAULT_ZONE = ZoneInfo(PolicySettings().time_zone)

# What the database can never hold, however often it is sent: values out of range, JSON nested too deep for it.
_UNSTORABLE = (psycopg.DataError, psycopg.errors.StatementTooComplex)

_batch_decoder: msgspec.json.Decoder[wire.ReportBatch] = msgspec.json.Decoder(wire.ReportBatch)


class TooLarge(MalformedError):  # noqa: N818 - the name is the condition itself
    """The batch is larger than allowed; the agent sends smaller ones."""


class _Candidate(Struct, frozen=True):
    """A report that passed every check that needs no database but the agent's key."""

    index: int
    agent: agents.AgentRecord
    payload: bytes
    sha256: bytes
    signature: bytes
    report: report.Report
    measurements: tuple[Measurement | Unknown, ...]

    @property
    def key(self) -> tuple[str, str, int]:
        return (self.agent.school_id, self.agent.agent_id, self.report.sequence)


class _Moment(Struct, frozen=True):
    """When reports came in, and the zone in which days are counted."""

    now: datetime
    zone: ZoneInfo


class _Refusal(Exception):  # noqa: N818 - carries a receipt up to the loop, never leaves this module
    def __init__(self, reason: wire.Reason, detail: str) -> None:
        super().__init__(detail)
        self.receipt = wire.Receipt(
            answer="revoked" if reason == "agent_revoked" else "refused", reason=reason, detail=detail[:2000]
        )


def read_batch(body: bytes, *, compressed: bool) -> tuple[msgspec.Raw, ...]:
    """Return the envelopes of a request body.

    Raises:
        TooLarge: more bytes after decompression, or more envelopes, than allowed.
        MalformedError: not gzip although it says so, or not a batch.
    """
    if compressed:
        body = _decompress(body)
    if len(body) > wire.MAX_BATCH_BYTES:
        raise TooLarge(f"the batch has {len(body)} bytes; {wire.MAX_BATCH_BYTES} are allowed: send fewer at once")
    try:
        return _batch_decoder.decode(body).envelopes
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(
            f'the body is not a batch of reports: {error}; expected {{"envelopes": [1 to {wire.MAX_BATCH_REPORTS}]}}'
        ) from error


class Taken(Struct, frozen=True):
    """What became of envelopes, in their order: the receipts, and the agent of each whose sender is surely known."""

    receipts: list[wire.Receipt]
    agents: list[str | None]


def accept(
    connection: Connection, envelopes: Sequence[bytes | msgspec.Raw], now: datetime, zone: ZoneInfo = DEFAULT_ZONE
) -> list[wire.Receipt]:
    """Judge and store envelopes in the caller's transaction; return one receipt for each, in order.

    The receipts may be given out only when that transaction has been committed.
    """
    return take(connection, envelopes, now, zone).receipts


def take(connection: Connection, envelopes: Sequence[bytes | msgspec.Raw], now: datetime, zone: ZoneInfo) -> Taken:
    """Do as ``accept``, and tell the agents; days are counted in the ``zone``."""
    receipts: dict[int, wire.Receipt] = {}
    opened = _opened(envelopes, receipts)
    # A foreign signature's key may be called anything, but PostgreSQL cannot be asked for text with NUL.
    named = {signature.keyid for envelope in opened.values() for signature in envelope.signatures}
    keyids = sorted(keyid for keyid in named if "\0" not in keyid)
    known = agents.agents_by_id(connection, keyids, lock=True)
    candidates = []
    for index, envelope in opened.items():
        try:
            candidates.append(_check(index, envelope, known))
        except _Refusal as refusal:
            receipts[index] = refusal.receipt
    _store(connection, candidates, receipts, _Moment(now, zone))
    senders = {candidate.index: candidate.agent.agent_id for candidate in candidates}
    indexes = range(len(envelopes))
    return Taken([receipts[index] for index in indexes], [senders.get(index) for index in indexes])


def _decompress(body: bytes) -> bytes:
    # Not gzip.GzipFile: it walks through header fields and empty members in Python, a second of work for one request.
    stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = stream.decompress(body, wire.MAX_BATCH_BYTES + 1)
    except zlib.error as error:
        raise MalformedError(f"the body says it is gzip and is not: {error}") from error
    if len(plain) > wire.MAX_BATCH_BYTES:
        raise TooLarge(f"the batch unpacks to more than {wire.MAX_BATCH_BYTES} bytes: send fewer reports at once")
    if not stream.eof or stream.unused_data:
        raise MalformedError("the body says it is gzip and is not one whole gzip member; send it again")
    return plain


def _opened(envelopes: Sequence[bytes | msgspec.Raw], receipts: dict[int, wire.Receipt]) -> dict[int, signing.Envelope]:
    opened = {}
    for index, raw in enumerate(envelopes):
        try:
            opened[index] = signing.decode_envelope(raw)
        except MalformedError as error:
            receipts[index] = _Refusal("malformed", str(error)).receipt
    return opened


def _check(index: int, envelope: signing.Envelope, known: dict[str, agents.AgentRecord]) -> _Candidate:
    if len(envelope.payload) > report.MAX_PAYLOAD_BYTES:
        raise _Refusal(
            "too_large", f"the report has {len(envelope.payload)} bytes; {report.MAX_PAYLOAD_BYTES} are allowed"
        )
    agent = next((known[signature.keyid] for signature in envelope.signatures if signature.keyid in known), None)
    if agent is None:
        raise _Refusal(
            "unknown_agent", "this computer's key was never enrolled here; enrol it with a token of its school"
        )
    try:
        payload = signing.verify(envelope, report.PAYLOAD_TYPE, agent.public_key)
    except ReportError as error:
        raise _Refusal("signature", str(error)) from error
    if agent.revoked_at is not None:
        raise _Refusal("agent_revoked", "this computer was taken out of service; enrol it again if that was wrong")
    decoded, measurements = _decode(payload)
    if agent.ended_at is not None and decoded.created_at > agent.ended_at + _AFTER_THE_END:
        raise _Refusal(
            "agent_revoked",
            f"this computer's key ended on {agent.ended_at:%Y-%m-%d} (it left, or has a newer key); what it measured"
            " before is taken, this is not: enrol it again with a token of its school",
        )
    if decoded.agent != agent.agent_id:
        raise _Refusal("signature", f"the report names agent {decoded.agent} but is signed by {agent.agent_id}")
    if decoded.school != agent.school_id:
        raise _Refusal(
            "wrong_school", f"the report names school {decoded.school}; this computer belongs to {agent.school_id}"
        )
    signature = next(one.sig for one in envelope.signatures if one.keyid == agent.agent_id)
    sha256 = bytes.fromhex(report.sha256_hex(payload))
    return _Candidate(index, agent, payload, sha256, signature, decoded, measurements)


def _decode(payload: bytes) -> tuple[report.Report, tuple[Measurement | Unknown, ...]]:
    # PostgreSQL cannot hold NUL in text; no honest report has one.
    if b"\\u0000" in payload:
        raise _Refusal("malformed", "the report holds a NUL character")
    try:
        decoded = report.decode(payload)
        if decoded.schema > report.SCHEMA_VERSION:
            return decoded, tuple(_read_newer(raw) for raw in decoded.measurements)
        return decoded, tuple(decoded.read_measurements())
    except MalformedError as error:
        raise _Refusal("malformed", str(error)) from error


def _read_newer(raw: msgspec.Raw) -> Measurement | Unknown:
    # A newer schema may have changed what a kind means: what does not fit is kept unread, not refused.
    try:
        return measurement.decode(raw)
    except MalformedError:
        return Unknown(kind="unreadable")


def _store(
    connection: Connection, candidates: list[_Candidate], receipts: dict[int, wire.Receipt], moment: _Moment
) -> None:
    stored = _stored_hashes(connection, candidates)
    new: list[_Candidate] = []
    for candidate in candidates:
        earlier = stored.get(candidate.key)
        if earlier is None:
            stored[candidate.key] = candidate.sha256
            new.append(candidate)
            receipts[candidate.index] = _stored_receipt(candidate, moment.now)
        else:
            receipts[candidate.index] = _repeated_receipt(candidate, earlier)
    conflicts = [one for one in candidates if receipts[one.index].reason == "sequence_conflict"]
    if conflicts:
        fleet.note_conflict(connection, [_conflict(one, moment.now) for one in conflicts])
    if new:
        _keep_what_can_be_kept(connection, new, receipts, moment)


def _stored_hashes(connection: Connection, candidates: list[_Candidate]) -> dict[tuple[str, str, int], bytes]:
    """Return the hashes of what is stored already; above its agent's newest report nothing is, so nothing is asked."""
    heads = {
        (agent.school_id, agent.agent_id, agent.highest_sequence): agent.head_sha256
        for agent in (candidate.agent for candidate in candidates)
        if agent.head_sha256 is not None
    }
    late = [one.key for one in candidates if one.report.sequence < one.agent.highest_sequence]
    return heads | (reports.stored_hashes(connection, late) if late else {})


def _keep_what_can_be_kept(
    connection: Connection, new: list[_Candidate], receipts: dict[int, wire.Receipt], moment: _Moment
) -> None:
    """Store all, or find the one that holds something the database cannot, in halves, and refuse only that."""
    try:
        # All statements in one go: nobody waits for the answer to each.
        with connection.transaction(), connection.pipeline():
            _keep(connection, new, moment)
    except _UNSTORABLE as error:
        if len(new) == 1:
            detail = f"the report cannot be stored: {error.diag.message_primary or error}"
            receipts[new[0].index] = _Refusal("malformed", detail).receipt
            return
        middle = len(new) // 2
        for half in (new[:middle], new[middle:]):
            _keep_what_can_be_kept(connection, half, receipts, moment)


def _stored_receipt(candidate: _Candidate, now: datetime) -> wire.Receipt:
    ahead = candidate.report.created_at - now
    detail = None
    if ahead > CLOCK_TOLERANCE:
        detail = (
            f"stored under the time it was received, because this computer's clock is {_in_words(ahead)} ahead;"
            " set its date and time"
        )
    return wire.Receipt(answer="stored", detail=detail, sha256=candidate.sha256.hex())


def _repeated_receipt(candidate: _Candidate, earlier: bytes) -> wire.Receipt:
    if earlier == candidate.sha256:
        return wire.Receipt(answer="duplicate", sha256=candidate.sha256.hex())
    detail = (
        f"another report with sequence {candidate.report.sequence} of this computer is already stored; two computers"
        " may use one key (a copied disk): enrol this one anew, with netready-agent enroll --new-key"
    )
    return wire.Receipt(answer="refused", reason="sequence_conflict", detail=detail, sha256=candidate.sha256.hex())


def _conflict(candidate: _Candidate, now: datetime) -> fleet.Conflict:
    return fleet.Conflict(
        school_id=candidate.agent.school_id,
        agent_id=candidate.agent.agent_id,
        boot_id=candidate.report.boot_id,
        sequence=candidate.report.sequence,
        at=now,
    )


def _in_words(span: timedelta) -> str:
    if span >= timedelta(days=2):
        return f"{span.days} days"
    if span >= timedelta(hours=2):
        return f"{span.total_seconds() / 3600:.0f} hours"
    return f"{span.total_seconds() / 60:.0f} minutes"


def _note_forks(connection: Connection, candidates: list[_Candidate], moment: _Moment) -> None:
    """Note the reports that name another one before them than the one here; what came after may be judged already."""
    hashes = {
        (agent.school_id, agent.agent_id, agent.highest_sequence): agent.head_sha256
        for agent in (candidate.agent for candidate in candidates)
    }
    hashes |= {candidate.key: candidate.sha256 for candidate in candidates}
    for candidate in candidates:
        school_id, agent_id, sequence = candidate.key
        before = hashes.get((school_id, agent_id, sequence - 1))
        if before is not None and candidate.report.previous != before.hex():
            agents.note_fork(connection, school_id, agent_id, sequence)
            verdicts.mark_fork(connection, candidate.key, moment.now, moment.zone)


def _keep(connection: Connection, candidates: list[_Candidate], moment: _Moment) -> None:
    now = moment.now
    rows = reports.Rows([], [], [], [])
    doors: list[reports.Row] = []
    told: dict[tuple[str, str], rooms.RoomRecord] = {}
    days: set[tuple[str, date]] = set()
    tests: list[reports.Row] = []
    for candidate in candidates:
        stamp = _stamp(candidate, now)
        rows.reports.append({**stamp, **_report_row(candidate, now)})
        today = day_of(now, moment.zone)
        # A light report, as most are, says only that a computer was on: looked at when the day is over.
        if candidate.report.trigger != "light":
            days.add((candidate.agent.school_id, today))
        link = next((one for one in candidate.measurements if isinstance(one, Link)), None)
        for position, one in enumerate(candidate.measurements):
            at = {**stamp, "position": position, "measured_at": _measured_at(candidate, one, now)}
            body = bytes(candidate.report.measurements[position]).decode()
            rows.measurements.append({**at, **_measurement_row(one), "body": body})
            if isinstance(one, Throughput | Failed) and one.test_id is not None:
                tests.append({**stamp, "test_id": one.test_id})
            if isinstance(one, Throughput):
                rows.tests.append({**at, **_speed_test_row(one, link)})
            if isinstance(one, Link) and (door := peers.row(one, stamp, at["measured_at"])) is not None:
                doors.append(door)
            day = day_of(at["measured_at"], moment.zone)
            if day < today or isinstance(one, Throughput):
                days.add((candidate.agent.school_id, day))
        sighting = sightings.row(candidate.report, candidate.measurements)
        if sighting is not None:
            room = _room(candidate)
            if room is not None:
                told.setdefault((room.school_id, room.room_key), room)
            began = min(_measured_at(candidate, one, now) for one in candidate.measurements)
            room_key = room.room_key if room else None
            rows.sightings.append({**stamp, "measured_at": began, "room_key": room_key, **sighting})
    reports.keep(connection, rows)
    _note_forks(connection, candidates, moment)
    evidence.pend(connection, [_pending(candidate, now) for candidate in candidates])
    records.keep_reported(connection, tests)
    peers.keep(connection, doors)
    rooms.tell_rooms(connection, told.values())
    rollups.mark(connection, days)


def _pending(candidate: _Candidate, now: datetime) -> Pending:
    # Not salted: no two reports are alike, and none can be guessed.
    return Pending(
        subject="report",
        key=f"{candidate.agent.agent_id}/{candidate.report.sequence}",
        school_id=candidate.agent.school_id,
        operator=candidate.agent.operator,
        sha256=candidate.sha256,
        at=now,
        is_salted=False,
    )


def _room(candidate: _Candidate) -> rooms.RoomRecord | None:
    """Return the room that a report tells of; none where its label shows nothing."""
    label = label_of(candidate.report.room or "")
    if not key_of(label):
        return None
    return rooms.RoomRecord(
        school_id=candidate.agent.school_id,
        label=label,
        floor=label_of(candidate.report.floor or "") or None,
        source="survey" if candidate.report.trigger == "survey" else "computer",
    )


def _stamp(candidate: _Candidate, now: datetime) -> reports.Row:
    return {
        "school_id": candidate.agent.school_id,
        "agent_id": candidate.agent.agent_id,
        "sequence": candidate.report.sequence,
        "received_at": now,
        "region_id": candidate.agent.region_id,
        "operator": candidate.agent.operator,
        "synthetic": candidate.agent.synthetic,
    }


def _report_row(candidate: _Candidate, now: datetime) -> reports.Row:
    one = candidate.report
    ahead = one.created_at - now
    return {
        "payload": candidate.payload,
        "payload_sha256": candidate.sha256,
        "previous_sha256": bytes.fromhex(one.previous) if one.previous else None,
        "signature": candidate.signature,
        "schema": one.schema,
        "software": one.software,
        "trigger": one.trigger,
        "boot_id": one.boot_id,
        "monotonic_s": one.monotonic_s,
        "created_at": one.created_at,
        "clock_ahead_s": ahead.total_seconds() if ahead > CLOCK_TOLERANCE else None,
    }


def _measured_at(candidate: _Candidate, one: Measurement | Unknown, now: datetime) -> datetime:
    """Return when it was measured, as far as the computer's clock can be believed: never later than received."""
    created = candidate.report.created_at
    said = created if isinstance(one, Unknown) or one.started_at is None else one.started_at
    return now if created - now > CLOCK_TOLERANCE else min(said, now)


def _measurement_row(one: Measurement | Unknown) -> reports.Row:
    row: reports.Row = {"kind": one.kind if isinstance(one, Unknown) else type(one).__struct_config__.tag}
    row |= {"probe": None, "failure": None, "detail": None}
    if isinstance(one, Failed):
        row |= {"probe": one.probe, "failure": one.failure, "detail": one.detail}
    elif isinstance(one, Skipped):
        row |= {"probe": one.probe, "detail": one.reason}
    return row


def _speed_test_row(test: Throughput, link: Link | None) -> reports.Row:
    row: reports.Row = {
        "engine": test.engine,
        "server": test.server,
        "purpose": test.purpose,
        "rtt_idle_ms": test.rtt_idle_ms,
        "tainted": list(test.tainted),
        "medium": link.medium if link else None,
        "link_speed_bps": link.speed_bps if link else None,
    }
    for name in ("download", "upload"):
        direction = cast("measurement.Direction | None", getattr(test, name))
        # One that contradicts itself stays in the signed report, and counts for nobody.
        interval = interval_of(direction) if direction and direction.contradiction is None else None
        row |= {
            f"{name}_bps": interval.value_bps if interval else None,
            f"{name}_low_bps": interval.low_bps if interval else None,
            f"{name}_high_bps": interval.high_bps if interval else None,
            f"{name}_at_least": interval.high_bps is None if interval else None,
        }
    return row
