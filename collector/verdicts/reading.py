"""Signed reports, read: by whose key, in which order, by which clock; and what of them cannot be believed; pure."""

import itertools
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
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


class Limits(Struct, frozen=True, kw_only=True):
    """How far a clock may be wrong, and what a computer can send in a month: reports, and bytes of them."""

    clock_s: float
    reports: int
    payload_bytes: int


class Readings(Struct, frozen=True, kw_only=True):
    """Every report that could be read, and how many could not, by why."""

    sessions: tuple[Session, ...]
    unread: Mapping[str, int]

    def without(self, broken: Callable[[Session], bool]) -> "Readings":
        """Return these without the reports that nobody can read after all."""
        sound = tuple(one for one in self.sessions if not broken(one))
        count = len(self.sessions) - len(sound)
        return Readings(sessions=sound, unread=Counter(self.unread) + Counter(unreadable=count))


def read(
    reports: Iterable[SignedReport],
    keys: Iterable[AgentKey],
    known: Iterable[Known],
    limits: Limits,
    is_of_month: Callable[[datetime], bool],
) -> Readings:
    """Check and read reports; ``known`` are others of their chains.

    Of a computer that sent more than it can make nothing is believed, and nothing is read. What it made in the month
    counts for that, not the report of the month before that shows how its clock went.
    """
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
        if _are_too_many(by_agent[agent], limits, is_of_month):
            unread["too_many"] += len(by_agent[agent])
            continue
        found = []
        for one in sorted(by_agent[agent], key=lambda one: (one.sequence, one.received_at, one.payload)):
            opened = _opened(one, key_of.get(agent))
            if isinstance(opened, _Read):
                found.append(opened)
            else:
                unread[opened] += 1
        sessions += _sessions(found, key_of.get(agent), others[agent], limits.clock_s)
    return Readings(sessions=tuple(sessions), unread=dict(sorted(unread.items())))


def are_too_many(reports: Sequence[SignedReport], most_reports: int, most_bytes: int) -> bool:
    """Tell whether a computer sent more than it can make."""
    return len(reports) > most_reports or sum(len(one.payload) for one in reports) > most_bytes


def _are_too_many(sent: Sequence[SignedReport], limits: Limits, is_of_month: Callable[[datetime], bool]) -> bool:
    most = (limits.reports, limits.payload_bytes)
    return are_too_many(sent, *most) and are_too_many([one for one in sent if _is_of(one, is_of_month)], *most)


def _is_of(one: SignedReport, is_of_month: Callable[[datetime], bool]) -> bool:
    """Tell whether a report is of the month by its own clock; one that nobody can read is taken to be."""
    try:
        return is_of_month(report.decode(one.payload).created_at)
    except MalformedError:
        return True


def _opened(one: SignedReport, key: AgentKey | None) -> _Read | Void:
    if key is None or signing.agent_id(key.public) != one.agent:
        return "signature"
    try:
        payload = signing.verify(one.envelope, report.PAYLOAD_TYPE, key.public)
    except ReportError:
        return "signature"
    try:
        decoded = report.decode(payload)
        if (decoded.agent, decoded.sequence) != (one.agent, one.sequence):
            return "unreadable"
        measured = tuple(measurement.decode(raw) for raw in decoded.measurements)
    except (MalformedError, ValueError, ArithmeticError, LookupError):
        return "unreadable"
    return _Read(signed=one, report=decoded, measurements=measured, sha256=report.sha256_hex(payload))


def _sessions(found: Sequence[_Read], key: AgentKey | None, others: Mapping[int, str], clock_s: float) -> list[Session]:
    told = _clocks(found, timedelta(seconds=clock_s))
    ordered = _in_order(found, told, timedelta(seconds=clock_s))
    forked = _forked_from(found, others, key)
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
        if torn.holds(one.report.created_at):
            weak.append("chain_torn")
        made.append(
            Session(
                agent=one.signed.agent,
                sequence=one.signed.sequence,
                created_at=one.report.created_at,
                received_at=one.signed.received_at,
                measurements=one.measurements,
                void=tuple(void),
                weak=tuple(weak),
                is_in_order=(one.signed.sequence, one.sha256) in ordered,
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


def _in_order(
    found: Sequence[_Read], believed: Mapping[tuple[int, str], bool], most: timedelta
) -> set[tuple[int, str]]:
    """Return the reports whose clocks are not proven, and lie in order between those that are.

    Of a run of them each was made after the proven one before the run, before the proven one after it, and before it
    came in; and their clocks have to grow with their numbers, or nobody knows which of them was right.
    """
    kept: set[tuple[int, str]] = set()
    run: list[_Read] = []
    last: _Read | None = None
    for one in (*found, None):
        if one is not None and not believed[one.signed.sequence, one.sha256]:
            run.append(one)
            continue
        times = [each.report.created_at for each in (last, *run, one) if each is not None]
        are_early = all(each.report.created_at <= each.signed.received_at + most for each in run)
        if last is not None and are_early and all(early <= late for early, late in itertools.pairwise(times)):
            kept.update((each.signed.sequence, each.sha256) for each in run)
        run, last = [], one
    return kept


def _booted(one: _Read) -> datetime:
    """Return when, by its clock at the time, this computer started."""
    return one.report.created_at - timedelta(seconds=min(one.report.monotonic_s, _LONGEST_BOOT_S))


def _forked_from(found: Sequence[_Read], others: Mapping[int, str], key: AgentKey | None) -> int | None:
    """Return the first number from which two histories of one computer are told; null where there is one.

    Told once, it holds for good: also where the reports that show it are of an earlier month.
    """
    hash_of = dict(others)
    twice = [one.signed.sequence for one in found if hash_of.setdefault(one.signed.sequence, one.sha256) != one.sha256]
    parted = [
        one.signed.sequence
        for one in found
        if (one.report.previous or _NOTHING) != hash_of.get(one.signed.sequence - 1, one.report.previous or _NOTHING)
    ]
    earlier = [key.forked_from] if key is not None and key.forked_from is not None else []
    return min([*twice, *parted, *earlier], default=None)


class _Spans:
    """Spans of time, both ends included; asked as often as there are reports."""

    def __init__(self, spans: Iterable[tuple[datetime, datetime]]) -> None:
        ordered = sorted(spans)
        self._begins = [begins for begins, _ in ordered]
        self._last_ends = list(itertools.accumulate((ends for _, ends in ordered), max))

    def holds(self, at: datetime) -> bool:
        until = bisect_right(self._begins, at)
        return until > 0 and at <= self._last_ends[until - 1]


def _torn(found: Sequence[_Read], others: Mapping[int, str]) -> _Spans:
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
    return _Spans(spans)
