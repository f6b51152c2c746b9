"""Signed reports in a bundle: their signatures, and those that show that a computer told two histories; pure."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from msgspec import UNSET

from agent.contract import report, signing
from agent.contract.errors import MalformedError, ReportError
from collector.evidence import entry
from collector.evidence.bundle import ForkRecord, StubRecord
from collector.evidence.errors import EvidenceError
from collector.evidence.places import sha256_of
from collector.verdicts.facts import Facts, Known, SignedReport
from collector.verdicts.terms import stretches

# A report is taken to be made when its clock says if it came in so soon after that, else when it came in.
_LATE, _AHEAD = timedelta(days=31), timedelta(days=1)


def check_signature(agent: str, payload: bytes, signature: bytes, public: bytes) -> None:
    """Check that a computer's key signed a report.

    Raises:
        ReportError: it did not.
    """
    envelope = signing.Envelope(
        payload_type=report.PAYLOAD_TYPE,
        payload=payload,
        signatures=(signing.Signature(keyid=agent, sig=signature),),
    )
    signing.verify(envelope, report.PAYLOAD_TYPE, public)


def fault(one: ForkRecord, public: bytes) -> str | None:
    """Return why a report does not show that its computer told two histories; null where it does, or is not shown."""
    if one.payload is None:
        return None if one.why is not None else "the report is not shown, and nothing says why"
    try:
        check_signature(one.agent, one.payload.encode(), one.signature or b"", public)
        said = report.decode(one.payload.encode())
    except (ReportError, MalformedError) as error:
        return str(error)
    if (said.agent, said.sequence, sha256_of(one.payload)) != (one.agent, one.sequence, one.sha256):
        return "it is another report than it says"
    if said.previous == one.before_sha256:
        return "the report continues the one before it: its computer told one history"
    return None


def must_be_here(one: ForkRecord, facts: Facts, shown: Sequence[SignedReport]) -> str | None:
    """Return why a report that is not shown has to be; null where it can be as it is said.

    Args:
        one: which report, with its entry.
        facts: those that tell of it.
        shown: the verdict's own reports.
    """
    if one.payload is not None or one.place is None:
        return None
    if (one.agent, one.sequence) in {(each.agent, each.sequence) for each in shown}:
        return "it is one of the verdict's own reports"
    try:
        came = entry.decode(one.place.entry.encode()).at
    except EvidenceError:  # told already, with its place
        return None
    if one.why == "not kept" and any(each.received_at <= came for each in shown):
        return "it is said not to be kept any more, and older reports are"
    days = [came - _LATE - _AHEAD + timedelta(days=number) for number in range((_LATE + 3 * _AHEAD).days)]
    if one.why == "not of this line" and not facts.has_other_line and all(is_of_line(facts, at) for at in days):
        return "it is said not to be of this operator's days, and there are no others"
    return None


def made_at(created_at: datetime, received_at: datetime) -> datetime:
    """Return when a report is taken to be made."""
    return created_at if received_at - _LATE <= created_at <= received_at + _AHEAD else received_at


class Between:
    """Which numbers of computers stand between reports of the operator's own days, by those that are shown.

    Where a report of such a number is not among them, it says that it is of another day: its computer's clock was
    wrong. Of a school with two lines nobody can tell.
    """

    def __init__(self, facts: Facts, shown: Iterable[SignedReport]) -> None:
        """Take the facts and the verdict's reports."""
        held = () if facts.has_other_line else facts.stretches
        self._facts = facts
        self._days = {one.first + timedelta(days=n) for one in held for n in range((one.last - one.first).days + 1)}
        self._made: dict[str, list[tuple[int, datetime]]] = defaultdict(list)
        for one in sorted(shown, key=lambda one: (one.agent, one.sequence)):
            at = _created_at(one.payload)
            if at is not None and at <= one.received_at + _AHEAD and self.is_own(at):
                self._made[one.agent].append((one.sequence, at))

    def is_own(self, at: datetime) -> bool:
        """Tell whether a moment is of the operator's days in the month."""
        return self._day(at) in self._days

    def has(self, agent: str, sequence: int) -> bool:
        """Tell whether a number stands between two reports of days that have none of somebody else's between them."""
        made = self._made.get(agent, [])
        place = bisect_left(made, sequence, key=lambda one: one[0])
        if not 0 < place < len(made):
            return False
        (_, low), (_, high) = made[place - 1 : place + 1]
        days = (self._day(high) - self._day(low)).days
        return low <= high and all(self._day(low) + timedelta(days=n) in self._days for n in range(days + 1))

    def _day(self, at: datetime) -> date:
        return self._facts.lessons.slot_of(at, 1).date()


def stub_fault(one: StubRecord, known: Known, public: bytes, between: Between) -> str | None:
    """Return why a report that is not shown does not prove to be of other days; null where it does, or need not."""
    if not between.has(one.agent, one.sequence):
        return None
    if one.payload is UNSET or one.signature is UNSET:
        return "it stands between reports of the operator's own days, and nothing shows that it is of another"
    if sha256_of(one.payload) != known.sha256:
        return "it is another report than the facts name"
    try:
        check_signature(one.agent, one.payload.encode(), one.signature, public)
    except ReportError as error:
        return str(error)
    at = _created_at(one.payload.encode())
    if at is not None and between.is_own(at):
        return "it is of the operator's own days, and the verdict does not rest on it"
    return None


def _created_at(payload: bytes) -> datetime | None:
    try:
        return report.decode(payload).created_at
    except MalformedError:
        return None


def is_of_line(facts: Facts, at: datetime) -> bool:
    """Tell whether the operator had to answer for the line on the day of a moment, in any month."""
    day = facts.lessons.slot_of(at, 1).date()
    return bool(stretches(facts.terms, day, day))
