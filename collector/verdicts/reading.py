"""Signed reports, read: by whose key, in which order, by which clock; and what of them cannot be believed; pure."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from agent.contract import measurement, report, signing
from agent.contract.errors import MalformedError, ReportError
from agent.contract.measurement import Measurement, Unknown
from agent.contract.report import Report
from collector.verdicts.facts import AgentKey, Known, SignedReport
from collector.verdicts.heard import Session, Void, Weak

_NOTHING = "0" * 64
_LONGEST_BOOT_S = 1e9  # more than thirty years, and before no year that a date can have


class _Read(Struct, frozen=True, kw_only=True):
    signed: SignedReport
    report: Report
    measurements: tuple[Measurement | Unknown, ...]
    sha256: str


class Readings(Struct, frozen=True, kw_only=True):
    """Every report that could be read, and how many could not, by why."""

    sessions: tuple[Session, ...]
    unread: Mapping[str, int]


def read(reports: Iterable[SignedReport], keys: Iterable[AgentKey], known: Iterable[Known], clock_s: float) -> Readings:
    """Check and read reports; ``known`` are others of their chains, ``clock_s`` is how far a clock may be wrong."""
    by_agent: dict[str, list[SignedReport]] = defaultdict(list)
    for one in reports:
        by_agent[one.agent].append(one)
    key_of = {key.agent: key for key in keys}
    others: dict[str, dict[int, str]] = defaultdict(dict)
    for other in known:
        others[other.agent][other.sequence] = other.sha256
    sessions: list[Session] = []
    unread: dict[str, int] = defaultdict(int)
    for agent in sorted(by_agent):
        found = []
        for one in sorted(by_agent[agent], key=lambda one: (one.sequence, one.received_at, one.payload)):
            opened = _opened(one, key_of.get(agent))
            if isinstance(opened, _Read):
                found.append(opened)
            else:
                unread[opened] += 1
        sessions += _sessions(found, key_of.get(agent), others[agent], clock_s)
    return Readings(sessions=tuple(sessions), unread=dict(sorted(unread.items())))


def _opened(one: SignedReport, key: AgentKey | None) -> _Read | Void:
    if key is None or signing.agent_id(key.public) != one.agent:
        return "signature"
    envelope = signing.Envelope(
        payload_type=report.PAYLOAD_TYPE,
        payload=one.payload,
        signatures=(signing.Signature(keyid=one.agent, sig=one.signature),),
    )
    try:
        payload = signing.verify(envelope, report.PAYLOAD_TYPE, key.public)
    except ReportError:
        return "signature"
    try:
        decoded = report.decode(payload)
        if (decoded.agent, decoded.sequence) != (one.agent, one.sequence):
            return "unreadable"
        measured = tuple(measurement.decode(raw) for raw in decoded.measurements)
    except MalformedError:
        return "unreadable"
    return _Read(signed=one, report=decoded, measurements=measured, sha256=report.sha256_hex(payload))


def _sessions(found: Sequence[_Read], key: AgentKey | None, others: Mapping[int, str], clock_s: float) -> list[Session]:
    told = _clocks(found, timedelta(seconds=clock_s))
    forked = _forked_from(found, others)
    torn = _torn(found, others)
    made = []
    for one in found:
        void: list[Void] = []
        weak: list[Weak] = []
        if key is not None and key.distrusted_from is not None and one.signed.received_at >= key.distrusted_from:
            void.append("key_revoked")
        if forked is not None and one.report.sequence >= forked:
            void.append("chain_forked")
        if not told[one.signed.sequence, one.sha256]:
            void.append("clock")
        if any(begins <= one.report.created_at <= ends for begins, ends in torn):
            weak.append("chain_torn")
        made.append(
            Session(
                agent=one.signed.agent,
                sequence=one.signed.sequence,
                created_at=one.report.created_at,
                measurements=one.measurements,
                void=tuple(void),
                weak=tuple(weak),
            )
        )
    return made


def _clocks(found: Sequence[_Read], most: timedelta) -> dict[tuple[int, str], bool]:
    """Tell of each report whether its clock is believed.

    A report that came in at once shows that the clock was right then; the boot clock carries that to the others of the
    same boot, as long as the clock was not set between them.
    """
    by_boot: dict[str, list[_Read]] = defaultdict(list)
    for one in found:
        by_boot[one.report.boot_id].append(one)
    believed: dict[tuple[int, str], bool] = {}
    for members in by_boot.values():
        anchors = sorted(_booted(one) for one in members if abs(one.signed.received_at - one.report.created_at) <= most)
        for one in members:
            near = any(abs(_booted(one) - anchor) <= most for anchor in anchors)
            believed[one.signed.sequence, one.sha256] = near
    return believed


def _booted(one: _Read) -> datetime:
    """Return when, by its clock at the time, this computer started."""
    return one.report.created_at - timedelta(seconds=min(one.report.monotonic_s, _LONGEST_BOOT_S))


def _forked_from(found: Sequence[_Read], others: Mapping[int, str]) -> int | None:
    """Return the first number from which two histories of one computer are told; null where there is one."""
    hash_of = dict(others)
    twice = [one.signed.sequence for one in found if hash_of.setdefault(one.signed.sequence, one.sha256) != one.sha256]
    parted = [
        one.signed.sequence
        for one in found
        if (one.report.previous or _NOTHING) != hash_of.get(one.signed.sequence - 1, one.report.previous or _NOTHING)
    ]
    return min([*twice, *parted], default=None)


def _torn(found: Sequence[_Read], others: Mapping[int, str]) -> list[tuple[datetime, datetime]]:
    """Return the spans in which reports are missing: what they said nobody knows, so nothing there is held against."""
    spans: list[tuple[datetime, datetime]] = []
    made_at = {one.signed.sequence: one.report.created_at for one in found}
    present = sorted({0, *made_at, *others})
    for number, after in itertools.pairwise(present):
        if after == number + 1 or after not in made_at:
            continue
        ends = made_at[after]
        # Nobody knows when the one before was made: then since when the day began.
        begins = made_at.get(number, ends.replace(hour=0, minute=0, second=0, microsecond=0))
        spans.append((min(begins, ends), max(begins, ends)))
    return spans
